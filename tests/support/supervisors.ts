/** What tests of the supervisor ask again and again. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { exits } from "./expect.ts";
import type { World } from "./opencode_home.ts";
import { processesWith } from "./processes.ts";
import { until } from "./until.ts";

export interface ShownStatus {
  running: boolean;
  pid: number;
  version: string;
  server: number | null;
  max_parallel: number;
  turns: { issue_ref: string; state: string; turn: string }[];
}

/** As `kugetsu supervisor status --json` shows it; undefined when none runs. */
export async function supervisorOf(world: World): Promise<ShownStatus | undefined> {
  const result = await world.kugetsu(["supervisor", "status", "--json"]);
  if (result.code === 3) return undefined;
  return JSON.parse(exits(0, result).stdout);
}

/** The supervisors of this world, and those which came second and have not noticed yet. */
export async function supervisorsIn(world: World): Promise<number[]> {
  const pids = await processesWith(`KUGETSU_HOME=${world.state}`);
  const own = await Promise.all(pids.map(async (pid) => {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return line.split("\0").includes("__supervisor") ? [pid] : [];
  }));
  return own.flat();
}

/** Whether the process is there, and no mere entry that waits for its parent to look. */
export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
}

export const isGone = (pid: number, timeoutMs = 20_000) =>
  until(`process ${pid} is gone`, async () => !await runs(pid), timeoutMs);

export function outcomeOf(world: World, number: number): Promise<string | undefined> {
  const file = join(world.state, "sessions", `github.com-shoko-kugetsu-${number}.json`);
  return readFile(file, "utf8").then(
    (text) => JSON.parse(text).last_turn?.outcome,
    () => undefined,
  );
}

/** How often the model was asked with exactly this message, by turns and not for a title. */
export const timesAsked = (world: World, prompt: string) =>
  world.model.prompts.filter((it) => it === prompt).length;
