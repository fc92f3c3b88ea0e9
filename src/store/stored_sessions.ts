/** What is stored, together with what is true of it now: whoever only reads takes no lock. */
import { isActive, observed, OWNER_DIED } from "../session/state.ts";
import { baseRows, defaultBase } from "./bases.ts";
import { type Found, readEntry, readIndex, readSession, sessionFiles } from "./files.ts";
import { filesIn, type Layout } from "./layout.ts";
import { holderOf, isHeld } from "./lock.ts";
import type { Listing, Orphan, Overview, SessionRow, StoredSession } from "./mod.ts";
import { observe } from "./observe.ts";
import { readRows } from "./overview.ts";
import { damagedRow, rowOf } from "./row.ts";

export async function readListing(layout: Layout): Promise<Listing> {
  const index = readIndex(layout);
  const sessions: StoredSession[] = [];
  for (const [key, file] of Object.entries(index.issues)) {
    const session = await storedSession(layout, key, file);
    if (session) sessions.push(session);
  }
  const started = await beginning(layout, () => Object.values(index.issues));
  const all = [...sessions, ...started];
  return {
    base: defaultBase(layout, index),
    sessions: [
      ...sessions,
      ...started.filter((it) => it.holder).map(({ file: _, ...session }) => session),
    ],
    hasCutOff: all.some(isCutOff),
  };
}

export async function readOverview(
  layout: Layout,
  entries?: readonly { key: string; file: string }[],
): Promise<Overview> {
  const { base, rows } = entries ? { base: undefined, rows: entries } : readRows(layout);
  const shown: SessionRow[] = [];
  let hasCutOff = false;
  for (const row of rows) {
    // A row does not tell whether the turn of a blocked one is over.
    if ("state" in row && !isActive(row) && row.state !== "blocked") {
      shown.push(row);
      continue;
    }
    const session = await storedSession(layout, row.key, row.file);
    if (!session) continue;
    hasCutOff ||= isCutOff(session);
    shown.push(rowOfSession(session, row.file));
  }
  if (!entries) {
    for (const { file, ...session } of await beginning(layout, () => rows.map((it) => it.file))) {
      hasCutOff ||= isCutOff(session);
      if (session.holder) shown.push(rowOfSession(session, file));
    }
  }
  return { base, bases: entries ? [] : baseRows(layout), rows: shown, hasCutOff };
}

export async function findOrphans(layout: Layout): Promise<Orphan[]> {
  const indexed = new Set(Object.values(readIndex(layout).issues));
  const found: Orphan[] = [];
  for (const file of sessionFiles(layout)) {
    if (indexed.has(file) || await isHeld(layout.turnLock(file))) continue;
    const session = readSession(layout, file);
    if (session.kind !== "absent") found.push(orphanOf(file, session));
  }
  // A start that ended meanwhile is in the index by now.
  const since = new Set(Object.values(readIndex(layout).issues));
  return found.filter(({ file }) => !since.has(file));
}

/** The session behind an index entry as it is now; undefined for an entry that a destroy left behind. */
export async function storedSession(
  layout: Layout,
  key: string,
  file: string,
): Promise<StoredSession | undefined> {
  const { found, busy } = await observe(
    layout,
    file,
    () => readEntry(layout, key, file),
  );
  if (found.kind === "absent") return undefined;
  if (found.kind === "damaged") return { key, record: undefined, problem: found.why };
  const record = observed(found.record, busy);
  return busy ? { key, record, holder: holderOf(layout.turnLock(file)) } : { key, record };
}

/** Starts that have no index entry yet, under way or cut off. Every running turn has a lock file, so few are looked at. */
async function beginning(
  layout: Layout,
  indexedFiles: () => string[],
): Promise<(StoredSession & { file: string })[]> {
  const locks = filesIn(layout.turnLocks, ".lock");
  if (locks.length === 0) return [];
  const indexed = new Set(indexedFiles());
  const found: (StoredSession & { file: string })[] = [];
  for (const name of locks) {
    const file = name.replace(/\.lock$/, ".json");
    if (indexed.has(file)) continue;
    const starting = readSession(layout, file);
    const key = starting.kind === "record" && starting.record.issue_ref;
    const session = key ? await storedSession(layout, key, file) : undefined;
    if (session) found.push({ ...session, file });
  }
  return found;
}

function isCutOff({ record }: StoredSession): boolean {
  return record?.reason === OWNER_DIED && record.turn !== undefined;
}

function rowOfSession({ key, record, problem }: StoredSession, file: string): SessionRow {
  return record ? rowOf(key, file, record) : damagedRow(key, file, problem ?? "");
}

function orphanOf(file: string, found: Found): Orphan {
  const record = found.kind === "record" ? found.record : undefined;
  return {
    file,
    ref: record?.issue_ref ?? undefined,
    opencodeSession: record?.opencode_session_id ?? undefined,
    worktree: record?.worktree,
  };
}
