/** What is true of an issue now, put together from what is stored, what runs, and what is kept of its turns. */
import { type Advice, errors, EXIT } from "../errors.ts";
import type { Ask } from "../runner/mod.ts";
import { adviceAfter, adviceForAsk, type Ending } from "../session/advice.ts";
import { timestamp } from "../session/record.ts";
import { foldRef } from "../session/ref.ts";
import { isActive } from "../session/state.ts";
import type { SessionRow } from "../store/mod.ts";
import type { Kept, LiveTurn } from "../supervisor/mod.ts";
import type { Context } from "./context.ts";
import { trueOnes } from "./wake.ts";

/** As `kugetsu status --json` shows it. */
export interface IssueStatus {
  issue_ref: string;
  state: string;
  /** Since when it is in that state. */
  since: string | null;
  /** What the agent does now. */
  doing?: string;
  /** Its place in the queue, from 1. */
  position?: number;
  /** How many messages wait for the end of this turn. */
  behind?: number;
  /** Somebody has opencode's own interface open on it. */
  attached?: true;
  /** What the turn wants to know. */
  ask?: Ask;
  /** Why it is not done. */
  why?: string;
  /** The command to run next, and what there is to say about it. */
  next?: string;
  hint?: string;
  /** What all turns of the issue have used. */
  tokens: number;
  cost: number;
  directory: string | null;
  branch: string | null;
  opencode_session_id: string | null;
}

/** All issues, or those of `keys`, in their order. @throws no-session */
export async function readStatuses(
  context: Context,
  keys?: readonly string[],
): Promise<IssueStatus[]> {
  const [store, supervisor] = await Promise.all([context.store(), context.supervisor()]);
  // First what runs, then what is stored: a turn that is over in between has its end in the store.
  const { rows, live } = await trueOnes(context, async () => {
    const live = await supervisor.status();
    return { ...await store.overview(keys), live };
  });
  const traces = await context.traces();
  const turns = new Map(live?.turns.map((turn) => [turn.turn, turn]));
  const attached = new Set(live?.attached);
  const told = (row: SessionRow) =>
    statusOf(row, row.turn ? turns.get(row.turn) : undefined, attached.has(row.key));
  if (!keys) {
    const failed = traces.failedStarts(rows.map((it) => it.name));
    return [...rows.map(told), ...failed.map(statusOfFailedStart)];
  }
  return await Promise.all(keys.map(async (key) => {
    const row = rows.find((it) => it.key === key) ??
      rows.find((it) => foldRef(it.key) === foldRef(key));
    if (row) return told(row);
    const kept = await traces.kept(key);
    if (kept && kept.accepted.length > 0) return told(rowOfAccepted(kept));
    if (kept?.failure) return statusOfFailedStart(kept);
    throw errors.noSession(key);
  }));
}

/** What is stored of an issue, the turn of it that is not over, and whether somebody is attached. */
export function statusOf(row: SessionRow, live?: LiveTurn, attached = false): IssueStatus {
  const state = live?.state === "blocked" ? "blocked" : row.state;
  return {
    issue_ref: row.key,
    state,
    since: live?.since ?? row.since ?? null,
    ...given("doing", live?.doing),
    ...given("position", live?.position),
    ...given("behind", live?.behind),
    ...given("attached", attached || undefined),
    ...given("ask", live?.ask),
    ...given("why", whyOf(row, live)),
    ...advised(nextFor(row, live)),
    tokens: row.tokens + (live?.tokens ?? 0),
    cost: row.cost + (live?.cost ?? 0),
    directory: row.directory ?? null,
    branch: row.branch ?? null,
    opencode_session_id: row.session,
  };
}

/** A start whose record is not there yet, or no longer: it is only just accepted, or about to be over. */
function rowOfAccepted({ key, accepted: [turn] }: Kept): SessionRow {
  const since = timestamp(new Date(turn!.started_at));
  return {
    ...{ key, name: "", type: "forked", session: null, created: since, state: "starting" },
    ...{ since, turn: turn!.id, tokens: 0, cost: 0 },
  };
}

function statusOfFailedStart({ key, over_at, failure }: Kept): IssueStatus {
  const { message, next, hint, exit } = failure!;
  return {
    issue_ref: key,
    state: exit === EXIT.interrupted || exit === EXIT.terminated ? "stopped" : "failed",
    since: over_at ?? null,
    why: message,
    ...advised({ next, hint }),
    ...{ tokens: 0, cost: 0, directory: null, branch: null, opencode_session_id: null },
  };
}

function whyOf(row: SessionRow, live: LiveTurn | undefined): string | undefined {
  if (live?.ask) return `it waits for an answer: ${live.ask.what}`;
  if (live?.position !== undefined) {
    const before = live.position - 1;
    return before === 0
      ? "it is the next to get a place"
      : `${before === 1 ? "1 turn waits" : `${before} turns wait`} before it`;
  }
  return row.problem ?? row.reason;
}

function nextFor(row: SessionRow, live: LiveTurn | undefined): Advice | undefined {
  const quoted = JSON.stringify(row.key);
  if (live?.ask) return adviceForAsk(row.key, live.ask);
  if (isActive(row)) {
    return { next: `kugetsu logs -f ${quoted}`, hint: `kugetsu stop ${quoted} ends it` };
  }
  if (row.state === "damaged") return "kugetsu doctor --fix";
  if (row.state === "idle") return undefined;
  return adviceAfter(row.key, endingOf(row), row.session !== null);
}

function endingOf({ state, outcome, failure, reason }: SessionRow): Ending {
  // The doctor knows of it without a turn.
  if (reason === "session gone") return { kind: "failed", reason: "session-gone" };
  if (state === "blocked") return { kind: "blocked" };
  const kind = outcome && outcome !== "done" ? outcome : "failed";
  return { kind: kind as Ending["kind"], reason: failure };
}

function advised(advice: Advice | undefined): { next?: string; hint?: string } {
  const { next, hint } = typeof advice === "string" ? { next: advice } : advice ?? {};
  return { ...given("next", next), ...given("hint", hint) };
}

function given<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : { [name]: value } as { [P in K]?: V };
}
