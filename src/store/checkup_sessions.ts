/** What can be wrong with an issue's index entry and its session file, alone or together. */
import { removeDurably } from "../platform/durable_write.ts";
import { type SessionRecord, timestamp } from "../session/record.ts";
import { foldRef } from "../session/ref.ts";
import { isActive, observed, whereabouts } from "../session/state.ts";
import { copyAside, isMade, type Problem } from "./checkup_problem.ts";
import {
  readEntry,
  readIndex,
  readSession,
  removeEntry,
  sessionFiles,
  setEntry,
  writeIndex,
  writeSession,
} from "./files.ts";
import type { Layout } from "./layout.ts";
import { isHeld, whileFree } from "./lock.ts";
import { observe } from "./observe.ts";

const CUT_OFF_START = {
  kind: "cut-off-start",
  what: "its start was cut off before it had a session",
  repair: "clear it, so that it can be started",
} as const;

export async function entryProblems(
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
  const turn = turnOf(record);
  if (record.opencode_session_id === null) {
    return [{
      ...CUT_OFF_START,
      subject: key,
      ...turn,
      fix: () =>
        whileFree(layout.turnLock(file), holder, () => {
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
    fix: () => whileFree(layout.turnLock(file), holder, () => settle(layout, file, record)),
  }];
}

/** Keys of one issue, which the tool before this one told apart. Which session is to stay is not ours to say. */
export function oneIssueProblems(keys: string[]): Problem[] {
  return [...Map.groupBy(keys, foldRef)].flatMap(([fold, same]) => {
    const meant = same.includes(fold) ? fold : same[0]!;
    return same.filter((key) => key !== meant).map((key): Problem => ({
      kind: "one-issue",
      subject: key,
      what: `the index has it besides ${JSON.stringify(meant)}, which is the same issue`,
      repair: `kugetsu destroy ${JSON.stringify(key)} takes this one's session away`,
      fix() {},
    }));
  });
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
export async function strayProblems(
  layout: Layout,
  file: string,
  holder: string,
): Promise<Problem[]> {
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
  const turn = turnOf(record);
  if (record.opencode_session_id === null) {
    return [{
      ...CUT_OFF_START,
      subject,
      ...turn,
      fix: () =>
        whileFree(layout.turnLock(file), holder, () => removeDurably(layout.session(file))),
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
        whileFree(layout.turnLock(file), holder, () => {
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

/** The turn stays in the record: whoever begins the next one makes sure that nothing of it still runs. */
function settle(layout: Layout, file: string, record: SessionRecord): void {
  writeSession(layout, file, { ...observed(record, false), updated_at: timestamp(new Date()) });
}

/** The turn that a record says is under way. */
function turnOf(record: SessionRecord): Pick<Problem, "cutOff"> {
  const { turn } = record;
  return turn ? { cutOff: { turn, where: whereabouts(record) } } : {};
}
