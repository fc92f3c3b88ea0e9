/** What the supervisor itself takes when it has nothing to do: memory, and processor time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { makeWorld } from "../tests/support/opencode_home.ts";
import { report } from "./measure.ts";
import { memoryOf } from "./memory.ts";
import { compileMinimal } from "./startup.ts";

const IDLE_MS = 5000;
const GOAL = 2.5;

export async function benchSupervisor(): Promise<void> {
  await using world = await makeWorld();
  const minimal = compileMinimal(world.scratch.path, 'process.stdin.on("data", () => {});');
  const made = await world.kugetsu(["init", "--headless"]);
  if (made.code !== 0) throw new Error(`init failed: ${made.stderr}`);
  for (let number = 1; number <= 3; number++) {
    const { code, stderr } = await world.kugetsu(["start", `${number}`, "@say Done."]);
    if (code !== 0) throw new Error(`start failed: ${stderr}`);
  }
  const pid = await world.supervisor();
  if (pid === undefined) throw new Error("There is no supervisor");
  const child = spawn(minimal, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout!, "data");
  const ticksBefore = await ticksOf(pid);
  await new Promise((later) => setTimeout(later, IDLE_MS));
  const ticks = await ticksOf(pid) - ticksBefore;
  const [own, least] = [await memoryOf([pid]), await memoryOf([child.pid!])];
  child.kill();
  const sizes = `${(own / 1e6).toFixed(0)} MB, minimal program ${(least / 1e6).toFixed(0)} MB`;
  report("supervisor, memory", `${(own / least).toFixed(2)} x`, `<= ${GOAL} x`, sizes);
  report(
    "supervisor, idle",
    `${ticks} ticks`,
    "0 ticks",
    `of processor time in ${IDLE_MS / 1000} s`,
  );
}

/** Processor time, in hundredths of a second. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // After the name, which may have spaces: user and system time are the 14th and 15th of all.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
