/** kill -9 at any moment: what was acknowledged is there, and the doctor finishes or undoes the rest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { figures } from "../support/figures.ts";
import { Moments } from "../support/moments.ts";
import { endProcesses, processesWith } from "../support/processes.ts";
import { assertRepairs, type Operation, Promises } from "../support/promises.ts";
import { rounds } from "../support/rounds.ts";
import type { Running } from "../support/running.ts";
import { BASE_SESSION, makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const OTHER_BASE = "ses_other";
const ISSUES = Array.from({ length: 8 }, (_, i) => `github.com/shoko/kugetsu#${i + 1}`);

test("kill -9 at random moments loses nothing that was acknowledged", async () => {
  await using lab = await makeStateFolder();
  await lab.standIn.addSession(OTHER_BASE, lab.scratch.path);
  const promises = new Promises(BASE_SESSION);
  const moments = new Moments();
  const counts = { rounds: 0, commands: 0, kills: 0, repairs: 0 };
  for (; counts.rounds < rounds(25, 1000); counts.rounds++) {
    const commands = someOf(ISSUES, 4).map((ref) => work(lab, promises, moments, ref));
    if (counts.rounds % 4 === 0) commands.push(changeBase(lab, promises, moments));
    const killed = (await Promise.all(commands)).filter(Boolean).length;
    moments.learn(killed, commands.length);
    counts.commands += commands.length;
    counts.kills += killed;
    const { checks } = await assertRepairs(lab);
    counts.repairs += checks.filter((check) => check.repaired).length;
    await promises.check(lab.state);
    await endProcesses(await processesWith(`HOME=${lab.env.HOME}`));
  }
  figures("kill -9", counts);
  assert.ok(counts.kills > counts.rounds, `only ${counts.kills} kills in ${counts.rounds} rounds`);
  assert.ok(counts.repairs > 0, "no kill left anything to repair");
});

/** Does what can be done to the issue, perhaps not to its end. Returns whether it was killed. */
async function work(
  lab: StateFolder,
  promises: Promises,
  moments: Moments,
  ref: string,
): Promise<boolean> {
  const operation = promises.has(ref) ? oneOf<Operation>(["continue", "destroy"]) : "start";
  const args = {
    start: ["start", ref, "do it", "--json"],
    continue: ["continue", ref, "--json"],
    destroy: ["destroy", ref, "-y", "--keep-session", "--json"],
  }[operation];
  const { killed, stdout } = await runAndKill(lab.spawn(args), moments);
  if (killed) promises.open(ref, operation);
  else promises.kept(ref, operation, JSON.parse(stdout).opencode_session_id);
  return killed;
}

async function changeBase(
  lab: StateFolder,
  promises: Promises,
  moments: Moments,
): Promise<boolean> {
  const session = oneOf([BASE_SESSION, OTHER_BASE]);
  const running = lab.spawn(["init", "--force", "--session", session]);
  const { killed } = await runAndKill(running, moments);
  if (killed) promises.baseOpen(session);
  else promises.baseKept(session);
  return killed;
}

/** Kills the command at some moment; one that was not killed has to end well. */
async function runAndKill(
  running: Running,
  moments: Moments,
): Promise<{ killed: boolean; stdout: string }> {
  const { passed, cancel } = moments.wait();
  passed.then(() => running.kill("SIGKILL"));
  const { code, signal, stdout, stderr } = await running.ended.finally(cancel);
  const killed = signal === "SIGKILL";
  if (!killed) assert.equal(code, 0, stderr);
  return { killed, stdout };
}

function oneOf<T>(choices: T[]): T {
  return choices[Math.floor(Math.random() * choices.length)]!;
}

function someOf<T>(all: T[], count: number): T[] {
  return [...all].sort(() => Math.random() - 0.5).slice(0, count);
}
