/** Folders and git, with hooks and file-system monitors of the repository left off. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { errors } from "../errors.ts";
import { findExecutable } from "../platform/executables.ts";
import type { Workspace } from "./mod.ts";

const run = promisify(execFile);

export function gitWorkspace(env: Record<string, string | undefined>): Workspace {
  const ask = async (folder: string, args: string[]): Promise<string | undefined> => {
    const git = findExecutable("git", env["PATH"]);
    if (!git) return undefined;
    const quiet = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];
    try {
      const { stdout } = await run(git, [...quiet, "-C", folder, ...args], {
        env: { ...env, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" } as NodeJS.ProcessEnv,
        timeout: 10_000,
      });
      return stdout.trim() || undefined;
    } catch {
      return undefined; // no repository, no such remote, or a git that does not answer
    }
  };
  return {
    folder(path, what, next) {
      try {
        const real = realpathSync(resolve(path));
        if (statSync(real).isDirectory()) return real;
      } catch { /* said below */ }
      throw errors.noFolder(path, what, next);
    },
    head: (folder) => ask(folder, ["rev-parse", "--verify", "--quiet", "HEAD"]),
    remote: (folder, name) => ask(folder, ["remote", "get-url", name]),
  };
}
