/**
 * The commands that change a state folder, each with a folder to run in: for tests that let one of them fail at
 * every point there is.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Promises } from "./promises.ts";
import {
  BASE_SESSION,
  indexOf,
  keepState,
  makeStateFolder,
  type StateFolder,
} from "./state_folder.ts";
import type { Faulted } from "./system_calls.ts";

export interface Scenario {
  name: string;
  /** In a folder that does not even have a base. */
  fresh?: boolean;
  /** What is run, in a folder made by `prepare`. */
  args: string[];
  /** Not the command is what may fail, but the supervisor that works for it. */
  supervised?: boolean;
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

const START: Scenario = {
  name: "start",
  args: ["start", REF, "do it", "--json"],
  again: [0, 4],
  prepare: async () => {},
  tell: (promises, code, stdout) => {
    if (code !== 0) promises.open(REF, "start");
    else promises.kept(REF, "start", JSON.parse(stdout).opencode_session_id);
  },
};
const CONTINUE: Scenario = {
  name: "continue",
  args: ["continue", REF, "--json"],
  again: [0],
  prepare: (lab) => begin(lab, [REF]),
  tell: () => {},
};

export const SCENARIOS: Scenario[] = [
  START,
  { ...START, name: "the supervisor of start", supervised: true },
  CONTINUE,
  { ...CONTINUE, name: "the supervisor of continue", supervised: true },
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
  {
    name: "doctor --fix of a damaged index",
    args: ["doctor", "--fix"],
    again: [0],
    prepare: breakAll,
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

/** Nothing is sent twice, and what was done once more behind the fault could be done. */
export function assertGoesOn(
  scenario: Scenario,
  promises: Promises,
  { code, supervisor }: Faulted,
): void {
  if (!supervisor) return;
  const { messages, again } = supervisor;
  assert.ok(messages <= 1 && (code !== 0 || messages === 1), `${messages} messages`);
  assert.ok(scenario.again.includes(again.code!), `again: exit ${again.code}: ${again.stderr}`);
  if (again.code === 0) scenario.tell(promises, 0, again.stdout);
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

const TURN = {
  id: "turn",
  kind: "start",
  started_at: "2026-03-29T18:16:10+02:00",
  owner: { pid: 1, started: "0", boot: "another" },
};

/** What accidents leave behind: starts that were cut off, a destroy that was, wrong spellings, and waste. */
async function breakMuch(lab: StateFolder): Promise<void> {
  const index = await indexOf(lab.state);
  const starting = {
    type: "forked",
    issue_ref: "github.com/cut/off#1",
    opencode_session_id: null,
    created_at: TURN.started_at,
    state: "starting",
    turn: TURN,
  };
  const named = { ...starting, opencode_session_id: BASE_SESSION, state: "running" };
  const files = {
    "github.com-cut-off-1.json": JSON.stringify(starting),
    "github.com-cut-off-2.json": JSON.stringify({ ...named, issue_ref: "github.com/cut/off#2" }),
    "github.com-cut-off-3.json": JSON.stringify({ ...named, issue_ref: "github.com/cut/off#3" }),
    "github.com-cut-off-4.json": JSON.stringify({ ...starting, issue_ref: "github.com/cut/off#4" }),
    "github.com-bad-file-5.json": '{"type": "for',
    ".github.com-cut-off-2.json.4194305.0123456789ab.tmp": "{",
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(lab.state, "sessions", name), text);
  }
  const [misspelled, ...others] = Object.entries(index.issues);
  const issues = Object.fromEntries([
    [misspelled![0].toUpperCase(), misspelled![1]],
    ...others,
    ["github.com/cut/off#3", "github.com-cut-off-3.json"],
    ["github.com/cut/off#4", "github.com-cut-off-4.json"],
    ["github.com/gone/away#6", "github.com-gone-away-6.json"],
  ]);
  await writeFile(join(lab.state, "index.json"), JSON.stringify({ ...index, issues }));
}

async function breakAll(lab: StateFolder): Promise<void> {
  await breakMuch(lab);
  await writeFile(join(lab.state, "index.json"), '{"base": "ses_abc123", "issu');
}
