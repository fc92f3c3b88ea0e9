/**
 * What can be wrong with a state folder, and the repair of each. Looking and repairing go through the same
 * checks, so a repair never does anything that a look did not show. Whatever cannot be read is copied
 * aside before anything is put in its place.
 */
import { readFileSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { errors } from "../errors.ts";
import { removeDurably, TEMPORARY_SUFFIX, writeDurably } from "../platform/durable_write.ts";
import { timestamp } from "../session/record.ts";
import type { SessionRecord } from "../session/record.ts";
import { foldRef } from "../session/ref.ts";
import { isActive, observed } from "../session/state.ts";
import {
  inspectIndex,
  readEntry,
  readIndex,
  readSession,
  sessionFiles,
  writeIndex,
  writeSession,
} from "./files.ts";
import { BASE_FILE, hiddenFilesIn, type Layout } from "./layout.ts";
import { isHeld, tryLock } from "./lock.ts";
import type { Finding } from "./mod.ts";
import { observe } from "./observe.ts";

interface Problem extends Finding {
  fix(): void | Promise<void>;
}

const CUT_OFF_START = {
  kind: "cut-off-start",
  what: "its start was cut off before it had a session",
  repair: "clear it, so that it can be started",
} as const;

export async function examineFiles(layout: Layout): Promise<Finding[]> {
  return (await problemsOf(layout)).map(({ fix: _, ...finding }) => finding);
}

/** To be called with the store lock held. Goes round again, since one repair can uncover the next. */
export async function repairFiles(layout: Layout, holder: string): Promise<Finding[]> {
  const repaired: Finding[] = [];
  for (let round = 0; round < 3; round++) {
    const problems = (await problemsOf(layout, holder)).filter((it) => it.kind !== "orphan");
    if (problems.length === 0) break;
    for (const { fix, ...finding } of problems) {
      await fix();
      repaired.push(finding);
    }
  }
  return repaired;
}

async function problemsOf(layout: Layout, holder = ""): Promise<Problem[]> {
  const index = inspectIndex(layout);
  if (!index.ok) return [damagedIndex(layout, index.why), ...leftovers(layout)];
  const entries = Object.entries(index.value.issues);
  const indexed = new Set(entries.map(([, file]) => file));
  const problems = [...baseProblems(layout, index.value.base)];
  for (const [key, file] of entries) {
    problems.push(...await entryProblems(layout, key, file, holder));
  }
  for (const file of sessionFiles(layout)) {
    if (!indexed.has(file)) problems.push(...await strayProblems(layout, file, holder));
  }
  return [...problems, ...leftovers(layout)];
}

function damagedIndex(layout: Layout, why: string): Problem {
  return {
    kind: "index-damaged",
    subject: layout.index,
    what: `the index cannot be used: ${why}`,
    repair: "keep a copy and rebuild it from the session files",
    fix() {
      copyAside(layout.index);
      writeIndex(layout, rebuiltIndex(layout));
    },
  };
}

/** The index that the session files imply. Of two files for one issue the one changed last is taken. */
function rebuiltIndex(layout: Layout) {
  const records = sessionFiles(layout).flatMap((file) => {
    const found = readSession(layout, file);
    return found.kind === "record" && isMade(found.record) ? [{ file, record: found.record }] : [];
  });
  const age = ({ record }: { record: SessionRecord }) =>
    Date.parse(record.updated_at ?? record.created_at) || 0;
  records.sort((a, b) => age(a) - age(b));
  const base = readSession(layout, BASE_FILE);
  return {
    base: base.kind === "record" ? base.record.opencode_session_id : null,
    issues: Object.fromEntries(records.map(({ file, record }) => [record.issue_ref!, file])),
  };
}

function isMade(record: SessionRecord): boolean {
  return record.type === "forked" && record.issue_ref !== null &&
    record.opencode_session_id !== null;
}

function baseProblems(layout: Layout, id: string | null): Problem[] {
  const found = readSession(layout, BASE_FILE);
  const path = layout.session(BASE_FILE);
  const setBase = (base: string | null) => writeIndex(layout, { ...readIndex(layout), base });
  const problem = (what: string, repair: string, fix: () => void): Problem[] => [
    { kind: "base-mismatch", subject: path, what, repair, fix },
  ];
  if (found.kind === "damaged") {
    return problem(
      `the base's file cannot be read: ${found.why}`,
      "keep a copy and write it anew",
      () => {
        copyAside(path);
        if (id === null) removeDurably(path);
        else writeSession(layout, BASE_FILE, bareBase(id));
      },
    );
  }
  if (found.kind === "absent") {
    if (id === null) return [];
    return problem(
      `the index names the base ${id}, whose file is gone`,
      "take it out of the index",
      () => setBase(null),
    );
  }
  const recorded = found.record.opencode_session_id;
  if (recorded === id) return [];
  return problem(
    `the file names ${recorded}, the index ${id}`,
    "put what the file says in the index",
    () => setBase(recorded),
  );
}

/** A base of which only the id is known; the rest is asked of opencode when it is next used. */
function bareBase(id: string): SessionRecord {
  const now = timestamp(new Date());
  return { type: "base", issue_ref: null, opencode_session_id: id, created_at: now, state: "idle" };
}

async function entryProblems(
  layout: Layout,
  key: string,
  file: string,
  holder: string,
): Promise<Problem[]> {
  const { found, busy } = await observe(layout, file, () => readEntry(layout, key, file));
  if (found.kind === "absent") return [danglingEntry(layout, key)];
  if (found.kind === "damaged") return [damagedEntry(layout, key, file, found.why)];
  const { record } = found;
  if (busy) return [];
  if (record.issue_ref !== key) return [wrongRef(layout, key, file, record)];
  const turn = record.turn ? { turn: record.turn } : {};
  if (record.opencode_session_id === null) {
    return [{
      ...CUT_OFF_START,
      subject: key,
      ...turn,
      fix: () =>
        whileFree(layout, file, holder, () => {
          removeDurably(layout.session(file));
          removeEntry(layout, key);
        }),
    }];
  }
  if (!isActive(record)) return [];
  return [{
    kind: "interrupted-turn",
    subject: key,
    what: "its turn was cut off: whoever ran it is gone",
    repair: "mark it as failed, so that it can be continued",
    ...turn,
    fix: () => whileFree(layout, file, holder, () => settle(layout, file, record)),
  }];
}

/** A destroy that was cut off; but where another file is of that very issue, the entry is what is wrong. */
function danglingEntry(layout: Layout, key: string): Problem {
  const { issues } = readIndex(layout);
  const indexed = new Set(Object.values(issues));
  const other = sessionFiles(layout).find((file) => {
    const found = indexed.has(file) ? undefined : readEntry(layout, key, file);
    return found?.kind === "record" && isMade(found.record);
  });
  return {
    kind: "dangling-entry",
    subject: key,
    what: "the index has it, but its session file is gone",
    repair: other ? `let it have ${other}, which is of this issue` : "take it out of the index",
    fix: () => other ? setEntry(layout, key, other) : removeEntry(layout, key),
  };
}

function damagedEntry(layout: Layout, key: string, file: string, why: string): Problem {
  const found = readSession(layout, file);
  if (found.kind === "record") return wrongRef(layout, key, file, found.record);
  return {
    kind: "record-damaged",
    subject: key,
    what: `its session file ${file} cannot be used: ${why}`,
    repair: "keep a copy and take it out of the index",
    fix() {
      copyAside(layout.session(file));
      removeDurably(layout.session(file));
      removeEntry(layout, key);
    },
  };
}

function wrongRef(layout: Layout, key: string, file: string, record: SessionRecord): Problem {
  return {
    kind: "wrong-ref",
    subject: key,
    what: `its session file ${file} is of "${record.issue_ref}"`,
    repair: "let the index have it under the issue that the file names",
    fix: () => giveBack(layout, key, file, record),
  };
}

/** Takes an entry out of the index; the issue that its file names gets the file, unless it has one. */
function giveBack(layout: Layout, key: string, file: string, record: SessionRecord): void {
  const index = readIndex(layout);
  const { [key]: _, ...issues } = index.issues;
  const owner = record.issue_ref;
  const isOwned = Object.keys(issues).some((other) => foldRef(other) === foldRef(owner ?? ""));
  const back = isMade(record) && !isOwned ? { [owner!]: file } : {};
  writeIndex(layout, { ...index, issues: { ...issues, ...back } });
}

/** A session file outside the index: a start that was cut off, or an orphan, which only prune deletes. */
async function strayProblems(layout: Layout, file: string, holder: string): Promise<Problem[]> {
  if (await isHeld(layout.turnLock(file))) return [];
  // Read only now: a start that was under way before has put its session in the index since.
  const { issues } = readIndex(layout);
  const found = readSession(layout, file);
  if (found.kind === "absent" || Object.values(issues).includes(file)) return [];
  if (found.kind === "damaged") {
    return [{
      kind: "record-damaged",
      subject: file,
      what: `the session file cannot be read, and is not in the index: ${found.why}`,
      repair: "rename it aside",
      fix() {
        copyAside(layout.session(file));
        removeDurably(layout.session(file));
      },
    }];
  }
  const { record } = found;
  const subject = record.issue_ref ?? file;
  const turn = record.turn ? { turn: record.turn } : {};
  if (record.opencode_session_id === null) {
    return [{
      ...CUT_OFF_START,
      subject,
      ...turn,
      fix: () => whileFree(layout, file, holder, () => removeDurably(layout.session(file))),
    }];
  }
  if (isActive(record) && isMade(record) && !issues[subject]) {
    return [{
      kind: "cut-off-adopt",
      subject,
      what: "its start was cut off after it had a session",
      repair: "put it in the index",
      ...turn,
      fix: () =>
        whileFree(layout, file, holder, () => {
          // In this order: a file that says its turn is over, and is in no index, would be an orphan.
          setEntry(layout, subject, file);
          settle(layout, file, record);
        }),
    }];
  }
  return [{
    kind: "orphan",
    subject: file,
    what: "the session file is not in the index",
    repair: "kugetsu prune --force deletes it",
    fix() {},
  }];
}

/** Temporary files of writers that are gone. */
function leftovers(layout: Layout): Problem[] {
  return [layout.folder, layout.sessions, dirname(layout.overview)].flatMap((folder) =>
    hiddenFilesIn(folder, TEMPORARY_SUFFIX).filter(isAbandoned).map((name): Problem => ({
      kind: "leftover",
      subject: join(folder, name),
      what: "a half-written file was left behind",
      repair: "delete it",
      fix() {
        try {
          unlinkSync(join(folder, name));
        } catch { /* its writer was quicker */ }
      },
    }))
  );
}

function isAbandoned(name: string): boolean {
  const pid = Number(/\.(\d+)\.[0-9a-f]+\.tmp$/.exec(name)?.[1]);
  if (!pid || pid === process.pid) return pid !== process.pid;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
}

/** The turn stays in the record: whoever begins the next one makes sure that nothing of it still runs. */
function settle(layout: Layout, file: string, record: SessionRecord): void {
  writeSession(layout, file, { ...observed(record, false), updated_at: timestamp(new Date()) });
}

async function whileFree(layout: Layout, file: string, holder: string, action: () => void) {
  const taken = await tryLock(layout.turnLock(file), holder);
  if (!taken) return;
  try {
    action();
  } finally {
    taken.release({ remove: true });
  }
}

function setEntry(layout: Layout, key: string, file: string): void {
  const index = readIndex(layout);
  writeIndex(layout, { ...index, issues: { ...index.issues, [key]: file } });
}

function removeEntry(layout: Layout, key: string): void {
  const index = readIndex(layout);
  const { [key]: _, ...issues } = index.issues;
  writeIndex(layout, { ...index, issues });
}

/** Copies a file to `NAME.damaged-TIME` beside it; nothing to copy is fine. */
function copyAside(path: string): void {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return;
    throw errors.unreadable(path, error);
  }
  const time = new Date().toISOString().replaceAll(/[:.]/g, "-");
  writeDurably(`${path}.damaged-${time}`, content);
}
