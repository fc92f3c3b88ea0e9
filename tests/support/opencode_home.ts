/**
 * A scratch world for end-to-end tests: a home whose opencode asks a scripted model, a git repository with an
 * `origin` and one commit, and kugetsu run in it as a user would, with nothing of the real user's settings.
 *
 * `await using world = await makeWorld()`; at the end of the block everything that was started in the world is
 * ended, by its own process id, and the folders are gone.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { EXECUTABLE, ROOT } from "../../scripts/_checkout.ts";
import { run, type RunResult } from "../../scripts/_run.ts";
import { ensureOpencode } from "../../scripts/opencode.ts";
import { catalogueOf, giveCatalogue } from "./catalogue.ts";
import { commandLine, endProcesses, processesWith } from "./processes.ts";
import { endOf, type Running, start } from "./running.ts";
import { makeScratch, type Scratch } from "./scratch.ts";
import { type ScriptedModel, startScriptedModel } from "./scripted_model.ts";
import { installStandIn, type StandIn } from "./stand_in.ts";

export interface WorldOptions {
  /** `real` (default), the scripted stand-in, or no opencode at all on PATH. */
  opencode?: "real" | "stand-in" | "none";
  /**
   * What opencode knows of models: nothing but what the world sets up itself (default), which is quick, or the whole of
   * what people have, as it fetches it.
   */
  catalogue?: "none" | "whole";
  /** On top of the world's environment. */
  env?: Record<string, string>;
}

export interface CallOptions {
  /** What the program reads; without it, its standard input is empty. */
  input?: string | Uint8Array;
  /** The repository, unless said otherwise. */
  cwd?: string;
  /** On top of the world's environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** When the call counts as hung; the promise then rejects with what was printed. */
  timeoutMs?: number;
}

export interface World extends AsyncDisposable {
  readonly scratch: Scratch;
  readonly home: string;
  readonly repository: string;
  /** KUGETSU_HOME. */
  readonly state: string;
  readonly env: Record<string, string>;
  readonly model: ScriptedModel;
  /** Only with `opencode: "stand-in"`. */
  readonly standIn: StandIn;
  kugetsu(args: string[], options?: CallOptions): Promise<RunResult>;
  spawn(args: string[], options?: CallOptions): Running;
  opencode(args: string[], options?: CallOptions): Promise<RunResult>;
  git(...args: string[]): Promise<string>;
  /** The worktree of an issue of the repository, by its number. */
  worktree(number: number): string;
  /** The supervisor of this world, if one runs (Linux only). */
  supervisor(): Promise<number | undefined>;
  /** What turns have left running: neither the supervisor nor its opencode (Linux only). */
  leftovers(): Promise<number[]>;
}

const DEFAULT_TIMEOUT_MS = 120_000;

export async function makeWorld(
  { opencode = "real", catalogue = "none", env: more = {} }: WorldOptions = {},
): Promise<World> {
  const scratch = await makeScratch("world");
  const model = await startScriptedModel();
  const home = scratch.join("home");
  const repository = scratch.join("repository");
  const state = scratch.join("state");
  const standIn = opencode === "stand-in"
    ? await installStandIn(scratch.join("stand-in"))
    : undefined;
  const folder = opencode === "real" ? dirname(await ensureOpencode()) : standIn?.folder;
  const models = catalogue === "none" ? await scratch.write("models.json", "{}") : undefined;
  if (!models) await giveCatalogue(home, await catalogueOf(await ensureOpencode()));
  const env = {
    ...environment(home, state, folder),
    // The stand-in is no server.
    ...(standIn ? { KUGETSU_RUNNER: "run" } : {}),
    ...(models ? { OPENCODE_MODELS_PATH: models } : {}),
    ...more,
  };
  await writeOpencodeConfig(home, model.url);
  await makeRepository(repository, env);

  const started: Running[] = [];
  const begin = ([program, ...before]: string[], args: string[], options: CallOptions = {}) => {
    const settings = { cwd: repository, ...options, env: withChanges(env, options.env) };
    const running = start(program!, [...before, ...args], settings);
    started.push(running);
    return running;
  };
  const complete = (command: string[], args: string[], options: CallOptions = {}) =>
    endOf(begin(command, args, options), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const all = () => processesWith(`HOME=${home}`);
  const those = async (wanted: (words: string[]) => boolean) => {
    const found = await all();
    const words = await Promise.all(found.map(commandLine));
    return found.filter((_, i) => words[i]!.length > 0 && wanted(words[i]!));
  };
  return {
    scratch,
    home,
    repository,
    state,
    env,
    model,
    get standIn() {
      if (!standIn) throw new Error('This world was made without { opencode: "stand-in" }');
      return standIn;
    },
    kugetsu: (args, options) => complete(kugetsuCommand(), args, options),
    spawn: (args, options) => begin(kugetsuCommand(), args, options),
    opencode: (args, options) => complete(["opencode"], args, options),
    git: (...args) => git(repository, env, args),
    worktree: (number) => join(state, "worktrees", `github.com-shoko-kugetsu-${number}`),
    supervisor: async () => (await those((words) => words.includes("__supervisor")))[0],
    leftovers: () =>
      those((words) =>
        !words.includes("__supervisor") && !isWarmServer(words) && !isSnapshotGit(words)
      ),
    [Symbol.asyncDispose]: async () => {
      await endProcesses(started.filter((one) => one.isRunning()).map((one) => one.pid));
      await endProcesses(await all());
      await model.close();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

/** The server that turns share; one that is started for a question alone runs without plugins. */
function isWarmServer(words: string[]): boolean {
  return words.includes("serve") && !words.includes("--pure");
}

/**
 * The git that a server runs for itself: it packs a folder's snapshots a minute after it met the folder. No test has a
 * turn run git.
 */
function isSnapshotGit([program = ""]: string[]): boolean {
  return /(?:^|\/)git$/.test(program);
}

/** The ids of the sessions that opencode has for the repository, the last one changed first. */
export async function sessionsOf(world: World): Promise<string[]> {
  const { code, stdout, stderr } = await world.opencode(["session", "list", "--format", "json"]);
  if (code !== 0) throw new Error(`opencode does not list its sessions: ${stderr}`);
  return (JSON.parse(stdout || "[]") as { id: string }[]).map(({ id }) => id);
}

/** What is under test: the compiled executable, or the source under deno with KUGETSU_TEST_ENGINE=deno. */
export function kugetsuCommand(): string[] {
  if (process.env.KUGETSU_TEST_ENGINE !== "deno") return [EXECUTABLE];
  const config = join(ROOT, "deno.json");
  return [process.execPath, "run", "-A", "--quiet", `--config=${config}`, join(ROOT, "main.ts")];
}

/** Only what programs need to find each other: what the user has set up for himself stays out. */
function environment(home: string, state: string, opencodeFolder?: string): Record<string, string> {
  const { PATH = "", LANG = "C.UTF-8", TMPDIR } = process.env;
  return {
    HOME: home,
    PATH: [...(opencodeFolder ? [opencodeFolder] : []), ...withoutOpencode(PATH)].join(delimiter),
    LANG,
    ...(TMPDIR ? { TMPDIR } : {}),
    KUGETSU_HOME: state,
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    GIT_CONFIG_NOSYSTEM: "1",
    ...denoCache(),
  };
}

/** An opencode that the developer has installed must never be the one that a test talks to. */
function withoutOpencode(path: string): string[] {
  return path.split(delimiter).filter((folder) => !existsSync(join(folder, "opencode")));
}

/** With a home of its own deno would compile all of kugetsu's source again in every world. */
function denoCache(): Record<string, string> {
  if (process.env.KUGETSU_TEST_ENGINE !== "deno") return {};
  const { DENO_DIR, XDG_CACHE_HOME, HOME = "" } = process.env;
  const caches = process.platform === "darwin" ? "Library/Caches" : ".cache";
  return { DENO_DIR: DENO_DIR ?? join(XDG_CACHE_HOME ?? join(HOME, caches), "deno") };
}

async function writeOpencodeConfig(home: string, baseURL: string): Promise<void> {
  const folder = join(home, ".config", "opencode");
  await mkdir(folder, { recursive: true });
  const limit = { context: 100_000, output: 4000 };
  const config = {
    $schema: "https://opencode.ai/config.json",
    autoupdate: false,
    share: "disabled",
    provider: {
      local: {
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL, apiKey: "x" },
        models: { scripted: { limit }, other: { limit } },
      },
    },
    model: "local/scripted",
    small_model: "local/scripted",
  };
  await writeFile(join(folder, "opencode.json"), JSON.stringify(config));
}

async function makeRepository(folder: string, env: Record<string, string>): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, "README.md"), "# A scratch repository\n");
  const who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
  await git(folder, env, ["init", "--quiet", "--initial-branch=main"]);
  await git(folder, env, ["remote", "add", "origin", "https://github.com/shoko/kugetsu.git"]);
  await git(folder, env, ["add", "README.md"]);
  await git(folder, env, [...who, "commit", "--quiet", "--message=First"]);
}

async function git(cwd: string, env: Record<string, string>, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run("git", args, { cwd, env });
  if (code !== 0) throw new Error(`git ${args.join(" ")} failed: ${stderr}`);
  return stdout;
}

function withChanges(
  env: Record<string, string>,
  changes: Record<string, string | undefined> = {},
): Record<string, string> {
  const entries = Object.entries({ ...env, ...changes });
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
