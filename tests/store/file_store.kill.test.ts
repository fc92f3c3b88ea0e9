/**
 * kill -9 at any moment, of a command, of the supervisor with what runs in it, or of all at once: what was acknowledged is there, and
 * the doctor finishes or undoes the rest.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { figures } from "../support/figures.ts";
import { Moments } from "../support/moments.ts";
import { endProcesses, processesWith } from "../support/processes.ts";
import { assertRepairs, type Operation, Promises } from "../support/promises.ts";
import { rounds } from "../support/rounds.ts";
import {
  BASE_SESSION,
  killBackground,
  makeStateFolder,
  type StateFolder,
} from "../support/state_folder.ts";

const OTHER_BASE = "ses_other";
const ISSUES = Array.from({ length: 8 }, (_, i) => `github.com/shoko/kugetsu#${i + 1}`);

test("kill -9 at random moments loses nothing that was acknowledged", async () => {
  await using lab = await makeStateFolder();
  await lab.standIn.addSession(OTHER_BASE, lab.scratch.path);
  const promises = new Promises(BASE_SESSION);
  const moments = new Moments(800);
  const counts = { rounds: 0, commands: 0, kills: 0, repairs: 0 };
  for (; counts.rounds < rounds(25, 1000); counts.rounds++) {
    const commands = someOf(ISSUES, 4).map((ref) => work(lab, promises, moments, ref));
    if (counts.rounds % 4 === 0) commands.push(changeBase(lab, promises, moments));
    const over = counts.rounds % 2 === 0 ? moments.once(() => killBackground(lab)) : undefined;
    const killed = (await Promise.all(commands)).filter(Boolean).length;
    moments.learn(killed, commands.length);
    await over?.();
    await killBackground(lab);
    counts.commands += commands.length;
    counts.kills += killed;
    const { checks } = await assertRepairs(lab);
    counts.repairs += checks.filter((check) => check.repaired).length;
    await promises.check(lab.state);
  }
  figures("kill -9", counts);
  assert.ok(counts.kills > counts.rounds, `only ${counts.kills} kills in ${counts.rounds} rounds`);
  // Every fifth round has one, so that a few rounds may have none.
  if (counts.rounds > 100) assert.ok(counts.repairs > 0, "no kill left anything to repair");
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
  const { ended, stdout } = await runAndKill(lab, args, moments);
  if (!ended) promises.open(ref, operation);
  else promises.kept(ref, operation, JSON.parse(stdout).opencode_session_id);
  return !ended;
}

async function changeBase(
  lab: StateFolder,
  promises: Promises,
  moments: Moments,
): Promise<boolean> {
  const session = oneOf([BASE_SESSION, OTHER_BASE]);
  const args = ["init", "--force", "--session", session];
  const { ended } = await runAndKill(lab, args, moments);
  if (ended) promises.baseKept(session);
  else promises.baseOpen(session);
  return !ended;
}

/**
 * Kills the command or the supervisor at some moment. A command whose supervisor was killed, or that of another
 * command was, may find its turn interrupted, or one that is taken up again in its way; it says so, and promises
 * nothing.
 */
async function runAndKill(
  lab: StateFolder,
  args: string[],
  moments: Moments,
): Promise<{ ended: boolean; stdout: string }> {
  const running = lab.spawn(args);
  const over = moments.once(() =>
    Math.random() < 0.5 ? running.kill("SIGKILL") : killSupervisor(lab)
  );
  const { code, signal, stdout, stderr } = await running.ended.finally(over);
  if (signal !== "SIGKILL") {
    const isTold = [0, 3, 4, 6].includes(code!) || stderr.includes("supervisor-failed");
    assert.ok(isTold, `${args.join(" ")}: ${code} ${stderr}`);
  }
  return { ended: code === 0, stdout };
}

/** By the pid that it wrote into its lock. */
async function killSupervisor(lab: StateFolder): Promise<void> {
  const lock = join(lab.state, "locks", "supervisor.lock.holder");
  const [, pid] = /^pid (\d+) /.exec(await readFile(lock, "utf8").catch(() => "")) ?? [];
  const own = await processesWith(`HOME=${lab.env.HOME}`);
  if (pid && own.includes(Number(pid))) await endProcesses([Number(pid)]);
}

function oneOf<T>(choices: T[]): T {
  return choices[Math.floor(Math.random() * choices.length)]!;
}

function someOf<T>(all: T[], count: number): T[] {
  return [...all].sort(() => Math.random() - 0.5).slice(0, count);
}
