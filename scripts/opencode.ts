/**
 * The real opencode, for the end-to-end tests, the demo and the benchmarks: one pinned version, fetched
 * with npm into `.cache/` on first use.
 *
 * npm and not deno, because opencode-ai names one optional package per platform and a registry need not
 * have all of them: npm passes over what is missing, deno refuses the whole.
 */
import { access, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { CACHE } from "./_checkout.ts";
import { run } from "./_run.ts";

/** The version everything here is tested with. */
export const OPENCODE_VERSION = "1.18.33";

/** The path of an `opencode` that runs, alone in its folder, so that the folder can go on PATH. */
export async function ensureOpencode(): Promise<string> {
  const home = join(CACHE, `opencode-${OPENCODE_VERSION}`);
  if (await exists(executableIn(home))) return executableIn(home);

  process.stderr.write(`Getting opencode ${OPENCODE_VERSION} from npm (once)\n`);
  // Only a folder that was seen to work gets the final name, so that its presence is enough above.
  const unfinished = `${home}.${process.pid}.tmp`;
  try {
    await install(unfinished);
    await rename(unfinished, home).catch(async (error) => {
      // Another run was faster; theirs is as good as ours.
      if (!await exists(executableIn(home))) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return executableIn(home);
}

async function install(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const wanted = `opencode-ai@${OPENCODE_VERSION}`;
  const options = ["--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = await run("npm", ["install", ...options, wanted], { output: "stderr" });
  if (npm.code !== 0) throw new Error(`npm could not install ${wanted}: see what it said above`);
  if (await works(folder)) return;

  // Newer versions of npm leave install scripts alone unless they were approved; this one only puts the
  // executable for this platform in its place.
  const packageFolder = join(folder, "node_modules", "opencode-ai");
  await run("node", ["postinstall.mjs"], { cwd: packageFolder, output: "stderr" });
  if (await works(folder)) return;
  throw new Error(`opencode ${OPENCODE_VERSION} was installed from npm but does not run here`);
}

/** Whether it starts and is the version that was asked for, seen from a home that it may write to. */
async function works(folder: string): Promise<boolean> {
  const env = { ...process.env, HOME: folder, OPENCODE_DISABLE_AUTOUPDATE: "1" };
  const options = { env, timeoutMs: 60_000 };
  const answer = await run(executableIn(folder), ["--version"], options).catch(() => undefined);
  return answer?.code === 0 && answer.stdout.trim() === OPENCODE_VERSION;
}

function executableIn(folder: string): string {
  return join(folder, "node_modules", ".bin", "opencode");
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

if (import.meta.main) process.stdout.write(`${await ensureOpencode()}\n`);
