/** What an issue changed since the commit that it began at, in git's own words. */
import { errors } from "../errors.ts";
import type { Worktree } from "../session/record.ts";
import type { Git } from "./git.ts";
import { tipOf, withIndexCopy } from "./inspect.ts";
import type { DiffOptions, DiffSummary } from "./mod.ts";
import type { Places } from "./places.ts";
import { locate } from "./registry.ts";

/** Nothing that a repository names is run, and submodules are told by their commits alone. */
const DIFF = [
  "diff",
  "--no-ext-diff",
  "--no-textconv",
  "--submodule=short",
  "--ignore-submodules=dirty",
];
const ACTION = "show what was changed";

export async function diff(
  git: Git,
  places: Places,
  worktree: Worktree,
  { stat, colour }: DiffOptions,
  write: (text: string) => void,
): Promise<void> {
  const args = [...DIFF, `--color=${colour ? "always" : "never"}`, ...(stat ? ["--stat"] : [])];
  await compare(
    git,
    places,
    worktree,
    (folder, range, env) =>
      git.demand(folder, [...args, ...range, "--"], ACTION, {
        contents: true,
        env,
        onOutput: write,
      }),
  );
}

export async function diffSummary(
  git: Git,
  places: Places,
  worktree: Worktree,
): Promise<DiffSummary> {
  return await compare(git, places, worktree, async (folder, range, env) => {
    const args = [...DIFF, "--numstat", "-z", "--no-renames", ...range, "--"];
    const listed = await git.demand(folder, args, ACTION, { contents: true, env });
    const tip = range[1] ?? "HEAD";
    const count = await git.ask(folder, ["rev-list", "--count", `${worktree.from}..${tip}`, "--"]);
    return { files: listed.split("\0").filter(Boolean).map(fileOf), commits: Number(count ?? 0) };
  });
}

/** `added TAB deleted TAB path`, with dashes for what is not text. */
function fileOf(line: string): DiffSummary["files"][number] {
  const [added, deleted, ...path] = line.split("\t");
  const count = (text: string | undefined) => text === "-" ? null : Number(text);
  return { path: path.join("\t"), added: count(added), deleted: count(deleted) };
}

/** From the first commit to the files as they are; where these are gone, to the branch. */
async function compare<T>(
  git: Git,
  places: Places,
  worktree: Worktree,
  work: (folder: string, range: string[], env: Record<string, string>) => Promise<T>,
): Promise<T> {
  const located = await locate(git, places, worktree);
  if (located.kind === "foreign") {
    throw errors.worktreeForeign(worktree.path, located.why, { hint: located.remedy });
  }
  if (located.kind === "gone") {
    const tip = located.clone && await tipOf(git, located.clone, worktree.branch);
    if (!tip) {
      const hint = "the next turn makes both again, without what was in them";
      throw errors.worktreeForeign(worktree.path, "folder and branch are gone", { hint });
    }
    return await work(located.clone!, [worktree.from, tip], {});
  }
  const { path, from } = worktree;
  // In a copy of the index, so that the agent's own is as it was; untracked files are named in it, not stored.
  return await withIndexCopy(git, path, async (env) => {
    await git.demand(path, ["add", "--all", "--intent-to-add"], ACTION, { contents: true, env });
    return await work(path, [from], env);
  });
}
