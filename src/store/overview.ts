/**
 * One row a session, quickly: what a listing shows, without reading every file of thousands each time.
 *
 * The rows are kept in `run/overview.json`, and used while neither the index nor the sessions' folder has
 * changed: every session file of ours comes by a rename, which changes the folder. A program that edits a
 * session file in place changes only that file's own times. They are looked at while there are no more files
 * than `LOOKED_AT`; with more, such an edit is seen only by what reads the files themselves, which is everything
 * but this. What is kept may be deleted at any time.
 */
import { mkdirSync, readFileSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { errors } from "../errors.ts";
import { writeWhole } from "../platform/durable_write.ts";
import { type Found, readEntry, readIndex, readSession, readText } from "./files.ts";
import { BASE_FILE, type Layout } from "./layout.ts";
import {
  damagedRow,
  type FileRow,
  KEPT_VERSION,
  keptOf,
  type KeptRow,
  rowFrom,
  rowOf,
  type Shown,
} from "./row.ts";

/** Below this many sessions reading them is as quick as keeping anything. */
const WORTH_KEEPING = 50;
/** Above this many, looking at the files' times would take longer than all the rest. */
const LOOKED_AT = 500;
/** What changed less than this ago may change again without its time of change showing it. */
const SETTLED_MS = 2000;

export interface Rows {
  base: FileRow | undefined;
  rows: FileRow[];
}

interface Kept {
  stamp: string;
  /** A file that changed since then, in milliseconds, has to be read again. */
  settled: number;
  base: string | null;
  rows: KeptRow[];
}

/** The index's entries in its order; one whose file is gone is left out. @throws index-damaged */
export function readRows(layout: Layout): Rows {
  const settled = Date.now() - SETTLED_MS;
  const stamp = stampOf(layout, settled);
  const kept = stamp && readKept(layout);
  if (kept && kept.stamp === stamp) {
    return { base: readBase(layout, kept.base), rows: rowsOf(layout, kept) };
  }
  const { base, issues } = readIndex(layout);
  const entries = Object.entries(issues);
  const rows = entries.flatMap(([key, file]) => readRow(layout, key, file) ?? []);
  if (stamp && rows.length >= WORTH_KEEPING && !rows.some((row) => row.problem)) {
    keep(layout, { stamp, settled, base, rows: rows.map(keptOf) });
  }
  return { base: readBase(layout, base), rows };
}

function rowsOf(layout: Layout, { rows, settled }: Kept): FileRow[] {
  if (rows.length > LOOKED_AT) return rows.map(rowFrom);
  return rows.flatMap((row) => {
    const [key, file] = row;
    const stats = statsOf(layout.session(file));
    return stats && stats.ctimeMs < settled ? rowFrom(row) : readRow(layout, key, file) ?? [];
  });
}

/** What changes with every change of the index or of the set of session files; undefined if just now. */
function stampOf(layout: Layout, settled: number): string | undefined {
  const stats = [layout.index, layout.sessions].map(statsOf);
  if (stats.some((it) => it === undefined || it.mtimeMs > settled)) return undefined;
  return [KEPT_VERSION, ...stats.map((it) => `${it!.mtimeMs} ${it!.size} ${it!.ino}`)].join(" ");
}

/** @throws unreadable */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw errors.unreadable(path, cause);
  }
}

/** The row of an entry. */
function readRow(layout: Layout, key: string, file: string): FileRow | undefined {
  return readFields(
    layout,
    key,
    file,
    (fields) => fields.type === "forked" && fields.issue_ref === key,
  ) ??
    careful(key, file, readEntry(layout, key, file));
}

/** The base's row; none where the index has no base. */
function readBase(layout: Layout, id: string | null): FileRow | undefined {
  if (id === null) return undefined;
  return readFields(layout, BASE, BASE_FILE, (fields) => fields.type === "base") ??
    careful(BASE, BASE_FILE, readSession(layout, BASE_FILE));
}

const BASE = "(base)";

/** Looks at the shown fields alone; undefined where these are not as they should be. */
function readFields(
  layout: Layout,
  key: string,
  file: string,
  isRight: (fields: Partial<Fields>) => boolean,
): FileRow | undefined {
  const text = readText(layout.session(file));
  const fields = text?.ok ? fieldsOf(text.value) : undefined;
  if (!fields || !isRight(fields) || !isShown(fields)) return undefined;
  return rowOf(key, file, fields);
}

/** The row of a file that had to be read with care. */
function careful(key: string, file: string, found: Found): FileRow | undefined {
  if (found.kind === "absent") return undefined;
  if (found.kind === "damaged") return damagedRow(key, file, found.why);
  return rowOf(key, file, found.record);
}

type Fields = Shown & { issue_ref: string };

function fieldsOf(text: string): Partial<Fields> | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

function isShown(fields: Partial<Fields>): fields is Fields {
  return typeof fields.opencode_session_id === "string" &&
    typeof fields.created_at === "string" && typeof fields.state === "string";
}

function readKept(layout: Layout): Kept | undefined {
  try {
    return JSON.parse(readFileSync(layout.overview, "utf8")) ?? undefined;
  } catch {
    return undefined;
  }
}

function keep(layout: Layout, kept: Kept): void {
  try {
    mkdirSync(dirname(layout.overview), { recursive: true, mode: 0o700 });
    writeWhole(layout.overview, JSON.stringify(kept));
  } catch { /* read from the files again next time */ }
}
