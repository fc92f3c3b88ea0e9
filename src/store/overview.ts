/**
 * One row a session, quickly: what a listing shows, without reading every file of thousands each time.
 *
 * A row is kept in `run/overview.json` with the stamp of the file it came from, and is used only while the
 * stamp is the same; every writer of ours puts a new file in place, and others change time or size. The
 * file may be deleted at any time.
 */
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { writeDurably } from "../platform/durable_write.ts";
import { readEntry, readText } from "./files.ts";
import type { Layout } from "./layout.ts";
import type { SessionRow } from "./mod.ts";

/** Below this many sessions reading them is quicker than keeping anything. */
const WORTH_KEEPING = 500;
/** How many rows may be stale before the kept ones are written anew. */
const STALE = 200;

/** A row with the file it came from. */
export interface FileRow extends SessionRow {
  file: string;
}

/** `[stamp, type, session id, created, state]`, by file. */
type Kept = Record<string, [string, string, string | null, string, string]>;

/** The rows of the index's entries as the files say; one whose file is gone is left out. */
export function readRows(layout: Layout, issues: Record<string, string>): FileRow[] {
  const entries = Object.entries(issues);
  if (entries.length < WORTH_KEEPING) {
    return entries.flatMap(([key, file]) => readRow(layout, key, file) ?? []);
  }
  const before = readKept(layout);
  const after: Kept = {};
  const rows: FileRow[] = [];
  let stale = 0;
  for (const [key, file] of entries) {
    const stamp = stampOf(layout.session(file));
    if (stamp === undefined) continue;
    const known = before[file];
    const row = known?.[0] === stamp ? rowOf(key, file, known) : readRow(layout, key, file);
    if (known?.[0] !== stamp) stale++;
    if (!row) continue;
    rows.push(row);
    if (!row.problem) after[file] = [stamp, row.type, row.session, row.created, row.state];
  }
  if (stale > STALE) keep(layout, after);
  return rows;
}

function rowOf(key: string, file: string, kept: Kept[string]): FileRow {
  return { key, file, type: kept[1], session: kept[2], created: kept[3], state: kept[4] };
}

/** Looks at the shown fields alone; a file in which these are not right is read again with care. */
function readRow(layout: Layout, key: string, file: string): FileRow | undefined {
  const text = readText(layout.session(file));
  if (text === undefined) return undefined;
  const fields = fieldsOf(text);
  if (fields && fields.issue_ref === key && isShown(fields)) {
    const { type, opencode_session_id: session, created_at: created, state } = fields;
    return { key, file, type, session, created, state };
  }
  const found = readEntry(layout, key, file);
  if (found.kind === "absent") return undefined;
  if (found.kind === "damaged") {
    const unknown = { type: "?", session: null, created: "?", state: "damaged" };
    return { key, file, ...unknown, problem: found.why };
  }
  const { type, opencode_session_id: session, created_at: created, state } = found.record;
  return { key, file, type, session, created, state };
}

interface Shown {
  type: string;
  issue_ref: string;
  opencode_session_id: string;
  created_at: string;
  state: string;
}

function fieldsOf(text: string): Partial<Shown> | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

function isShown(fields: Partial<Shown>): fields is Shown {
  return fields.type === "forked" && typeof fields.opencode_session_id === "string" &&
    typeof fields.created_at === "string" && typeof fields.state === "string";
}

function stampOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
}

function readKept(layout: Layout): Kept {
  try {
    const kept = JSON.parse(readFileSync(layout.overview, "utf8"));
    return typeof kept === "object" && kept !== null ? kept : {};
  } catch {
    return {};
  }
}

function keep(layout: Layout, rows: Kept): void {
  try {
    mkdirSync(dirname(layout.overview), { recursive: true, mode: 0o700 });
    writeDurably(layout.overview, JSON.stringify(rows));
  } catch { /* read from the files again next time */ }
}
