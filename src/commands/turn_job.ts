/**
 * What the supervisor does for a turn that was handed in: everything that may refuse it, then `admit`, then the turn.
 *
 * A turn that is taken up again after a crash goes the same way. Its record tells how far it came: without a session
 * nothing was sent, and it begins anew; with one it goes on there, and a message that arrived is not sent again.
 */
import { errors, partsOf } from "../errors.ts";
import type { Outcome } from "../session/outcome.ts";
import {
  type MadeSession,
  type RunningTurn,
  type SessionRecord,
  timestamp,
} from "../session/record.ts";
import { formatRef, type IssueRef, parseRef } from "../session/ref.ts";
import { ended, newRecord, OWNER_DIED, queued, whereabouts } from "../session/state.ts";
import type { Hold } from "../store/mod.ts";
import type { JobHost, Submission } from "../supervisor/mod.ts";
import { chooseBase } from "./base.ts";
import type { Context } from "./context.ts";
import { beforeTurn, warmHooks } from "./hooks.ts";
import { locate } from "./locate.ts";
import { type Place, placeAgain, placeOf, undoPlace } from "./place.ts";
import { endLeftovers, runTurn, type TurnPlan } from "./turn.ts";

export async function turnJob(
  context: Context,
  submission: Submission,
  host: JobHost,
  recovered: boolean,
): Promise<void> {
  const ref = parseRef(submission.ref);
  warmHooks(context, submission.kind);
  // Without an opencode that can be used nothing is claimed.
  await (await context.sessions()).version();
  const hold = await holdFor(context, ref, submission, recovered);
  const before = hold.record;
  const over = recovered && before ? outcomeBefore(before, submission) : undefined;
  if (before && over) return await settle(context, hold, before, over, host);
  let place: Place | undefined;
  let plan: TurnPlan;
  let isAlone = false;
  try {
    // Its record was saved before the turn was accepted: somebody has destroyed it since.
    if (recovered && !before) throw errors.noSession(hold.key);
    await endEarlier(context, before, submission);
    isAlone = true;
    const begin = before?.opencode_session_id ? again : anew;
    plan = await begin(context, ref, submission, hold);
    place = plan.place;
    plan = await beforeTurn(context, plan, before);
    await hold.save(plan.record);
    await host.admit({ key: hold.key, name: hold.name });
  } catch (error) {
    place ??= before && placeLeft(before);
    if (place && isAlone) await undoPlace(context, place);
    await putBack(context, hold, before, { id: submission.id, isAlone, error });
    throw error;
  }
  await runTurn(context, hold, plan, host);
}

async function holdFor(
  context: Context,
  ref: IssueRef,
  { kind }: Submission,
  recovered: boolean,
): Promise<Hold> {
  const store = await context.store();
  if (recovered) return await store.resume(ref);
  return await (kind === "start" ? store.claim(ref) : store.hold(ref));
}

/** Ends what an earlier turn has left; this very one goes on where it has a session. */
async function endEarlier(
  context: Context,
  before: SessionRecord | undefined,
  { id }: Submission,
): Promise<void> {
  if (!before?.turn || (before.turn.id === id && before.opencode_session_id !== null)) return;
  await endLeftovers(context, before.turn, whereabouts(before));
}

/**
 * As it was before the turn was handed in. A turn that was cut off and cannot go on has failed, and a start of which
 * there is no session and no process leaves nothing.
 */
async function putBack(
  context: Context,
  hold: Hold,
  before: SessionRecord | undefined,
  { id, isAlone, error }: { id: string; isAlone: boolean; error: unknown },
): Promise<void> {
  try {
    if (!before || (before.opencode_session_id === null && isAlone)) await hold.remove();
    else if (before.turn?.id === id) {
      const { message: reason } = partsOf(error);
      // The turn stays: whoever begins the next one makes sure that nothing of it still runs.
      await hold.save({ ...before, state: "failed", reason, updated_at: context.now() });
    } else if (hold.record !== before) await hold.save(before);
  } finally {
    await hold.release();
  }
}

/** The worktree of a start that never got a session. */
function placeLeft(
  { opencode_session_id: session, directory = "", worktree }: SessionRecord,
): Place | undefined {
  return session === null && worktree ? { directory, worktree, isLeft: true } : undefined;
}

/** A new session: its base, its folder, and a record that says so. */
async function anew(
  context: Context,
  ref: IssueRef,
  submission: Submission,
  hold: Hold,
): Promise<TurnPlan> {
  const base = await chooseBase(context, ref, submission.base);
  const turn = await newTurn(context, submission);
  const place: Place = {
    ...await newPlace(context, base, ref, submission, hold.record),
    isLeft: hold.record?.worktree !== undefined,
  };
  const { directory, worktree } = place;
  const record = {
    ...newRecord(hold.key, turn, context.now()),
    directory,
    ...(worktree ? { worktree } : {}),
  };
  return {
    ...settingsOf(submission),
    ...{ ref, turn, record, place, directory },
    session: base.opencode_session_id,
    title: formatRef(ref),
  };
}

/** The place of a start; of one that was cut off, the worktree that it had got. */
async function newPlace(
  context: Context,
  base: MadeSession,
  ref: IssueRef,
  submission: Submission,
  left: SessionRecord | undefined,
): Promise<Place> {
  const { id, runner, place: { from, ...choice } } = submission;
  const { turn, directory, worktree } = left ?? {};
  if (turn?.id === id && directory && worktree) {
    return await placeAgain(context, ref, { directory, worktree }, { ...choice, turn: id });
  }
  return await placeOf(context, base, ref, { ...choice, from, runner, turn: id });
}

/** A session that is there: its folder, and the turn, which may have begun in an earlier supervisor. */
async function again(
  context: Context,
  ref: IssueRef,
  submission: Submission,
  hold: Hold,
): Promise<TurnPlan> {
  const before = hold.record!;
  const session = before.opencode_session_id!;
  const isSame = before.turn?.id === submission.id;
  const begins = await newTurn(context, submission);
  const turn: RunningTurn = isSame ? { ...before.turn!, owner: begins.owner } : begins;
  const place = await sessionPlace(context, ref, before, submission);
  const { directory, worktree } = place;
  const record = {
    ...queued(before, turn, context.now()),
    directory,
    ...(worktree ? { worktree } : {}),
  };
  return { ...settingsOf(submission), ref, turn, record, place, directory, session };
}

async function sessionPlace(
  context: Context,
  ref: IssueRef,
  { directory, worktree, opencode_session_id }: SessionRecord,
  { id, place }: Submission,
): Promise<Place> {
  const next = `kugetsu destroy ${JSON.stringify(formatRef(ref))} -y`;
  if (directory && worktree) {
    const { copy, setup, setupSeconds } = place;
    return await placeAgain(context, ref, { directory, worktree }, {
      ...{ copy, setup, setupSeconds },
      turn: id,
    });
  }
  if (!directory) return { directory: await locate(context, opencode_session_id!, next) };
  const workspace = await context.workspace();
  return { directory: workspace.folder(directory, "the session's folder", next) };
}

async function newTurn(context: Context, submission: Submission): Promise<RunningTurn> {
  const { id, kind, runner } = submission;
  const started_at = timestamp(new Date(submission.started_at));
  return { id, kind, started_at, owner: await context.owner(), runner };
}

function settingsOf(submission: Submission) {
  const { message, issue, model, agent, permissions, limits, runner, debug } = submission;
  return { message, issue, model, agent, permissions, limits, runner, debug };
}

/** How a turn ended, if that is on record, or if it cannot be gone on with. */
function outcomeBefore(record: SessionRecord, { id, runner }: Submission): Outcome | undefined {
  const { turn, last_turn: last, reason = "" } = record;
  if (turn?.id === id) {
    // Its opencode told this process's predecessor alone what it did.
    if (runner === "server" || !turn.opencode) return undefined;
    return { kind: "failed", reason: "killed", detail: OWNER_DIED };
  }
  if (last?.id !== id) return undefined;
  switch (last.outcome) {
    case "done":
      return { kind: "done" };
    case "blocked":
      return { kind: "blocked", detail: reason, pending: false };
    case "cancelled":
      return { kind: "cancelled", signal: reason.includes("SIGINT") ? "SIGINT" : "SIGTERM" };
    default:
      return { kind: "failed", reason: "opencode", detail: reason };
  }
}

/** Nothing more is to be done for the turn than to say so. */
async function settle(
  context: Context,
  hold: Hold,
  record: SessionRecord,
  outcome: Outcome,
  host: JobHost,
): Promise<void> {
  const session = record.opencode_session_id;
  try {
    if (record.turn) {
      await endLeftovers(context, record.turn, whereabouts(record));
      const left = placeLeft(record);
      if (left) await undoPlace(context, left);
      if (session === null) await hold.remove();
      else await hold.save(ended(record, outcome, context.now()));
    }
    await host.admit({ key: hold.key, name: hold.name });
  } finally {
    await hold.release();
  }
  host.ended({ outcome, session, text: "" });
}
