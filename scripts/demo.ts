/**
 * `deno task demo`: kugetsu's main job from nothing, step by step, on any machine with Node and git; then three issues
 * at once in their worktrees, followed live, with the time that they take and that opencode alone takes.
 *
 * Builds the executable, gets the real opencode from npm, starts a scripted model on loopback in place of a
 * paid one, and works in a scratch home and a scratch repository that are gone afterwards. Each command is
 * shown with what came back; a step that does not do what it should ends the demo with exit code 1.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { makeWorld } from "../tests/support/opencode_home.ts";
import { atOnce } from "./_demo_at_once.ts";
import { say, type Step, take } from "./_demo_steps.ts";
import { compile } from "./compile.ts";

const REF = "github.com/shoko/kugetsu#14";

/** A line that begins with `@` is an order to the scripted model, which a real model would not need. */
const FIX =
  '@tool bash {"command":"echo fixed > FIX.md","description":"Writes FIX.md"}\n@say Fixed.';
const CHECK = "@say Checked: FIX.md says what it should.";

const STEPS: Step[] = [
  {
    why: "A base session, once for a repository. Every issue's session is forked from it.",
    args: ["init", "--headless"],
    shows: /ses_/,
  },
  {
    why: "An issue gets a session, a worktree and a branch of its own, where the agent works.",
    args: ["start", REF, FIX],
    shows: /Fixed\./,
    leaves: async (world) =>
      (await readFile(join(world.worktree(14), "FIX.md"), "utf8")).trim() === "fixed",
  },
  {
    why: "The next turn, in the same session. 14 alone means this repository's issue.",
    args: ["continue", "14", CHECK],
    shows: /Checked/,
  },
  { why: "What there is.", args: ["list"], shows: /github\.com\/shoko\/kugetsu#14\s/ },
  {
    why:
      "The issue is closed: its session goes, and its worktree with the file that nobody committed.",
    args: ["destroy", REF, "-y", "--discard"],
    shows: /kugetsu#14/,
  },
  {
    why: "Only the base is left.",
    args: ["list"],
    shows: /^(?![^]*kugetsu#14)[^]*\(base\)/,
  },
];

async function main(): Promise<number> {
  await compile();
  await using world = await makeWorld();
  process.once("SIGINT", async () => {
    await world[Symbol.asyncDispose]();
    process.exit(130);
  });
  say(`A scratch home and a scratch repository, in ${world.scratch.path}`);
  for (const step of STEPS) {
    if (!await take(step, world)) return 1;
  }
  if (!await atOnce(world)) return 1;
  say("\nThat was the whole of it. The scratch home and the repository are removed.");
  return 0;
}

if (import.meta.main) {
  process.exitCode = await main().catch((error: Error) => {
    process.stderr.write(`demo: ${error.message}\n`);
    return 1;
  });
}
