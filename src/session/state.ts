/**
 * The states of a session and how they follow each other: pure, no I/O.
 *
 * ```
 * (absent) --accept--> queued --begin--> starting --named--> running --end--> idle | failed | blocked | stopped
 *                                           |                 ^   |                       |
 *                          (absent) <--undo-+                 |   +--asks--> blocked      |
 *                                                             |   +<-answered--+          |
 *                                                queued --begin                           |
 *                                                   ^-------------- accept ---------------+
 * ```
 */
import { explain, lastTurn, type Outcome, stateAfter } from "./outcome.ts";
import type { MadeSession, ProcessIdentity, RunningTurn, SessionRecord, Usage } from "./record.ts";

/** A new issue's record, whose turn waits for its place. */
export function newRecord(ref: string, turn: RunningTurn, now: string): SessionRecord {
  return {
    type: "forked",
    issue_ref: ref,
    opencode_session_id: null,
    created_at: now,
    state: "queued",
    updated_at: now,
    origin: "forked",
    turn,
  };
}

/** An existing session whose next turn waits for its place. */
export function queued(record: SessionRecord, turn: RunningTurn, now: string): SessionRecord {
  return { ...record, state: "queued", reason: undefined, updated_at: now, turn };
}

/** The turn has its place. In a session that is there its message will be sent under this id. */
export function begun(record: SessionRecord, now: string, messageId?: string): SessionRecord {
  const state = record.opencode_session_id === null ? "starting" : "running";
  return withMessage({ ...record, state, updated_at: now }, messageId);
}

/** The turn's opencode process is known. */
export function withProcess(record: SessionRecord, opencode: ProcessIdentity): SessionRecord {
  if (!record.turn) throw new Error("No turn is running");
  return { ...record, turn: { ...record.turn, opencode } };
}

/** The turn waits for an answer to what is told. */
export function asking(record: SessionRecord, what: string, now: string): SessionRecord {
  return { ...record, state: "blocked", reason: `it wants ${what}`, updated_at: now };
}

/** It goes on. */
export function answered(record: SessionRecord, now: string): SessionRecord {
  return { ...record, state: "running", reason: undefined, updated_at: now };
}

/** opencode told the session's id: from here on the issue has a session, and its message will be sent under this one. */
export function named(
  record: SessionRecord,
  id: string,
  now: string,
  messageId?: string,
): MadeSession {
  const made = { ...record, opencode_session_id: id, state: "running" as const, updated_at: now };
  return withMessage(made, messageId);
}

function withMessage<T extends SessionRecord>(record: T, message_id: string | undefined): T {
  const { turn } = record;
  return turn && message_id !== undefined ? { ...record, turn: { ...turn, message_id } } : record;
}

/** The turn is over, and has used that much. */
export function ended(
  record: SessionRecord,
  outcome: Outcome,
  now: string,
  used: Usage = { tokens: 0, cost: 0 },
): SessionRecord {
  const { turn, ...rest } = record;
  const before = record.used ?? { tokens: 0, cost: 0 };
  return {
    ...rest,
    used: { tokens: before.tokens + used.tokens, cost: before.cost + used.cost },
    state: stateAfter(outcome),
    reason: explain(outcome) || undefined,
    updated_at: now,
    last_turn: turn && lastTurn(outcome, turn, now),
  };
}

/** Turns were begun in opencode's own interface, and are over. */
export function attended(
  record: SessionRecord,
  outcome: { state: "idle" | "failed" | "stopped"; reason?: string | undefined },
  now: string,
): SessionRecord {
  const { turn: _, ...rest } = record;
  return { ...rest, ...outcome, reason: outcome.reason, updated_at: now };
}

/** opencode no longer has the session. */
export function gone(record: SessionRecord, now: string): SessionRecord {
  const { turn: _, ...rest } = record;
  return { ...rest, state: "failed", reason: "session gone", updated_at: now };
}

/** Whether the record says that a turn is accepted and not over. */
export function isActive(record: { state: string; turn?: unknown }): boolean {
  return ["queued", "starting", "running"].includes(record.state) ||
    (record.state === "blocked" && record.turn !== undefined);
}

export const OWNER_DIED = "interrupted: the process that ran the turn ended before it did";

/**
 * What is true of a session, given whether somebody holds its turn lock: a record that says `running` while
 * nobody holds the lock was left by an owner that died.
 */
export function observed<T extends { state: string; turn?: unknown }>(
  record: T,
  turnHeld: boolean,
): T {
  if (!isActive(record) || turnHeld) return record;
  return { ...record, state: "failed", reason: OWNER_DIED };
}

/** Where a turn of a session runs. */
export interface Whereabouts {
  session: string | undefined;
  directory: string | undefined;
  /** Whether nobody else works there: in the shared folder others may. */
  alone: boolean;
}

export function whereabouts(record: SessionRecord): Whereabouts {
  const { opencode_session_id, directory, worktree } = record;
  return { session: opencode_session_id ?? undefined, directory, alone: worktree !== undefined };
}
