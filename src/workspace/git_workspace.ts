/** The workspace port on git. What makes, looks at and removes worktrees is loaded when it is needed. */
import { realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { errors, reasonOf } from "../errors.ts";
import { type Environment, Git } from "./git.ts";
import type { Workspace } from "./mod.ts";
import { Places } from "./places.ts";

/** The real path, or why there is none. */
function realFolder(path: string): [real: string, why: ""] | [real: undefined, why: string] {
  try {
    const real = realpathSync(resolve(path));
    return statSync(real).isDirectory() ? [real, ""] : [undefined, "it is not a folder"];
  } catch (cause) {
    const isMissing = (cause as { code?: string }).code === "ENOENT";
    return [undefined, isMissing ? "there is no such folder" : reasonOf(cause)];
  }
}

/** `state` is the state folder, in which the worktrees lie. */
export function gitWorkspace(env: Environment, state: string): Workspace {
  const git = new Git(env);
  const places = () => new Places(state);
  const ask = (folder: string, ...args: string[]) => git.ask(folder, args);
  return {
    git: () => git.executable(),
    folder(path, what, next) {
      const [real, why] = realFolder(path);
      if (real === undefined) throw errors.noFolder(path, what, why, next);
      return real;
    },
    head: (folder) => ask(folder, "rev-parse", "--verify", "--quiet", "HEAD"),
    branch: (folder) => ask(folder, "symbolic-ref", "--short", "--quiet", "HEAD"),
    remote: (folder, name) => ask(folder, "remote", "get-url", name),
    async remotes(folder) {
      const listed = await ask(folder, "config", "--get-regexp", "^remote\\..*\\.url$");
      return listed?.split("\n").map((line) => line.slice(line.indexOf(" ") + 1)) ?? [];
    },
    async behind(folder, branch, commit) {
      const { behind } = await import("./behind.ts");
      return await behind(() => git, join(state, "run"), folder, branch, commit);
    },
    async makeWorktree(plan) {
      const { make } = await import("./make.ts");
      return await make(git, places(), plan);
    },
    async setUpWorktree(planned, signal) {
      const { setUp } = await import("./make.ts");
      await setUp(git, places(), planned, signal);
    },
    async undoWorktree({ worktree, isNew }) {
      const { undo } = await import("./remove.ts");
      if (isNew) await undo(git, places(), worktree);
    },
    isGone: (worktree) => Promise.resolve(places().isGone(worktree.path)),
    async standing(worktree) {
      const { standing } = await import("./inspect.ts");
      return await standing(git, places(), worktree);
    },
    async inspect(worktree) {
      const { inspect } = await import("./inspect.ts");
      return await inspect(git, places(), worktree);
    },
    async removeWorktree(worktree, options) {
      const { remove } = await import("./remove.ts");
      return await remove(git, places(), worktree, options);
    },
    async isMerged(worktree, branch) {
      const { isMerged } = await import("./merged.ts");
      return await isMerged(git, worktree, branch);
    },
    async strays(inUse) {
      const { strays } = await import("./strays.ts");
      return strays(places(), inUse);
    },
    async clearStray(stray) {
      const { clearStray } = await import("./strays.ts");
      return await clearStray(git, places(), stray);
    },
    async diff(worktree, options, write) {
      const { diff } = await import("./diff.ts");
      await diff(git, places(), worktree, options, write);
    },
    async diffSummary(worktree) {
      const { diffSummary } = await import("./diff.ts");
      return await diffSummary(git, places(), worktree);
    },
  };
}
