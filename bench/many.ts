/**
 * Many issues at once: kugetsu on its warm server against as many bare `opencode run --fork` at once, and against as many
 * programs that make the same calls by SDK on that very server (raw_client.ts). All that a side has running counts for
 * its memory.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { EXECUTABLE, ROOT } from "../scripts/_checkout.ts";
import { findExecutable } from "../src/platform/executables.ts";
import { answeringServers, headersFor } from "../src/runner/server_address.ts";
import { makeWorld, type World } from "../tests/support/opencode_home.ts";
import { median, outputOf, report, timeOf } from "./measure.ts";
import { peakOf } from "./memory.ts";
import { compileProgram } from "./startup.ts";
import { benchSupervisor } from "./supervisor.ts";

/** What is to be reached, by how many issues there are at once; what has no goal is shown all the same. */
const GOALS: Record<number, { fresh?: number; known?: number; memory?: number }> = {
  1: { fresh: 2, known: 6 },
  8: { fresh: 2.2, known: 10, memory: 3 },
  24: {},
};
/** A round of 24 takes minutes. */
const MOST_ROUNDS: Record<number, number> = { 1: 7, 8: 3, 24: 1 };
/** How many turns each issue has again in a round, on either side. */
const AGAIN: Record<number, number> = { 1: 10, 8: 6, 24: 4 };
const MESSAGE = "@say Done.";
type Side = () => Promise<Measured>;

interface Measured {
  ms: number;
  bytes: number;
}

export async function benchMany(runs: number): Promise<void> {
  for (const count of Object.keys(GOALS).map(Number)) {
    await measure(count, Math.min(runs, MOST_ROUNDS[count]!));
  }
  await benchSupervisor();
}

async function measure(count: number, runs: number): Promise<void> {
  // The bare ones have a world of their own, so that no warm server of ours is in their memory.
  await using ours = await makeStage();
  await using theirs = await makeStage();
  const taken: Record<string, Measured[]> = {};
  await ours.issues(1);
  for (let round = 0; round < runs; round++) {
    // Folders of an earlier round are not to be in the memory of this one.
    await ours.renew();
    const sides: [string, Side][] = [
      ["bare", () => theirs.bare(count)],
      ["fresh", () => ours.issues(count)],
      ["raw fresh", () => ours.raw(count)],
    ];
    // The bare ones go first, and the next time last.
    if (round % 2) sides.push(sides.shift()!);
    for (const [name, side] of sides) (taken[name] ??= []).push(await side());
    const again = await takeTurns(AGAIN[count]!, {
      known: () => ours.again(count),
      "raw known": () => ours.rawAgain(),
    });
    for (const [name, ms] of again) (taken[name] ??= []).push({ ms, bytes: 0 });
  }
  show(count, taken);
}

/** The median time of each side, in milliseconds, of so many in turn; the first of each does not count. */
async function takeTurns(
  times: number,
  sides: Record<string, () => Promise<unknown>>,
): Promise<[name: string, ms: number][]> {
  const taken = Object.entries(sides).map(([name, side]) => ({ name, side, ms: [] as number[] }));
  for (let time = -1; time < times; time++) {
    for (const { side, ms } of time % 2 ? taken.toReversed() : taken) {
      const began = performance.now();
      await side();
      if (time >= 0) ms.push(performance.now() - began);
    }
  }
  return taken.map(({ name, ms }) => [name, median(ms)]);
}

function show(count: number, taken: Record<string, Measured[]>): void {
  const { fresh, known, memory } = GOALS[count]!;
  const load = `load ${loadavg()[0]!.toFixed(1)}`;
  const row = (what: string, [a, b]: [string, string], of: keyof Measured, goal: string) => {
    const values = (side: string) => taken[side]!.map((it) => it[of]);
    const ratio = median(values(a).map((value, i) => value / values(b)[i]!));
    const shown = (side: string) => `${side} ${inWords(median(values(side)), of)}`;
    report(`${count}: ${what}`, `${ratio.toFixed(2)} x`, goal, `${shown(a)}, ${shown(b)}, ${load}`);
  };
  const atLeast = (goal?: number) => goal === undefined ? "" : `>= ${goal} x`;
  row("fresh worktrees", ["bare", "fresh"], "ms", atLeast(fresh));
  row("known folders", ["bare", "known"], "ms", atLeast(known));
  row("memory, fresh", ["bare", "fresh"], "bytes", atLeast(memory));
  row("fresh, to the raw server", ["fresh", "raw fresh"], "ms", "<= 1.15 x");
  row("known, to the raw server", ["known", "raw known"], "ms", "<= 1.15 x");
}

const inWords = (value: number, of: keyof Measured) =>
  of === "ms" ? `${value.toFixed(0)} ms` : `${(value / 1e6).toFixed(0)} MB`;

/** A world with a base, and the ways to run turns in it. */
async function makeStage() {
  const world = await makeWorld({ catalogue: "whole" });
  const made = await world.kugetsu(["init", "--headless", "--json"]);
  if (made.code !== 0) throw new Error(`init failed: ${made.stderr}`);
  const base: string = JSON.parse(made.stdout).opencode_session_id;
  const { env, repository: cwd } = world;
  let number = 0;
  let latest: string[] = [];
  let rawTurns: (() => Promise<unknown>)[] = [];
  const client = compileProgram(join(ROOT, "bench", "raw_client.ts"), world.scratch.join("raw"));
  const kugetsu = (...args: string[]) =>
    timeOf({ file: EXECUTABLE, args, env, cwd, input: MESSAGE });
  // One issue is followed, as somebody does who has but one.
  const submit = async (kind: string, count: number) => {
    if (count === 1) return void await kugetsu(kind, latest[0]!, "-");
    const most = ["--max-parallel", `${count}`];
    await Promise.all(latest.map((ref) => kugetsu(kind, "-d", ref, "-", ...most)));
    await kugetsu("wait", ...latest);
  };
  const taken = (work: () => Promise<unknown>) => peakOf(`HOME=${world.home}`, work);
  const next = () => `github.com/shoko/kugetsu#${++number}`;
  const all = (count: number) => Array.from({ length: count }, next);
  const bare = () => ({
    file: findExecutable("opencode", env.PATH)!,
    args: ["run", "--format", "json", "--fork", "--session", base],
    input: MESSAGE,
    env: { ...env, PWD: cwd },
    cwd,
  });
  return {
    issues: (count: number) => {
      latest = all(count);
      return taken(() => submit("start", count));
    },
    again: (count: number) => submit("continue", count),
    bare: (count: number) => taken(() => Promise.all(all(count).map(() => timeOf(bare())))),
    raw: (count: number) =>
      taken(async () => {
        const turns = Array.from({ length: count }, () => rawTurn(world, client, base, ++number));
        rawTurns = await Promise.all(turns);
      }),
    rawAgain: () => Promise.all(rawTurns.map((turn) => turn())),
    /** A new server, warmed by one turn. */
    renew: async () => {
      await kugetsu("supervisor", "stop");
      latest = all(1);
      await submit("start", 1);
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

/** git cannot make two worktrees of one repository at a time. */
let gitTurn: Promise<void> = Promise.resolve();

async function addWorktree(world: World, number: number, directory: string): Promise<void> {
  await world.git("worktree", "add", "--quiet", "-b", `raw/${number}`, directory);
}

/** What a start is for the server: a fork, moved to a new worktree, and a turn. Returns how to take another turn. */
async function rawTurn(world: World, client: string, base: string, number: number) {
  const [address] = await answeringServers(join(world.state, "run"));
  if (!address) throw new Error("kugetsu's server does not answer");
  const directory = world.scratch.join("worktrees", `${number}`);
  await (gitTurn = gitTurn.then(() => addWorktree(world, number, directory)));
  const server = JSON.stringify({ baseUrl: address.url, headers: headersFor(address) });
  const call = (...args: string[]) => ({
    file: client,
    args: [directory, ...args],
    env: { ...world.env, RAW_SERVER: server },
    input: MESSAGE,
  });
  const session = (await outputOf(call(base))).trim();
  return () => timeOf(call("", session));
}
