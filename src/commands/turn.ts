/** One turn of an issue's session, from the hold to the stored outcome: shared by start and continue. */
import { type Advice, errors, EXIT, type ExitStatus, reasonOf } from "../errors.ts";
import type {
  Limits,
  PermissionPolicy,
  TurnEvent,
  TurnRequest,
  TurnResult,
  TurnWatch,
} from "../runner/mod.ts";
import { exitStatusOf, inWords, isTransient, type Outcome } from "../session/outcome.ts";
import type { RunningTurn, SessionRecord } from "../session/record.ts";
import { ended, named, withProcess } from "../session/state.ts";
import type { Hold } from "../store/mod.ts";
import type { Context } from "./context.ts";
import { afterTurn, type HookedTurn } from "./hooks.ts";

export interface TurnPlan extends HookedTurn {
  turn: RunningTurn;
  /** The record as it is while the turn runs. */
  record: SessionRecord;
  /** The session to fork or to go on with. */
  session: string;
  permissions: PermissionPolicy;
  limits: Limits;
  /** Takes back what was prepared for a start that never got a session. */
  undo?: (() => Promise<void>) | undefined;
}

const RETRY_AFTER_MS = 1500;

/**
 * Runs the turn and gives the hold back.
 *
 * @returns the exit status of a turn that is done
 * @throws turn-ended for every other outcome, after it is stored
 */
export async function runTurn(context: Context, hold: Hold, plan: TurnPlan): Promise<ExitStatus> {
  const { output } = context;
  const view = new TurnView(context, plan.permissions);
  try {
    const result = await context.untilStopped((signal) =>
      attempt(context, hold, plan, view, signal)
    );
    view.stop();
    report(context, hold, result);
    await afterTurn(context, plan, hold.record, result);
    const { outcome, session } = result;
    if (outcome.kind === "done") return EXIT.ok;
    const hasSession = session !== undefined || plan.turn.kind === "continue";
    throw errors.turnEnded(
      hold.key,
      { kind: outcome.kind, words: inWords(outcome), advice: adviceAfter(plan, hold.key, outcome) },
      exitStatusOf(outcome),
      hasSession,
    );
  } finally {
    view.stop();
    await hold.release();
    output.debug("turn lock released");
  }
}

/** The turn with one retry, and its outcome stored. What was claimed for a turn that never ran is undone. */
async function attempt(
  context: Context,
  hold: Hold,
  plan: TurnPlan,
  view: TurnView,
  signal: AbortSignal,
): Promise<TurnResult> {
  const before = hold.record;
  if (before?.turn) await endLeftovers(context, before.turn);
  let record = plan.record;
  let ran = false;
  const save = (next: SessionRecord) => {
    record = next;
    return hold.save(record);
  };
  const watch: TurnWatch = {
    started(opencode) {
      ran = true;
      return opencode && save(withProcess(record, opencode));
    },
    named(session) {
      context.output.debug(`session ${session}`);
      return plan.turn.kind === "start" ? save(named(record, session, context.now())) : undefined;
    },
    event: (event) => view.event(event),
  };
  try {
    await save(record);
    const result = await runWithRetry(context, requestOf(plan), watch, signal);
    if (record.opencode_session_id === null) await undoStart(hold, plan);
    else await save(ended(record, result.outcome, context.now()));
    return result;
  } catch (error) {
    const outcome: Outcome = { kind: "failed", reason: "kugetsu", detail: reasonOf(error) };
    const undo = record.opencode_session_id === null
      ? undoStart(hold, plan)
      : save(ran || !before ? ended(record, outcome, context.now()) : before);
    await undo.catch(() => {}); // the first error matters, and doctor repairs the rest
    throw error;
  }
}

/** While the issue is still held: afterwards somebody else may begin it. */
async function undoStart(hold: Hold, plan: TurnPlan): Promise<void> {
  await plan.undo?.();
  await hold.remove();
}

function requestOf({ undo: _, ...plan }: TurnPlan): TurnRequest {
  return { ...plan, id: plan.turn.id, kind: plan.turn.kind === "start" ? "fork" : "continue" };
}

/** Tries once more when opencode never got under way. */
async function runWithRetry(
  context: Context,
  request: TurnRequest,
  watch: TurnWatch,
  signal: AbortSignal,
): Promise<TurnResult> {
  const runner = await context.runner();
  const result = await runner.turn(request, watch, signal);
  if (!isTransient(result.outcome) || result.session !== undefined || signal.aborted) return result;
  context.output.debug("opencode did not get under way; trying once more");
  await new Promise((later) => setTimeout(later, RETRY_AFTER_MS * (0.5 + Math.random())));
  return await runner.turn(request, watch, signal);
}

/** Ends what an owner that died has left running, so that two turns never meet in one session. */
export async function endLeftovers(context: Context, turn: RunningTurn): Promise<void> {
  const runner = await context.runner();
  const left = await runner.endLeftovers(turn);
  if (left > 0) throw errors.leftoversAlive(turn.id, left);
}

/** What helps after an outcome, where it is something else than going on. */
function adviceAfter({ turn }: TurnPlan, ref: string, outcome: Outcome): Advice | undefined {
  const quoted = JSON.stringify(ref);
  if (outcome.kind === "blocked") {
    const next = `kugetsu continue ${quoted} --permissions allow`;
    return { next, hint: "or allow it in opencode's settings" };
  }
  if (outcome.kind !== "failed") return undefined;
  switch (outcome.reason) {
    case "session-gone":
      return turn.kind === "start"
        ? { next: "kugetsu init --force", hint: "the base session is gone from opencode" }
        : { next: `kugetsu destroy ${quoted} -y`, hint: "then start it again" };
    case "agent-unknown":
      return "opencode agent list";
    case "model-unknown":
      return { next: "opencode models", hint: "name one of them with --model" };
    default:
      return undefined;
  }
}

function report(context: Context, hold: Hold, { outcome, text, session }: TurnResult): void {
  const { output } = context;
  if (!output.json) return;
  output.result({
    issue_ref: hold.key,
    opencode_session_id: session ?? hold.record?.opencode_session_id ?? null,
    outcome: outcome.kind,
    ...("reason" in outcome ? { reason: outcome.reason } : {}),
    ...("detail" in outcome ? { detail: outcome.detail } : {}),
    exit: exitStatusOf(outcome),
    text,
  }, "");
}

/** Shows a turn as it goes: the answer on standard output, what the agent does on the terminal. */
class TurnView {
  readonly #context: Context;
  readonly #permissions: PermissionPolicy;
  readonly #progress;

  constructor(context: Context, permissions: PermissionPolicy) {
    this.#context = context;
    this.#permissions = permissions;
    this.#progress = context.output.progress();
    this.#progress.show("waiting for opencode");
  }

  event(event: TurnEvent): void {
    const { output } = this.#context;
    output.debug(`event ${event.kind}${event.kind === "tool" ? ` ${event.tool}` : ""}`);
    switch (event.kind) {
      case "text":
        if (!output.json) this.#progress.around(() => output.write(`${event.text}\n`));
        return this.#progress.show("thinking");
      case "tool":
        return this.#progress.show(
          `${event.state === "failed" ? "failed: " : ""}${event.tool} ${event.title}`,
        );
      case "permission":
        // Under wait it ends the turn, and the error says what it was.
        if (this.#permissions === "wait") return;
        return this.#progress.around(() =>
          output.note(
            `opencode wanted a permission and was denied: ${event.permission} (${event.patterns})`,
          )
        );
      case "trouble":
        return this.#progress.show(`trying again after: ${event.text}`);
      case "notice":
        return this.#progress.around(() => output.debug(`opencode: ${event.text}`));
      case "step":
      case "usage":
      case "asks":
      case "answered":
        return;
    }
  }

  stop(): void {
    this.#progress.stop();
  }
}
