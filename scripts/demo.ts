/**
 * `deno task demo`: kugetsu's main job from nothing, step by step, on any machine with Node and git.
 *
 * Builds the executable, gets the real opencode from npm, starts a scripted model on loopback in place of a
 * paid one, and works in a scratch home and a scratch repository that are gone afterwards. Each command is
 * shown with what came back; a step that does not do what it should ends the demo with exit code 1.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { makeWorld, type World } from "../tests/support/opencode_home.ts";
import { compile } from "./compile.ts";

const REF = "github.com/shoko/kugetsu#14";

/** A line that begins with `@` is an order to the scripted model, which a real model would not need. */
const FIX =
  '@tool bash {"command":"echo fixed > FIX.md","description":"Writes FIX.md"}\n@say Fixed.';
const CHECK = "@say Checked: FIX.md says what it should.";

interface Step {
  why: string;
  args: string[];
  /** What must be in what comes back. */
  shows: RegExp;
  /** What else must be so afterwards. */
  leaves?: (world: World) => Promise<boolean>;
}

const STEPS: Step[] = [
  {
    why: "A base session, once for a repository. Every issue's session is forked from it.",
    args: ["init", "--headless"],
    shows: /ses_/,
  },
  {
    why: "An issue gets a session of its own; the agent works in the repository.",
    args: ["start", REF, FIX],
    shows: /Fixed\./,
    leaves: async ({ repository }) =>
      (await readFile(join(repository, "FIX.md"), "utf8")).trim() === "fixed",
  },
  {
    why: "The next turn, in the same session. 14 alone means this repository's issue.",
    args: ["continue", "14", CHECK],
    shows: /Checked/,
  },
  { why: "What there is.", args: ["list"], shows: /github\.com\/shoko\/kugetsu#14\s/ },
  {
    why: "The issue is closed: its session goes, in kugetsu and in opencode.",
    args: ["destroy", REF, "-y"],
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
  say("\nThat was the whole of it. The scratch home and the repository are removed.");
  return 0;
}

async function take({ why, args, shows, leaves }: Step, world: World): Promise<boolean> {
  say(`\n# ${why}\n$ kugetsu ${args.map(quoted).join(" ")}`);
  const { code, stdout, stderr } = await world.kugetsu(args);
  process.stdout.write(stdout);
  process.stdout.write(stderr);
  const ok = code === 0 && shows.test(stdout + stderr) && await leaves?.(world) !== false;
  if (!ok) say(`demo: this step did not do what it should (exit code ${code})`);
  return ok;
}

function quoted(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) {
  process.exitCode = await main().catch((error: Error) => {
    process.stderr.write(`demo: ${error.message}\n`);
    return 1;
  });
}
