/**
 * `deno task bench`: how fast kugetsu is, as ratios taken in one run, since machines differ and drift.
 *
 * | measured | against |
 * |---|---|
 * | `--version`, `list` of 0, 100 and 10,000 sessions | a minimal compiled program |
 * | a whole `start` on the real opencode | bare `opencode run --fork`, in pairs |
 * | a `start` on an opencode that answers at once | that opencode alone: kugetsu's own time |
 * | the same with three plugins that have hooks | without them, in starts of a minimal program |
 * | 1, 8 and 24 issues at once, in new worktrees and again there | as many bare `opencode run --fork`; raw calls to the server |
 * | the supervisor alone: memory, processor time while idle | a minimal compiled program that waits |
 *
 * `deno task bench [startup|start|own|plugins|many] [--runs N]`; without a word all of them. Times are whole processes, from
 * spawn to exit, so a few tenths of a millisecond of this script's own are in both sides of every ratio.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { compile } from "../scripts/compile.ts";
import { benchOwn, benchStart } from "./start.ts";
import { benchMany } from "./many.ts";
import { benchPlugins } from "./plugins.ts";
import { benchStartup } from "./startup.ts";

const PARTS = new Map([["startup", benchStartup], ["start", benchStart], ["own", benchOwn], [
  "plugins",
  benchPlugins,
], ["many", benchMany]]);

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "30" } },
});
const unknown = positionals.find((part) => !PARTS.has(part));
if (unknown !== undefined) {
  console.error(`There is no benchmark "${unknown}": ${[...PARTS.keys()].join(", ")}`);
  process.exit(2);
}
await compile();
const wanted = positionals.length > 0 ? positionals : [...PARTS.keys()];
for (const part of wanted) await PARTS.get(part)!(Number(values.runs));
