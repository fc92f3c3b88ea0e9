/** What can be wrong with bases: their files, and the index's word for it. */
import { removeDurably } from "../platform/durable_write.ts";
import { type SessionRecord, timestamp } from "../session/record.ts";
import { readBase } from "./bases.ts";
import { copyAside, type Problem } from "./checkup_problem.ts";
import { readIndex, readSession, writeIndex, writeSession } from "./files.ts";
import { BASE_FILE, type Layout } from "./layout.ts";

export function baseProblems(layout: Layout, id: string | null): Problem[] {
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

/** A further base is in no index: a file that cannot be used is all that there is of it. */
export function furtherBaseProblems(layout: Layout, file: string): Problem[] {
  const found = readBase(layout, file);
  if (found.kind !== "damaged") return [];
  const path = layout.base(file);
  return [{
    kind: "record-damaged",
    subject: path,
    what: `the base's file cannot be used: ${found.why}`,
    repair: "keep a copy and take it away, so that kugetsu init can make it anew",
    fix() {
      copyAside(path);
      removeDurably(path);
    },
  }];
}

/** A base of which only the id is known; the rest is asked of opencode when it is next used. */
function bareBase(id: string): SessionRecord {
  const now = timestamp(new Date());
  return { type: "base", issue_ref: null, opencode_session_id: id, created_at: now, state: "idle" };
}
