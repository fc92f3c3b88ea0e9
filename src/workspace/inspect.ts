/** What is in a worktree that is nowhere else. */
import { existsSync, lstatSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KugetsuError } from "../errors.ts";
import type { Worktree } from "../session/record.ts";
import type { Git } from "./git.ts";
import type { Inspection, Standing } from "./mod.ts";
import type { Places } from "./places.ts";
import { locate, type Located } from "./registry.ts";

const NOTHING = { changes: [], commits: [], ignored: [] };
/** What git leaves in its own folder in the middle of something. */
const UNDER_WAY: Record<string, string> = {
  "rebase-merge": "a rebase",
  "rebase-apply": "a rebase",
  MERGE_HEAD: "a merge",
  CHERRY_PICK_HEAD: "a cherry-pick",
  REVERT_HEAD: "a revert",
  BISECT_LOG: "a bisection",
};

export async function standing(git: Git, places: Places, worktree: Worktree): Promise<Standing> {
  return told(await locateMade(git, places, worktree));
}

export async function inspect(git: Git, places: Places, worktree: Worktree): Promise<Inspection> {
  const located = await locateMade(git, places, worktree);
  if (located.kind !== "present") return { ...told(located), ...NOTHING };
  const { locked } = located.entry;
  const { changes, ignored } = await contentOf(git, worktree.path);
  const commits = await commitsOnlyHere(git, located.clone, worktree);
  return { kind: "present", changes, commits, ignored, ...(locked ? { locked } : {}) };
}

async function locateMade(git: Git, places: Places, worktree: Worktree): Promise<Located> {
  const located = await locate(git, places, worktree);
  if (located.kind !== "present" || !places.note(located.slug)?.making) return located;
  return { ...located, kind: "gone" };
}

function told(located: Located): Standing {
  if (located.kind !== "foreign") return { kind: located.kind };
  const { kind, why, remedy } = located;
  return { kind, why, remedy };
}

/** Everything that is not committed. Where git cannot tell, that is what is said: it may be anything. */
async function contentOf(git: Git, folder: string) {
  try {
    const files = await filesOf(git, folder);
    const status = await statusOf(git, folder, files.flagged);
    const below = await submodulesOf(git, folder, files.submodules);
    const changes = [...await underWay(git, folder), ...status.changes, ...below];
    return { changes, ignored: status.ignored };
  } catch (error) {
    if (!(error instanceof KugetsuError)) throw error;
    return { changes: [`unknown: ${error.message}`], ignored: [] };
  }
}

async function statusOf(git: Git, folder: string, flagged: string[]) {
  const lines = await withPlainIndex(
    git,
    folder,
    flagged,
    (env) => git.demand(folder, STATUS, `look for changes in "${folder}"`, { contents: true, env }),
  );
  const changes: string[] = [];
  const ignored: string[] = [];
  for (const line of lines.split("\0").filter(Boolean)) {
    const [kind, path] = [line.slice(0, 2), line.slice(3)];
    if (kind === "!!") ignored.push(path);
    else changes.push(`${kind === "??" ? "untracked" : "changed"}: ${path}`);
  }
  return { changes, ignored };
}

/** Submodules are looked into by us: git would run in them with their own settings. */
const STATUS = [
  "status",
  "--porcelain=v1",
  "-z",
  "--untracked-files=normal",
  "--ignored=traditional",
  "--ignore-submodules=dirty",
  "--no-renames",
];

/** Files that git was told not to look at but that are there, and submodules that are checked out. */
async function filesOf(git: Git, folder: string) {
  const listed = await git.demand(
    folder,
    ["ls-files", "-v", "--stage", "-z"],
    `list the files in "${folder}"`,
    { timeoutMs: 60_000 },
  );
  const flagged: string[] = [];
  const submodules: string[] = [];
  for (const line of listed.split("\0").filter(Boolean)) {
    const path = line.slice(line.indexOf("\t") + 1);
    const isSubmodule = line.startsWith("160000", 2);
    if (isSubmodule && existsSync(join(folder, path, ".git"))) submodules.push(path);
    if (/^[a-zS]/.test(line) && lstatSync(join(folder, path), { throwIfNoEntry: false })) {
      flagged.push(path);
    }
  }
  return { flagged, submodules };
}

/** A copy of the index in which no file is marked as one not to be looked at. */
async function withPlainIndex<T>(
  git: Git,
  folder: string,
  flagged: string[],
  work: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  if (flagged.length === 0) return await work({});
  return await withIndexCopy(git, folder, async (env) => {
    const input = flagged.map((path) => `${path}\0`).join("");
    for (const flag of ["--no-assume-unchanged", "--no-skip-worktree"]) {
      const args = ["update-index", flag, "-z", "--stdin"];
      await git.demand(folder, args, `look for changes in "${folder}"`, { input, env });
    }
    return await work(env);
  });
}

/** A copy of the index that may be changed. */
export async function withIndexCopy<T>(
  git: Git,
  folder: string,
  work: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  const index = await git.ask(folder, [
    "rev-parse",
    "--path-format=absolute",
    "--git-path",
    "index",
  ]);
  const scratch = await mkdtemp(join(tmpdir(), "kugetsu-index-"));
  try {
    const copy = join(scratch, "index");
    if (index && existsSync(index)) await copyFile(index, copy);
    return await work({ GIT_INDEX_FILE: copy });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function underWay(git: Git, folder: string): Promise<string[]> {
  const own = await git.ask(folder, ["rev-parse", "--absolute-git-dir"]);
  const found = Object.entries(UNDER_WAY).filter(([name]) => own && existsSync(join(own, name)));
  return [...new Set(found.map(([, what]) => `under way: ${what}`))];
}

async function submodulesOf(git: Git, folder: string, paths: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const inside = join(folder, path);
    const { changes } = await contentOf(git, inside);
    const commits = await commitLines(git, inside, ["HEAD", "--branches", "--not", "--remotes"]);
    const lines = [...changes, ...commits.map((it) => `commit: ${it}`)];
    found.push(...lines.map((line) => `in submodule ${path}: ${line}`));
  }
  return found;
}

async function commitsOnlyHere(git: Git, clone: string, worktree: Worktree): Promise<string[]> {
  const head = await git.ask(worktree.path, ["rev-parse", "--verify", "--quiet", "HEAD"]);
  const tip = await tipOf(git, clone, worktree.branch);
  const tips = [head, tip].filter((it) => it !== undefined);
  if (tips.length === 0) return [];
  return await commitLines(git, clone, [
    ...tips,
    "--not",
    "--remotes",
    "--tags",
    ...await elsewhere(git, clone, worktree),
  ]);
}

/** What counts as another place for a commit of an issue's branch, for behind `--not`. */
export async function elsewhere(git: Git, clone: string, { branch, from }: Worktree) {
  const tips = [from, "HEAD"];
  const known = await Promise.all(
    tips.map((it) =>
      git.ask(clone, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${it}^{commit}`])
    ),
  );
  return [`--exclude=${branch}`, "--branches", ...known.filter((it) => it !== undefined)];
}

export function tipOf(git: Git, clone: string, branch: string): Promise<string | undefined> {
  return git.ask(clone, ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}^{commit}`]);
}

/** `abc1234 What it did`, at most a hundred of them. */
async function commitLines(git: Git, folder: string, tips: string[]): Promise<string[]> {
  const args = ["rev-list", "--max-count=100", "--pretty=tformat:%h %s", ...tips, "--"];
  const listed = await git.demand(folder, args, `list the commits of "${folder}"`);
  return listed.split("\n").filter((_, at) => at % 2 === 1);
}
