/** What happened to a session, as told to those who follow: pure, no I/O. Never a message or a token. */
import type { SessionRecord } from "./record.ts";
import { isActive, observed } from "./state.ts";

/**
 * | event | |
 * |---|---|
 * | `standing` | was there before the oldest event that is kept |
 * | `added` | came into being: a start under way, or a base |
 * | `queued` | a turn waits for its place |
 * | `begun` | a turn is under way |
 * | `session` | opencode told the session's id |
 * | `asks` | the turn waits for an answer, to what `reason` tells |
 * | `answered` | it goes on |
 * | `ended` | the turn is over, with `outcome` |
 * | `interrupted` | the turn's owner ended before the turn did |
 * | `replaced` | the base is another session now |
 * | `changed` | the state or the reason is another one, without a turn |
 * | `removed` | is no more |
 */
export const EVENT_KINDS = [
  "standing",
  "added",
  "queued",
  "begun",
  "session",
  "asks",
  "answered",
  "ended",
  "interrupted",
  "replaced",
  "changed",
  "removed",
] as const;

/** One change, version 1. Fields may be added, never renamed or given another meaning. */
export interface SessionEvent {
  v: 1;
  time: string;
  event: (typeof EVENT_KINDS)[number];
  type: "base" | "forked";
  issue_ref: string | null;
  /** Of a base: the repository that it is for, where that is known. */
  repository?: string | undefined;
  /** The states before and after; null for none. */
  from: string | null;
  to: string | null;
  session: string | null;
  /** The turn under way, or the one that has just ended. */
  turn: string | null;
  outcome: string | null;
  reason?: string | undefined;
  /** The session's file in the state folder: what tells two lives of an issue's session from two sessions. */
  file: string;
}

/** Longer reasons are cut: whoever wants it all asks for the session itself. */
const LONGEST_REASON = 1000;

/**
 * The event that leads from what was told last to what is so now; undefined where that is the same. A session that
 * was removed counts as never told of.
 */
export function eventBetween(
  told: SessionEvent | undefined,
  record: SessionRecord | undefined,
  { file, now }: { file: string; now: string },
): SessionEvent | undefined {
  const before = told?.event === "removed" ? undefined : told;
  if (record) {
    const event = eventOf(record, file, before?.to ?? null, now);
    const kind = kindOf(before, event);
    return kind && { ...event, event: kind };
  }
  if (!before) return undefined;
  const { reason: _, ...rest } = before;
  const over = { to: null, turn: null, outcome: null };
  return { ...rest, time: now, event: "removed", from: before.to, ...over };
}

/** What a record went through that nobody works on any more: a turn under way was interrupted. */
export function settled(
  told: SessionEvent | undefined,
  record: SessionRecord | undefined,
  now: string,
): (SessionRecord | undefined)[] {
  if (!record || !isActive(record)) return [record];
  const interrupted = { ...observed(record, false), updated_at: now };
  const isTold = told?.to === interrupted.state && told.turn === record.turn?.id;
  return isTold ? [interrupted] : [record, interrupted];
}

/** A session that needs no telling, since it was there before. */
export function standing(record: SessionRecord, file: string, now: string): SessionEvent {
  return eventOf(record, file, null, now);
}

function eventOf(
  record: SessionRecord,
  file: string,
  from: string | null,
  now: string,
): SessionEvent {
  const { type, issue_ref, repository, turn, last_turn: last, reason } = record;
  // The record's state is that turn's outcome unless something else has happened since.
  const ended = !turn && last && last.ended_at === record.updated_at ? last : undefined;
  return {
    v: 1,
    time: record.updated_at ?? now,
    event: "standing",
    type,
    issue_ref,
    ...(type === "base" && repository ? { repository } : {}),
    from,
    to: record.state,
    session: record.opencode_session_id,
    turn: turn?.id ?? ended?.id ?? null,
    outcome: ended?.outcome ?? null,
    ...(reason ? { reason: reason.slice(0, LONGEST_REASON) } : {}),
    file,
  };
}

function kindOf(
  before: SessionEvent | undefined,
  { type, to, turn, session, outcome, reason }: SessionEvent,
): SessionEvent["event"] | undefined {
  if (!before) return "added";
  const isOther = { turn: turn !== before.turn, to: to !== before.to };
  if (outcome && (isOther.turn || !before.outcome)) return "ended";
  if (type === "base" && session !== before.session) return "replaced";
  if (to === "blocked" && turn && isOther.to) return "asks";
  if (before.to === "blocked" && to === "running" && !isOther.turn) return "answered";
  if (to === "queued" && (isOther.turn || isOther.to)) return "queued";
  if (isUnderWay(to) && (isOther.turn || !isUnderWay(before.to))) return "begun";
  if (session !== before.session) return "session";
  if (to === "failed" && turn && !outcome && isOther.to) return "interrupted";
  return isOther.to || reason !== before.reason ? "changed" : undefined;
}

function isUnderWay(state: string | null): boolean {
  return state === "starting" || state === "running";
}
