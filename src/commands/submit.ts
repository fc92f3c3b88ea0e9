/** Handing a turn to the supervisor, and following it to its end. */
import { errors, EXIT, type ExitStatus, KugetsuError } from "../errors.ts";
import { adviceForAsk, turnError } from "../session/advice.ts";
import { exitStatusOf, type Outcome } from "../session/outcome.ts";
import { formatRef, type IssueRef } from "../session/ref.ts";
import type { Accepted, Line, Submission } from "../supervisor/mod.ts";
import type { Context } from "./context.ts";
import type { TurnFlags } from "./turn_flags.ts";
import { turnSettings } from "./turn_flags.ts";
import { TurnView } from "./turn_view.ts";

/** What a turn is made of, as the command line says it. @throws bad-config, bad-setting */
export async function submissionOf(
  context: Context,
  kind: Submission["kind"],
  ref: IssueRef,
  flags: TurnFlags,
): Promise<Omit<Submission, "message">> {
  const { worktree, caps, ...settings } = await turnSettings(context, flags);
  return {
    ...settings,
    caps: flags.maxParallel === undefined ? caps : { ...caps, given: true },
    id: context.newId(),
    kind,
    ref: formatRef(ref),
    started_at: new Date(context.clock()).toISOString(),
    place: { ...worktree, demanded: flags.worktree === true, from: flags.from },
    key: flags.key,
    base: flags.base,
    ...(context.output.debugs ? { debug: true } : {}),
  };
}

/**
 * Hands the turn in. With `detach` that is all; otherwise it is followed to its end.
 *
 * @returns the exit status of a turn that is done, or accepted
 * @throws what refuses the turn; turn-ended for every other outcome
 */
export async function submitTurn(
  context: Context,
  submission: Submission,
  { detach }: { detach?: boolean | undefined },
): Promise<ExitStatus> {
  const supervisor = await context.supervisor();
  return await context.untilStopped(async (signal) => {
    let issue = submission.ref;
    const stop = () => void supervisor.stop([issue], signal.reason).catch(() => {});
    signal.addEventListener("abort", stop, { once: true });
    const accepted = await supervisor.submit(submission);
    if (detach && !signal.aborted) return reportAccepted(context, accepted);
    issue = accepted.key;
    if (accepted.again) {
      context.output.note(`${issue}: it was accepted before; no new turn begins.`);
    }
    // Whatever it met before: now there is a turn to stop.
    if (signal.aborted) stop();
    const end = await follow(context, submission, accepted);
    // It was accepted long ago, and how it ended is cleared away.
    if (!end) return reportAccepted(context, accepted);
    if (end.kind === "asks") return await waits(context, accepted.key, end);
    return conclude(context, accepted.key, end);
  });
}

function reportAccepted(context: Context, { key, turn, ahead, again }: Accepted): ExitStatus {
  const { output } = context;
  output.result({ issue_ref: key, turn, ahead, again }, `${key}\n`);
  const next = `kugetsu logs -f ${JSON.stringify(key)}`;
  const when = ahead > 0 ? ` after ${ahead === 1 ? "another turn" : `${ahead} other turns`}` : "";
  output.note(again ? `It was accepted before: ${next}` : `It runs${when}. To follow it: ${next}`);
  return EXIT.ok;
}

type Ended = Extract<Line, { kind: "ended" }>;
type Asks = Extract<Line, { kind: "asks" }>;

/** To the turn's end, or to what nobody there can answer; undefined for an earlier one of which nothing is kept. */
async function follow(
  context: Context,
  { permissions }: Pick<Submission, "permissions">,
  { key, turn, ahead, again }: Accepted,
): Promise<Ended | Asks | undefined> {
  const supervisor = await context.supervisor();
  const view = new TurnView(context, permissions);
  view.waiting(ahead);
  try {
    for await (const line of supervisor.follow({ key, turn }, new AbortController().signal)) {
      view.line(key, line);
      if (line.kind === "ended") return line;
      // Where nobody looks on, whoever called has to know; the turn waits for the answer all the same.
      if (line.kind === "asks" && !context.output.interactive) return line;
    }
  } finally {
    view.stop();
  }
  if (again) return undefined;
  throw errors.turnUnknown(key);
}

async function waits(context: Context, key: string, { ask }: Asks): Promise<never> {
  const outcome: Outcome = { kind: "blocked", detail: `it wants ${ask.what}`, pending: true };
  // One that asks has a session, and has said which.
  const found = await (await context.store()).find(key);
  report(context, key, outcome, found?.record?.opencode_session_id ?? null, "");
  throw errors.waitingForAnswer(key, ask.what, adviceForAsk(key, ask));
}

/** What the outcome means for the command. */
function conclude(
  context: Context,
  key: string,
  { outcome, session, text, error }: Ended,
): ExitStatus {
  if (error) throw new KugetsuError(error);
  report(context, key, outcome, session, text);
  const failure = turnError(key, outcome, session !== null);
  if (failure) throw failure;
  return EXIT.ok;
}

function report(
  { output }: Context,
  key: string,
  outcome: Outcome,
  session: string | null,
  text: string,
): void {
  if (!output.json) return;
  output.result({
    issue_ref: key,
    opencode_session_id: session,
    outcome: outcome.kind,
    ...("reason" in outcome ? { reason: outcome.reason } : {}),
    ...("detail" in outcome ? { detail: outcome.detail } : {}),
    ...("pending" in outcome ? { pending: outcome.pending } : {}),
    exit: exitStatusOf(outcome),
    text,
  }, "");
}
