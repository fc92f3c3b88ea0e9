/** One turn of an issue's session inside the supervisor, from its place in the queue to the stored outcome. */
import { errors, KugetsuError, partsOf } from "../errors.ts";
import type {
  Limits,
  PermissionPolicy,
  TurnEvent,
  TurnRequest,
  TurnResult,
  TurnWatch,
} from "../runner/mod.ts";
import { isTransient, type Outcome, stoppedBy } from "../session/outcome.ts";
import type { RunnerKind, RunningTurn, SessionRecord } from "../session/record.ts";
import {
  answered,
  asking,
  begun,
  ended,
  named,
  type Whereabouts,
  withProcess,
} from "../session/state.ts";
import type { Hold } from "../store/mod.ts";
import type { JobHost, TurnEnd } from "../supervisor/mod.ts";
import type { Context } from "./context.ts";
import { afterTurn, type HookedTurn } from "./hooks.ts";
import { type Place, setUpPlace, undoPlace } from "./place.ts";

export interface TurnPlan extends HookedTurn {
  turn: RunningTurn;
  /** The record as it is while the turn waits. */
  record: SessionRecord;
  /** The session to fork or to go on with. */
  session: string;
  title?: string | undefined;
  permissions: PermissionPolicy;
  limits: Limits;
  runner: RunnerKind;
  debug?: boolean | undefined;
  place: Place;
}

const RETRY_AFTER_MS = 1500;

/**
 * Runs the turn, stores how it ended, gives the hold back, and tells: whoever hears of the end may begin the next turn
 * at once.
 */
export async function runTurn(
  context: Context,
  hold: Hold,
  plan: TurnPlan,
  host: JobHost,
): Promise<void> {
  const end = await endOf(context, hold, plan, host);
  await hold.release();
  host.ended(end);
}

async function endOf(
  context: Context,
  hold: Hold,
  plan: TurnPlan,
  host: JobHost,
): Promise<TurnEnd> {
  try {
    const result = await new Attempt(context, hold, plan, host).run();
    await afterTurn(context, plan, hold.record, result);
    return { ...result, session: result.session ?? null };
  } catch (error) {
    const parts = partsOf(error);
    const outcome: Outcome = { kind: "failed", reason: "kugetsu", detail: parts.message };
    const session = hold.record?.opencode_session_id ?? null;
    return { outcome, session, text: "", error: parts };
  }
}

/** The turn, with its record true at every step. What was claimed for a start that got no session is undone. */
class Attempt {
  readonly #context: Context;
  readonly #hold: Hold;
  readonly #plan: TurnPlan;
  readonly #host: JobHost;
  #record: SessionRecord;
  #saving: Promise<void> = Promise.resolve();

  constructor(context: Context, hold: Hold, plan: TurnPlan, host: JobHost) {
    this.#context = context;
    this.#hold = hold;
    this.#plan = plan;
    this.#host = host;
    this.#record = plan.record;
  }

  async run(): Promise<TurnResult> {
    const { now } = this.#context;
    try {
      const result = await this.#work();
      if (this.#record.opencode_session_id === null) await this.#undo();
      else await this.#save((record) => ended(record, result.outcome, now(), this.#host.used()));
      return { ...result, session: this.#record.opencode_session_id ?? undefined };
    } catch (error) {
      const outcome: Outcome = {
        kind: "failed",
        reason: "kugetsu",
        detail: partsOf(error).message,
      };
      this.#saving = Promise.resolve();
      const settled = this.#record.opencode_session_id === null
        ? this.#undo()
        : this.#save((record) => ended(record, outcome, now(), this.#host.used()));
      await settled.catch(() => {}); // the first error matters, and doctor repairs the rest
      throw error;
    }
  }

  async #work(): Promise<TurnResult> {
    const { signal } = this.#host;
    if (signal.aborted) return stopped(signal);
    await this.#begin();
    this.#host.begun(this.#plan.directory);
    try {
      await setUpPlace(this.#context, this.#plan.place, signal);
    } catch (error) {
      if (error instanceof KugetsuError && error.code === "start-stopped") return stopped(signal);
      throw error;
    }
    return await this.#runWithRetry(signal);
  }

  async #begin(): Promise<void> {
    const { opencode_session_id: session, turn } = this.#record;
    const isNamed = session === null || turn?.message_id !== undefined;
    const runner = await this.#context.runner(this.#plan.runner);
    const messageId = isNamed ? undefined : runner.newMessageId();
    await this.#save((record) => begun(record, this.#context.now(), messageId));
  }

  /** Tries once more where opencode is not known to have the message. */
  async #runWithRetry(signal: AbortSignal): Promise<TurnResult> {
    const runner = await this.#context.runner(this.#plan.runner);
    const wasTried = this.#plan.record.turn?.message_id !== undefined;
    const result = await runner.turn(this.#request(wasTried), this.#watch(), signal);
    if (!mayTryAgain(result) || signal.aborted) return result;
    this.#context.output.debug("opencode did not get under way; trying once more");
    await new Promise((later) => setTimeout(later, RETRY_AFTER_MS * (0.5 + Math.random())));
    return await runner.turn(this.#request(true), this.#watch(), signal);
  }

  #request(wasTried: boolean): TurnRequest {
    const { turn, directory, title, message, model, agent, permissions } = this.#plan;
    const { limits, debug } = this.#plan;
    const own = this.#record.opencode_session_id;
    const kind = own === null ? "fork" : "continue";
    const session = own ?? this.#plan.session;
    const messageId = this.#record.turn?.message_id;
    return {
      ...{ id: turn.id, kind, session, directory, message },
      ...{ messageId, isAgain: wasTried && messageId !== undefined },
      ...{ title, model, agent, permissions, limits, debug },
    };
  }

  #watch(): TurnWatch {
    const { now, output } = this.#context;
    return {
      started: (opencode) => opencode && this.#save((record) => withProcess(record, opencode)),
      named: async (session, messageId) => {
        output.debug(`session ${session}`);
        const { opencode_session_id: before, turn } = this.#record;
        const isKnown = messageId === undefined || messageId === turn?.message_id;
        if (before !== null && isKnown) return;
        await this.#save((record) => named(record, session, now(), messageId));
        if (before === null) this.#host.named(session);
      },
      event: (event) => this.#event(event),
      heard: () => this.#host.heard(),
    };
  }

  #event(event: TurnEvent): void {
    const { now } = this.#context;
    const { kind } = event;
    // One that cannot be stored shows when the next change is.
    if (kind === "asks") {
      this.#save((record) => asking(record, event.ask.what, now())).catch(() => {});
    }
    if (kind === "answered") this.#save((record) => answered(record, now())).catch(() => {});
    this.#host.event(event);
  }

  /** One change after the other; after one that failed there is none. */
  #save(change: (record: SessionRecord) => SessionRecord): Promise<void> {
    this.#saving = this.#saving.then(() => {
      this.#record = change(this.#record);
      return this.#hold.save(this.#record);
    });
    return this.#saving;
  }

  /** While the issue is still held: afterwards somebody else may begin it. */
  async #undo(): Promise<void> {
    await undoPlace(this.#context, this.#plan.place);
    await this.#hold.remove();
  }
}

/** A server that ended before it had the message may have made the session already: the second try goes on in it. */
function mayTryAgain({ outcome, session }: TurnResult): boolean {
  const isUnsent = outcome.kind === "failed" && outcome.reason === "never-started";
  return isTransient(outcome) && (isUnsent || session === undefined);
}

function stopped(signal: AbortSignal): TurnResult {
  return { outcome: stoppedBy(signal.reason), session: undefined, text: "" };
}

/** Ends what an owner that died has left running, so that two turns never meet in one session. */
export async function endLeftovers(
  context: Context,
  turn: RunningTurn,
  where: Whereabouts,
): Promise<void> {
  const runner = await context.runner(turn.runner ?? "run");
  const left = await runner.endLeftovers({ ...turn, ...where });
  if (left > 0) throw errors.leftoversAlive(turn.id, left);
}
