/** What kugetsu adds to a turn: against the real opencode alone, and against one that answers at once. */
import { EXECUTABLE } from "../scripts/_checkout.ts";
import { findExecutable } from "../src/platform/executables.ts";
import { makeWorld, type World } from "../tests/support/opencode_home.ts";
import { type Command, inPairs, type Paired, report } from "./measure.ts";

/** A whole `start`, on each runner, against bare `opencode run --fork` with the same message. */
export async function benchStart(runs: number): Promise<void> {
  for (const runner of ["run", "server"]) {
    await using world = await makeWorld({ catalogue: "whole", env: { KUGETSU_RUNNER: runner } });
    const { a, b, difference } = await measure(world, runs);
    const percent = (100 * difference) / b;
    const times = `${a.toFixed(0)} ms, bare opencode ${b.toFixed(0)} ms, ${runs} pairs`;
    report(`start, runner ${runner}`, `${percent.toFixed(1)} %`, "< 3 %", times);
  }
}

/** kugetsu's own time: what remains of a `start` when opencode takes next to none. */
export async function benchOwn(runs: number): Promise<void> {
  await using world = await makeWorld({ opencode: "stand-in" });
  const { a, b, difference } = await measure(world, runs);
  const times = `${a.toFixed(1)} ms, the stand-in alone ${b.toFixed(1)} ms, ${runs} pairs`;
  report("start, own time", `${difference.toFixed(1)} ms`, "< 60 ms", times);
}

const MESSAGE = "Say something.";

async function measure(world: World, runs: number): Promise<Paired> {
  const made = await world.kugetsu(["init", "--headless", "--json"]);
  if (made.code !== 0) throw new Error(`init failed: ${made.stderr}`);
  const base = JSON.parse(made.stdout).opencode_session_id;
  const { env, repository: cwd } = world;
  let number = 0;
  const ours = (): Command => ({
    file: EXECUTABLE,
    args: ["start", `github.com/shoko/kugetsu#${++number}`, "-"],
    input: MESSAGE,
    env,
    cwd,
  });
  const opencode = findExecutable("opencode", env.PATH)!;
  const bare = (): Command => ({
    file: opencode,
    args: ["run", "--format", "json", "--fork", "--session", base],
    input: MESSAGE,
    env: { ...env, PWD: cwd },
    cwd,
  });
  return await inPairs(runs, ours, bare);
}
