/**
 * What can be wrong with a state folder, and the repair of each. Looking and repairing go through the same
 * checks, so a repair never does anything that a look did not show. Whatever cannot be read is copied
 * aside before anything is put in its place.
 */
import { unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { reasonOf } from "../errors.ts";
import { TEMPORARY_SUFFIX } from "../platform/durable_write.ts";
import type { SessionRecord } from "../session/record.ts";
import { baseFiles } from "./bases.ts";
import { baseProblems, furtherBaseProblems } from "./checkup_base.ts";
import { copyAside, isMade, type Problem } from "./checkup_problem.ts";
import { entryProblems, oneIssueProblems, strayProblems } from "./checkup_sessions.ts";
import { inspectIndex, readSession, sessionFiles, writeIndex } from "./files.ts";
import {
  BASE_FILE,
  hiddenFilesIn,
  type Layout,
  misplacedFile,
  unwritableFolder,
} from "./layout.ts";
import { type Finding, isByHand } from "./mod.ts";

export async function examineFiles(layout: Layout): Promise<Finding[]> {
  return (await problemsOf(layout)).map(({ fix: _, ...finding }) => finding);
}

/** To be called with the store lock held. Goes round again, since one repair can uncover the next. */
export async function repairFiles(layout: Layout, holder: string): Promise<Finding[]> {
  const repaired: Finding[] = [];
  for (let round = 0; round < 3; round++) {
    const problems = (await problemsOf(layout, holder)).filter((it) => !isByHand(it));
    if (problems.length === 0) break;
    for (const { fix, ...finding } of problems) {
      await fix();
      repaired.push(finding);
    }
  }
  return repaired;
}

async function problemsOf(layout: Layout, holder = ""): Promise<Problem[]> {
  const misplaced = misplacedFile(layout);
  if (misplaced) return [notAFolder(misplaced)];
  const index = inspectIndex(layout);
  const general = [...unwritable(layout), ...leftovers(layout)];
  if (!index.ok) return [damagedIndex(layout, index.why), ...general];
  const entries = Object.entries(index.value.issues);
  const indexed = new Set(entries.map(([, file]) => file));
  const problems = [
    ...baseProblems(layout, index.value.base),
    ...baseFiles(layout).flatMap((file) => furtherBaseProblems(layout, file)),
    ...oneIssueProblems(Object.keys(index.value.issues)),
  ];
  for (const [key, file] of entries) {
    problems.push(...await entryProblems(layout, key, file, holder));
  }
  for (const file of sessionFiles(layout)) {
    if (!indexed.has(file)) problems.push(...await strayProblems(layout, file, holder));
  }
  return [...problems, ...general];
}

/** Nothing else can be looked at then. */
function notAFolder(path: string): Problem {
  return {
    kind: "not-a-folder",
    subject: path,
    what: "it is not a folder, and a folder belongs there",
    repair: "move it away yourself; what is missing is made when it is needed",
    fix() {},
  };
}

/** A folder in which nothing can be written, the first one: the others lie in it, as a rule. */
function unwritable(layout: Layout): Problem[] {
  const found = unwritableFolder(layout);
  if (!found) return [];
  return [{
    kind: "unwritable",
    subject: found.path,
    what: `nothing can be written there: ${reasonOf(found.cause)}`,
    repair: "chmod u+rwx, as its owner, or set KUGETSU_HOME to another folder",
    fix() {},
  }];
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

/** Temporary files of writers that are gone. */
function leftovers(layout: Layout): Problem[] {
  const written = [layout.folder, layout.sessions, layout.bases, layout.journal];
  return [...written, dirname(layout.overview)].flatMap((folder) =>
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
