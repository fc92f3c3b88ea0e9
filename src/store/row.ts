/** What a listing shows of a session, from its record or from what a file says without having been validated. */
import type { SessionRecord } from "../session/record.ts";
import type { SessionRow } from "./mod.ts";

/** A row with the file it came from. */
export interface FileRow extends SessionRow {
  file: string;
}

/** The fields that have to be right for there to be a row. */
export interface Shown {
  type: string;
  opencode_session_id: string | null;
  created_at: string;
  state: string;
}

type Fields = Shown & Partial<Record<keyof SessionRecord, unknown>>;

export function rowOf(key: string, file: string, fields: Fields): FileRow {
  const { worktree, branch, used, last_turn: last, turn } = fields as Partial<SessionRecord>;
  return {
    key,
    file,
    name: nameOf(file),
    type: fields.type,
    session: fields.opencode_session_id,
    created: fields.created_at,
    state: fields.state,
    since: text(fields.updated_at),
    reason: text(fields.reason),
    directory: text(fields.directory),
    branch: text(worktree?.branch) ?? text(branch),
    tokens: count(used?.tokens),
    cost: count(used?.cost),
    outcome: text(last?.outcome),
    failure: text(last?.failure),
    turn: text(turn?.id),
  };
}

export function damagedRow(key: string, file: string, problem: string): FileRow {
  const unknown = { type: "?", opencode_session_id: null, created_at: "?", state: "damaged" };
  return { ...rowOf(key, file, unknown), problem };
}

/** In the order in which a row is kept; of a session whose turn is under way nothing is. */
type KeptRow = [
  ...[key: string, file: string, type: string, session: string | null],
  ...[created: string, state: string, since: string | null, reason: string | null],
  ...[directory: string | null, branch: string | null, tokens: number, cost: number],
  ...[outcome: string | null, failure: string | null],
];

/** Counts up with the shape of what is kept. */
export const KEPT_VERSION = 2;
export type { KeptRow };

export function keptOf(row: FileRow): KeptRow {
  return [
    ...[row.key, row.file, row.type, row.session] as const,
    ...[row.created, row.state, row.since ?? null, row.reason ?? null] as const,
    ...[row.directory ?? null, row.branch ?? null, row.tokens, row.cost] as const,
    ...[row.outcome ?? null, row.failure ?? null] as const,
  ];
}

export function rowFrom(kept: KeptRow): FileRow {
  // By number: with thousands of rows, unpacking them costs as much as reading them.
  return {
    key: kept[0],
    file: kept[1],
    name: nameOf(kept[1]),
    type: kept[2],
    session: kept[3],
    created: kept[4],
    state: kept[5],
    since: kept[6] ?? undefined,
    reason: kept[7] ?? undefined,
    directory: kept[8] ?? undefined,
    branch: kept[9] ?? undefined,
    tokens: kept[10],
    cost: kept[11],
    outcome: kept[12] ?? undefined,
    failure: kept[13] ?? undefined,
  };
}

function nameOf(file: string): string {
  return file.slice(0, -".json".length);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function count(value: unknown): number {
  return typeof value === "number" && value >= 0 ? value : 0;
}
