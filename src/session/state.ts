/**
 * The states of a session and how they follow each other: pure, no I/O.
 *
 * ```
 * (absent) --begin--> starting --named--> running --end--> idle | failed | blocked | stopped
 *                        |                   ^                          |
 *                        +--undo--> (absent) +----------- begin --------+
 * ```
 */
import { explain, lastTurn, type Outcome, stateAfter } from "./outcome.ts";
import type { MadeSession, ProcessIdentity, RunningTurn, SessionRecord } from "./record.ts";

/** A new issue's record before anything was forked for it. */
export function startingRecord(ref: string, turn: RunningTurn, now: string): SessionRecord {
  return {
    type: "forked",
    issue_ref: ref,
    opencode_session_id: null,
    created_at: now,
    state: "starting",
    updated_at: now,
    origin: "forked",
    turn,
  };
}

/** An existing session whose next turn begins. */
export function begun(record: SessionRecord, turn: RunningTurn, now: string): SessionRecord {
  return { ...record, state: "running", reason: undefined, updated_at: now, turn };
}

/** The turn's opencode process is known. */
export function withProcess(record: SessionRecord, opencode: ProcessIdentity): SessionRecord {
  if (!record.turn) throw new Error("No turn is running");
  return { ...record, turn: { ...record.turn, opencode } };
}

/** opencode told the session's id: from here on the issue has a session. */
export function named(record: SessionRecord, id: string, now: string): MadeSession {
  return { ...record, opencode_session_id: id, state: "running", updated_at: now };
}

/** The turn is over. */
export function ended(record: SessionRecord, outcome: Outcome, now: string): SessionRecord {
  const { turn, ...rest } = record;
  return {
    ...rest,
    state: stateAfter(outcome),
    reason: explain(outcome) || undefined,
    updated_at: now,
    last_turn: turn && lastTurn(outcome, turn, now),
  };
}

/** opencode no longer has the session. */
export function gone(record: SessionRecord, now: string): SessionRecord {
  const { turn: _, ...rest } = record;
  return { ...rest, state: "failed", reason: "session gone", updated_at: now };
}

/** Whether the record says that a turn is under way. */
export function isActive(record: { state: string }): boolean {
  return record.state === "starting" || record.state === "running";
}

export const OWNER_DIED = "interrupted: the process that ran the turn ended before it did";

/**
 * What is true of a session, given whether somebody holds its turn lock: a record that says `running` while
 * nobody holds the lock was left by an owner that died.
 */
export function observed<T extends { state: string }>(record: T, turnHeld: boolean): T {
  if (!isActive(record) || turnHeld) return record;
  return { ...record, state: "failed", reason: OWNER_DIED };
}
