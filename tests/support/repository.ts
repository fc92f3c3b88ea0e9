/** A scratch repository with one commit, and a state folder beside it: for tests of worktrees on the real git. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { run } from "../../scripts/_run.ts";
import { Git } from "../../src/workspace/git.ts";
import { gitWorkspace } from "../../src/workspace/git_workspace.ts";
import type { MadeWorktree, Workspace, WorktreePlan } from "../../src/workspace/mod.ts";
import { Places } from "../../src/workspace/places.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

export const ORIGIN = "https://github.com/shoko/kugetsu.git";
export const SLUG = "github.com-shoko-kugetsu-14";

export interface Repository extends AsyncDisposable {
  readonly scratch: Scratch;
  /** The clone. */
  readonly folder: string;
  readonly state: string;
  readonly env: Record<string, string>;
  readonly workspace: Workspace;
  readonly git: Git;
  readonly places: Places;
  /** Runs git in the clone, or in the folder that is given first; the trimmed output. */
  call(...args: string[]): Promise<string>;
  callIn(folder: string, ...args: string[]): Promise<string>;
  /** Writes files and commits them; the commit's id. */
  commit(folder: string, files: Record<string, string>): Promise<string>;
  /** Makes a worktree and sets it up, and takes it back if that fails, as a turn does. */
  make(plan?: Partial<WorktreePlan>, signal?: AbortSignal): Promise<MadeWorktree>;
}

export async function makeRepository(): Promise<Repository> {
  const scratch = await makeScratch("repository");
  const [folder, state] = [scratch.join("clone"), scratch.join("state")];
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: scratch.join("home"),
    GIT_CONFIG_NOSYSTEM: "1",
  };
  await mkdir(folder);
  await mkdir(state);
  await scratch.write(
    "home/.gitconfig",
    "[user]\nname = Test\nemail = test@example.org\n[init]\ndefaultBranch = main\n",
  );
  const callIn = async (where: string, ...args: string[]) => {
    const { code, stdout, stderr } = await run("git", args, { cwd: where, env });
    assert.equal(code, 0, `git ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  const commit = async (where: string, files: Record<string, string>) => {
    for (const [name, content] of Object.entries(files)) {
      await scratch.write(join(where, name).slice(scratch.path.length + 1), content);
    }
    await callIn(where, "add", "--all", "--force", ...Object.keys(files));
    await callIn(where, "commit", "--quiet", `--message=Change ${Object.keys(files).join(" ")}`);
    return await callIn(where, "rev-parse", "HEAD");
  };
  await callIn(folder, "init", "--quiet");
  await callIn(folder, "remote", "add", "origin", ORIGIN);
  await commit(folder, { "README.md": "# Widget\n" });
  const workspace = gitWorkspace(env, state);
  return {
    scratch,
    folder,
    state,
    env,
    workspace,
    git: new Git(env),
    places: new Places(state),
    call: (...args) => callIn(folder, ...args),
    callIn,
    commit,
    async make(changes = {}, signal = new AbortController().signal) {
      const plan = { ...PLAN, id: crypto.randomUUID(), folder, ...changes };
      const made = await workspace.makeWorktree(plan);
      try {
        await workspace.setUpWorktree({ plan, made }, signal);
      } catch (error) {
        await workspace.undoWorktree(made);
        throw error;
      }
      return made;
    },
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

const PLAN: Omit<WorktreePlan, "folder" | "id"> = {
  ref: "github.com/shoko/kugetsu#14",
  slug: SLUG,
  copy: [],
  setupSeconds: 30,
};
