/**
 * A scratch state folder with a base session, as the old tool would have written it, and the compiled kugetsu with
 * the stand-in for opencode on it. Far cheaper than a whole world (opencode_home.ts), for tests that want volume.
 *
 * `await using lab = await makeStateFolder()`; what was started in it is ended with it, by its process id.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { RunResult } from "../../scripts/_run.ts";
import { kugetsuCommand } from "./opencode_home.ts";
import { endProcesses, processesWith } from "./processes.ts";
import { endOf, type Running, start } from "./running.ts";
import { makeScratch, type Scratch } from "./scratch.ts";
import { installStandIn, type StandIn } from "./stand_in.ts";

export interface StateFolderOptions {
  /** Where the state lies, if not in the scratch folder: on a file system made for the test. */
  state?: string;
  /** Without it, there is nothing at all in the folder. */
  base?: boolean;
}

export interface CallOptions {
  env?: Record<string, string>;
  /** Put in front of the command: a tracer. */
  under?: string[];
  timeoutMs?: number;
}

export interface StateFolder extends AsyncDisposable {
  readonly scratch: Scratch;
  readonly state: string;
  readonly standIn: StandIn;
  readonly env: Record<string, string>;
  /** Runs it to its end; a call that hangs rejects. */
  kugetsu(args: string[], options?: CallOptions): Promise<RunResult>;
  spawn(args: string[], options?: CallOptions): Running;
  /** The JSON that a command prints. */
  json<T>(args: string[]): Promise<T>;
}

export const BASE_SESSION = "ses_abc123";

export async function makeStateFolder(options: StateFolderOptions = {}): Promise<StateFolder> {
  const scratch = await makeScratch("store");
  const state = options.state ?? scratch.join("state");
  const standIn = await installStandIn(scratch.join("stand-in"));
  const env = environment(scratch, state, standIn);
  if (options.base ?? true) await writeBase(state, scratch.path, standIn);

  const started: Running[] = [];
  const spawn = (args: string[], { env: more = {}, under = [] }: CallOptions = {}) => {
    const [program, ...rest] = [...under, ...kugetsuCommand(), ...args];
    const running = start(program!, rest, { cwd: scratch.path, env: { ...env, ...more } });
    started.push(running);
    return running;
  };
  const kugetsu = (args: string[], options: CallOptions = {}) =>
    endOf(spawn(args, options), options.timeoutMs ?? 60_000);
  return {
    scratch,
    state,
    standIn,
    env,
    kugetsu,
    spawn,
    json: async (args) => JSON.parse((await kugetsu([...args, "--json"])).stdout),
    [Symbol.asyncDispose]: async () => {
      await endProcesses(started.filter((one) => one.isRunning()).map((one) => one.pid));
      await killBackground({ env });
      await scratch[Symbol.asyncDispose]();
    },
  };
}

function environment(scratch: Scratch, state: string, standIn: StandIn): Record<string, string> {
  const { PATH = "", LANG = "C.UTF-8", TMPDIR, DENO_DIR, HOME = "" } = process.env;
  return {
    HOME: scratch.join("home"),
    PATH,
    LANG,
    ...(TMPDIR ? { TMPDIR } : {}),
    // The stand-in's server is a deno program, which should not compile itself anew in every folder.
    DENO_DIR: DENO_DIR ?? join(HOME, ".cache", "deno"),
    KUGETSU_HOME: state,
    KUGETSU_OPENCODE: join(standIn.folder, "opencode"),
    // The stand-in is no server that turns could run on.
    KUGETSU_RUNNER: "run",
    KUGETSU_SUPERVISOR_IDLE: "2s",
  };
}

/** In the old tool's format, plus the folder: otherwise the first start would have to ask opencode for it. */
async function writeBase(state: string, directory: string, standIn: StandIn): Promise<void> {
  const record = {
    type: "base",
    issue_ref: null,
    opencode_session_id: BASE_SESSION,
    created_at: "2026-03-29T18:00:00+02:00",
    state: "idle",
    directory,
  };
  await mkdir(join(state, "sessions"), { recursive: true });
  await writeFile(join(state, "sessions", "base.json"), JSON.stringify(record, null, 2));
  await writeFile(join(state, "index.json"), JSON.stringify({ base: BASE_SESSION, issues: {} }));
  await standIn.addSession(BASE_SESSION, directory);
}

/** The index as it is on disk. */
export async function indexOf(
  state: string,
): Promise<{ base: string | null; issues: Record<string, string> }> {
  return JSON.parse(await readFile(join(state, "index.json"), "utf8"));
}

/** Kills what was started in the background: the supervisor, and what its turns run on. */
export async function killBackground({ env }: Pick<StateFolder, "env">): Promise<void> {
  await endProcesses(await processesWith(`HOME=${env.HOME}`));
}

/** Keeps the folder as it is now; the function that comes back puts it there again. */
export async function keepState(lab: StateFolder): Promise<() => Promise<void>> {
  const copy = lab.scratch.join("kept");
  const isThere = existsSync(lab.state);
  await killBackground(lab);
  const filter = (file: string) => !file.endsWith(".sock");
  if (isThere) await cp(lab.state, copy, { recursive: true, filter });
  return async () => {
    await killBackground(lab);
    await rm(lab.state, { recursive: true, force: true });
    if (isThere) await cp(copy, lab.state, { recursive: true });
  };
}
