/**
 * Calls of git in folders that agents write in: nothing that a repository's own settings name is run.
 *
 * Hooks and file-system monitors are off in every call. Calls that read or write file contents also leave off
 * the programs of the repository's own settings (`programs.ts`); what the user has set up for all of his
 * repositories, such as git-lfs, stays. Nothing is ever fetched, and no variable of a surrounding git counts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { errors } from "../errors.ts";
import { findExecutable } from "../platform/executables.ts";
import { overridesOf, SETTINGS_QUERY } from "./programs.ts";

export type Environment = Record<string, string | undefined>;

export interface GitResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CallOptions {
  /** Whether contents are read or written, so that filters and their like have to be looked at. */
  contents?: boolean;
  input?: string;
  env?: Environment;
  timeoutMs?: number;
  /** Takes standard output as it comes, in place of the result. */
  onOutput?: (text: string) => void;
}

const SHORT_MS = 10_000;
/** A checkout of a large repository takes its time; nothing may take for ever. */
export const LONG_MS = 600_000;

/** Another git was just adding or removing a worktree, and this one saw half of it. */
const HALF_WRITTEN =
  /failed to read .*\/worktrees\/|could not lock config file|unable to (?:create|lock) .*\.lock/i;
const MOST_ATTEMPTS = 20;
const RETRY_MS = 50;

const QUIET = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];

export class Git {
  /** The user's environment without what a surrounding git set. */
  readonly env: Environment;

  constructor(env: Environment) {
    this.env = withoutGit(env);
  }

  /** The executable. @throws no-git */
  executable(): string {
    const found = findExecutable("git", this.env["PATH"]);
    if (found) return found;
    throw errors.noGit();
  }

  /** The trimmed output; undefined where git says no, is missing, or does not answer. */
  async ask(
    folder: string,
    args: string[],
    options: CallOptions = {},
  ): Promise<string | undefined> {
    const { code, stdout } = await this.run(folder, args, options);
    return code === 0 ? stdout.trim() || undefined : undefined;
  }

  /** The output. @throws git-failed, with what git says */
  async demand(
    folder: string,
    args: string[],
    action: string,
    options: CallOptions = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await this.run(folder, args, options);
    if (code === 0) return stdout;
    const lines = stderr.trim().split("\n").filter((line) => !/^(?:hint|Preparing)/.test(line));
    throw errors.gitFailed(action, lines.at(-1)?.replace(/^fatal: /, "") || "git was cut off");
  }

  async run(folder: string, args: string[], options: CallOptions = {}): Promise<GitResult> {
    const git = findExecutable("git", this.env["PATH"]);
    if (!git) return { code: null, stdout: "", stderr: "git is not on PATH" };
    const env = {
      ...this.env,
      GIT_OPTIONAL_LOCKS: "0",
      GIT_TERMINAL_PROMPT: "0",
      ...(options.contents ? await this.#contentsEnv(folder) : {}),
      ...options.env,
    };
    for (let attempt = 1;; attempt++) {
      const result = await complete(git, [...QUIET, "-C", folder, ...args], env, options);
      if (attempt === MOST_ATTEMPTS || !HALF_WRITTEN.test(result.stderr)) return result;
      await new Promise((later) => setTimeout(later, RETRY_MS * (0.5 + Math.random())));
    }
  }

  /** What leaves off the programs of a repository's own settings. @throws git-failed if they cannot be read */
  async #contentsEnv(folder: string): Promise<Environment> {
    const listed = await this.demand(folder, SETTINGS_QUERY, `read git's settings in "${folder}"`);
    const settings = [...overridesOf(listed), ["core.untrackedCache", "false"]];
    return Object.fromEntries([
      ["GIT_CONFIG_COUNT", String(settings.length)],
      ...settings.flatMap(([key, value], at) => [
        [`GIT_CONFIG_KEY_${at}`, key],
        [`GIT_CONFIG_VALUE_${at}`, value],
      ]),
      // A blob that is missing in a partial clone would be fetched, by a program that the repository names.
      ["GIT_NO_LAZY_FETCH", "1"],
      ["GIT_ALLOW_PROTOCOL", "none"],
      ["GIT_NO_REPLACE_OBJECTS", "1"],
      ["LC_ALL", "C"],
    ]);
  }
}

/** What a surrounding git (a hook that calls kugetsu) set for its own repository must not reach another. */
function withoutGit(env: Environment): Environment {
  const kept = /^GIT_(?:CONFIG_(?:NOSYSTEM|GLOBAL|SYSTEM)|CEILING_DIRECTORIES|DISCOVERY_.*)$/;
  const entries = Object.entries(env).filter(([name]) => !/^GIT_/.test(name) || kept.test(name));
  return Object.fromEntries(entries);
}

function complete(
  git: string,
  args: string[],
  env: Environment,
  { input, timeoutMs, contents, onOutput }: CallOptions,
): Promise<GitResult> {
  return new Promise((resolve) => {
    const child = spawn(git, args, {
      env: env as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: timeoutMs ?? (contents ? LONG_MS : SHORT_MS),
    });
    const [stdout, stderr]: [Uint8Array[], Uint8Array[]] = [[], []];
    const decoder = new TextDecoder();
    child.stdout.on("data", (chunk: Uint8Array) => {
      if (onOutput) onOutput(decoder.decode(chunk, { stream: true }));
      else stdout.push(chunk);
    });
    child.stderr.on("data", (chunk: Uint8Array) => stderr.push(chunk));
    child.once("error", ({ message }) => resolve({ code: null, stdout: "", stderr: message }));
    child.once("close", (code) => resolve({ code, stdout: text(stdout), stderr: text(stderr) }));
    feed(child, input);
  });
}

function feed(child: ChildProcess, input: string | undefined): void {
  child.stdin?.on("error", () => {}); // git ended without reading it, which its exit status tells
  child.stdin?.end(input);
}

function text(chunks: Uint8Array[]): string {
  return Buffer.concat(chunks).toString("utf8");
}
