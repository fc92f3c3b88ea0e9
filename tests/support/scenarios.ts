/**
 * The commands that change a state folder, each with a folder to run in: for tests that let one of them fail at
 * every point there is.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Promises } from "./promises.ts";
import { BASE_SESSION, keepState, makeStateFolder, type StateFolder } from "./state_folder.ts";

export interface Scenario {
  name: string;
  /** In a folder that does not even have a base. */
  fresh?: boolean;
  /** What is run, in a folder made by `prepare`. */
  args: string[];
  /** The exit codes that the same command may have when it is tried again without a repair. */
  again: number[];
  prepare(lab: StateFolder): Promise<void>;
  /** Tells what may be found in the folder when the command ended with this code and output. */
  tell(promises: Promises, code: number | null, stdout: string): void;
}

const REF = "github.com/shoko/kugetsu#14";
const OTHER_BASE = "ses_other";
/** Issues that the command is not about, to which nothing may happen. */
export const BYSTANDERS = ["github.com/a-b/c#1", "codeberg.org/some-user/re-po#100"];

export const SCENARIOS: Scenario[] = [
  {
    name: "start",
    args: ["start", REF, "do it", "--json"],
    again: [0, 4],
    prepare: async () => {},
    tell: (promises, code, stdout) => {
      if (code !== 0) promises.open(REF, "start");
      else promises.kept(REF, "start", JSON.parse(stdout).opencode_session_id);
    },
  },
  {
    name: "continue",
    args: ["continue", REF, "--json"],
    again: [0],
    prepare: (lab) => begin(lab, [REF]),
    tell: () => {},
  },
  {
    name: "destroy",
    args: ["destroy", REF, "-y", "--keep-session"],
    again: [0, 3],
    prepare: (lab) => begin(lab, [REF]),
    tell: (promises, code) =>
      code === 0 ? promises.kept(REF, "destroy", null) : promises.open(REF, "destroy"),
  },
  {
    name: "init",
    fresh: true,
    args: ["init", "--session", OTHER_BASE],
    again: [0, 4],
    prepare: (lab) => lab.standIn.addSession(OTHER_BASE, lab.scratch.path),
    tell: tellBase,
  },
  {
    name: "init --force",
    args: ["init", "--force", "--session", OTHER_BASE],
    again: [0],
    prepare: (lab) => lab.standIn.addSession(OTHER_BASE, lab.scratch.path),
    tell: tellBase,
  },
  {
    name: "doctor --fix",
    args: ["doctor", "--fix"],
    again: [0],
    prepare: breakMuch,
    tell: () => {},
  },
];

/** A folder in which the command can be run, and what is promised about it; `reset` makes it so again. */
export async function stage(scenario: Scenario) {
  const lab = await makeStateFolder({ base: !scenario.fresh });
  if (!scenario.fresh) await begin(lab, BYSTANDERS);
  await scenario.prepare(lab);
  const reset = await keepState(lab);
  const sessions = await sessionsIn(lab);
  await reset();
  const promises = () => {
    const made = new Promises(scenario.fresh ? null : BASE_SESSION);
    for (const it of sessions) made.kept(it.issue_ref, "start", it.opencode_session_id);
    return made;
  };
  return { lab, reset, promises };
}

/** Repairs the folder first: where the index is damaged, the files are all that anything was promised by. */
async function sessionsIn(lab: StateFolder) {
  await lab.kugetsu(["doctor", "--fix"]);
  type Session = { issue_ref: string; opencode_session_id: string };
  return (await lab.json<{ sessions: Session[] }>(["list"])).sessions;
}

function tellBase(promises: Promises, code: number | null): void {
  if (code === 0) promises.baseKept(OTHER_BASE);
  else promises.baseOpen(OTHER_BASE);
}

async function begin(lab: StateFolder, refs: string[]): Promise<void> {
  for (const ref of refs) {
    const { code, stderr } = await lab.kugetsu(["start", ref, "do it"]);
    assert.equal(code, 0, stderr);
  }
}

/** All that the doctor knows at once: a damaged index, a cut-off start and turn, and leftovers. */
async function breakMuch(lab: StateFolder): Promise<void> {
  const sessions = join(lab.state, "sessions");
  const turn = {
    id: "turn",
    started_at: "2026-03-29T18:16:10+02:00",
    owner: { pid: 1, started: "0", boot: "another" },
  };
  const record = {
    type: "forked",
    issue_ref: "github.com/cut/off#1",
    opencode_session_id: null,
    created_at: turn.started_at,
    state: "starting",
    turn: { ...turn, kind: "start" },
  };
  await writeFile(join(sessions, "github.com-cut-off-1.json"), JSON.stringify(record));
  await writeFile(
    join(sessions, "github.com-cut-off-2.json"),
    JSON.stringify({
      ...record,
      issue_ref: "github.com/cut/off#2",
      opencode_session_id: BASE_SESSION,
      state: "running",
    }),
  );
  await writeFile(join(sessions, "github.com-bad-file-3.json"), '{"type": "for');
  await writeFile(join(sessions, ".github.com-cut-off-2.json.4194305.0123456789ab.tmp"), "{");
  await writeFile(join(lab.state, "index.json"), '{"base": "ses_abc123", "issu');
}
