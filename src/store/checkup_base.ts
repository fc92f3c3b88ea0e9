/** What can be wrong with bases: their files, and the index's word for it. */
import { removeDurably } from "../platform/durable_write.ts";
import { type SessionRecord, timestamp } from "../session/record.ts";
import { baseFileFor, readBase, writeBase } from "./bases.ts";
import { copyAside, type Problem } from "./checkup_problem.ts";
import { readIndex, readSession, readText, writeIndex, writeSession } from "./files.ts";
import { BASE_FILE, type Layout } from "./layout.ts";
import { salvageRecord } from "./schemas.ts";

export function baseProblems(layout: Layout, id: string | null): Problem[] {
  const found = readSession(layout, BASE_FILE);
  const path = layout.session(BASE_FILE);
  const setBase = (base: string | null) => writeIndex(layout, { ...readIndex(layout), base });
  const problem = (what: string, repair: string, fix: () => void): Problem[] => [
    { kind: "base-mismatch", subject: path, what, repair, fix },
  ];
  if (found.kind === "damaged") {
    const base = rebuiltBase(path, id);
    return problem(
      `the base's file cannot be read: ${found.why}`,
      base ? "keep a copy and write what is known anew" : "keep a copy and take it away",
      () => {
        copyAside(path);
        if (base) writeSession(layout, BASE_FILE, base);
        else removeDurably(path);
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

/** A further base is in no index: a file that cannot be used is all that there is of it. */
export function furtherBaseProblems(layout: Layout, file: string): Problem[] {
  const found = readBase(layout, file);
  if (found.kind !== "damaged") return [];
  const path = layout.base(file);
  const base = rebuiltBase(path, null);
  const isItsOwn = base?.repository !== undefined && baseFileFor(base.repository) === file;
  return [{
    kind: "record-damaged",
    subject: path,
    what: `the base's file cannot be used: ${found.why}`,
    repair: isItsOwn
      ? "keep a copy and write what is known anew"
      : "keep a copy and take it away, so that kugetsu init can make it anew",
    fix() {
      copyAside(path);
      if (isItsOwn) writeBase(layout, file, base);
      else removeDurably(path);
    },
  }];
}

/**
 * A base from what can still be read in its file, and its id from the index where that is not among it. What is
 * missing then is asked of the folder and of opencode (commands/base.ts). Undefined if there is nothing to go by.
 */
function rebuiltBase(path: string, indexed: string | null): SessionRecord | undefined {
  const text = readText(path);
  const read = salvageRecord(text?.ok ? text.value : "");
  const id = read.opencode_session_id ?? indexed;
  if (id === null || (read.type ?? "base") !== "base" || read.issue_ref) return undefined;
  const known = { created_at: timestamp(new Date()), state: "idle", ...read };
  return { ...known, type: "base", issue_ref: null, opencode_session_id: id };
}
