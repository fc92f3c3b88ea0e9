/** What may stand in the state folder's files. Unknown fields are kept: another version wrote them. */
import * as v from "valibot";
import { once } from "../platform/once.ts";
import { EVENT_KINDS, type SessionEvent } from "../session/event.ts";
import type { SessionRecord } from "../session/record.ts";

/** The index: the base's session id and the file of each issue. */
export interface Index {
  base: string | null;
  issues: Record<string, string>;
}

/** Bytes; a longer one cannot exist, and asking for it is an error. */
const LONGEST_NAME = 255;

/** Made when something is first validated: a listing that finds all as it was validates nothing. */
const schemas = once(() => {
  const processIdentity = v.object({ pid: v.number(), started: v.string(), boot: v.string() });

  const runningTurn = v.looseObject({
    id: v.string(),
    kind: v.picklist(["start", "continue"]),
    started_at: v.string(),
    owner: processIdentity,
    runner: v.optional(v.picklist(["server", "run"])),
    opencode: v.optional(processIdentity),
    message_id: v.optional(v.string()),
  });

  const lastTurn = v.looseObject({
    id: v.string(),
    outcome: v.picklist(["done", "failed", "blocked", "stalled", "timeout", "cancelled"]),
    started_at: v.string(),
    ended_at: v.string(),
  });

  const worktree = v.looseObject({
    path: v.string(),
    branch: v.string(),
    from: v.string(),
    repository: v.string(),
  });

  const sessionRecord = v.looseObject({
    type: v.picklist(["base", "forked"]),
    issue_ref: v.nullable(v.string()),
    opencode_session_id: v.nullable(v.string()),
    created_at: v.string(),
    state: v.string(),
    reason: v.optional(v.string()),
    updated_at: v.optional(v.string()),
    directory: v.optional(v.string()),
    origin: v.optional(v.picklist(["created", "adopted", "forked"])),
    opencode_version: v.optional(v.string()),
    commit: v.optional(v.string()),
    branch: v.optional(v.string()),
    repository: v.optional(v.string()),
    worktree: v.optional(worktree),
    turn: v.optional(runningTurn),
    last_turn: v.optional(lastTurn),
    used: v.optional(v.looseObject({ tokens: v.number(), cost: v.number() })),
  });

  const sessionEvent = v.looseObject({
    v: v.literal(1),
    time: v.string(),
    event: v.picklist(EVENT_KINDS),
    type: v.picklist(["base", "forked"]),
    issue_ref: v.nullable(v.string()),
    repository: v.optional(v.string()),
    from: v.nullable(v.string()),
    to: v.nullable(v.string()),
    session: v.nullable(v.string()),
    turn: v.nullable(v.string()),
    outcome: v.nullable(v.string()),
    reason: v.optional(v.string()),
    file: v.string(),
  });

  const index = v.looseObject({
    base: v.nullable(v.string()),
    issues: v.custom<Index["issues"]>(isFileByIssue, "it does not map issues to file names"),
  });

  return { sessionRecord, sessionEvent, index };
});

/** One plain loop: with thousands of issues, a schema for each entry takes longer than all the rest. */
function isFileByIssue(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const file of Object.values(value)) {
    if (typeof file !== "string" || !isFileName(file)) return false;
  }
  return true;
}

/** The name of a file in `sessions/`: never a path. */
function isFileName(text: string): boolean {
  return text.endsWith(".json") && !text.startsWith(".") && !text.includes("/") &&
    !text.includes("\\") && !text.includes("\0") && Buffer.byteLength(text) <= LONGEST_NAME;
}

/** The value, or in words what is wrong with the text. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; why: string };

export function parseRecord(text: string): Parsed<SessionRecord> {
  return parse(schemas().sessionRecord, text) as Parsed<SessionRecord>;
}

/** The texts that can still be read in a record that cannot be used, each if it is whole and may stand there. */
export function salvageRecord(text: string): Partial<SessionRecord> {
  const found: Record<string, unknown> = {};
  for (const [, name, literal] of text.matchAll(/"(\w+)"\s*:\s*("(?:[^"\\]|\\.)*")/g)) {
    const value = textOf(literal!);
    const schema = Object.entries(schemas().sessionRecord.entries).find(([it]) => it === name)?.[1];
    const fits = value !== undefined && schema !== undefined && v.safeParse(schema, value).success;
    if (fits && !(name! in found)) found[name!] = value;
  }
  return found;
}

function textOf(literal: string): string | undefined {
  try {
    return JSON.parse(literal);
  } catch {
    return undefined;
  }
}

export function parseIndex(text: string): Parsed<Index> {
  return parse(schemas().index, text);
}

/** An event of the journal; undefined for a line that is none, such as one that a crash has cut. */
export function parseEvent(line: string): SessionEvent | undefined {
  const parsed = line ? parse(schemas().sessionEvent, line) : undefined;
  return parsed?.ok ? parsed.value as SessionEvent : undefined;
}

function parse<T>(schema: v.GenericSchema<unknown, T>, text: string): Parsed<T> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return { ok: false, why: text.trim() === "" ? "it is empty" : "it is not JSON" };
  }
  const result = v.safeParse(schema, data);
  if (result.success) return { ok: true, value: result.output };
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  return { ok: false, why: where ? `${where}: ${issue.message}` : issue.message };
}
