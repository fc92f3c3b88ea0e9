/** What git has registered as worktrees, and whether one of them is ours. */
import { lstatSync, realpathSync } from "node:fs";
import type { Worktree } from "../session/record.ts";
import type { Git } from "./git.ts";
import type { Places } from "./places.ts";

export interface Registered {
  path: string;
  /** Without `refs/heads/`; undefined where no branch is checked out. */
  branch?: string;
  locked?: string;
}

/** The worktrees of the repository that a folder is in; undefined where it is in none. */
export async function registered(git: Git, folder: string): Promise<Registered[] | undefined> {
  const listed = await git.ask(folder, ["worktree", "list", "--porcelain"]);
  return listed?.split("\n\n").map(parse);
}

function parse(block: string): Registered {
  const found: Registered = { path: "" };
  for (const line of block.split("\n")) {
    const [key, ...rest] = line.split(" ");
    const value = rest.join(" ");
    if (key === "worktree") found.path = value;
    if (key === "branch") found.branch = value.replace("refs/heads/", "");
    if (key === "locked") found.locked = value || "no reason given";
  }
  return found;
}

/** Where a worktree is: `clone` is a folder of the repository that knows it. */
export type Located =
  | { kind: "present"; slug: string; clone: string; entry: Registered }
  | { kind: "gone"; slug: string; clone: string | undefined }
  | { kind: "foreign"; why: string; remedy: string };

/**
 * Finds a worktree and makes sure that it is ours: inside `worktrees/`, a folder and no link, and known to git as
 * a worktree of its repository, or of the one that it names itself when that one was moved and repaired.
 */
export async function locate(git: Git, places: Places, worktree: Worktree): Promise<Located> {
  const slug = places.slugOf(worktree.path);
  if (!slug) {
    const remedy = "put the state folder back where it was, if it was moved";
    return foreign(`it is not inside "${places.worktrees}"`, remedy);
  }
  const found = lstatSync(worktree.path, { throwIfNoEntry: false });
  if (!found) {
    const known = await registered(git, worktree.repository);
    return { kind: "gone", slug, clone: known && worktree.repository };
  }
  if (!found.isDirectory() || realpathSync(worktree.path) !== worktree.path) {
    return foreign("it is not a folder, or lies behind a symbolic link", "put the folder back");
  }
  const [known, top] = await Promise.all([
    registered(git, worktree.repository),
    git.ask(worktree.path, ["rev-parse", "--show-toplevel"]),
  ]);
  const entry = known?.find((it) => it.path === worktree.path);
  if (entry) return checked(slug, worktree.repository, entry, top);
  const clone = known ? undefined : await movedTo(git, worktree);
  if (clone) return checked(slug, clone.path, clone.entry, top);
  const repository = JSON.stringify(worktree.repository);
  const repair = `git worktree repair ${JSON.stringify(worktree.path)}`;
  return known
    ? foreign(`${repository} does not know it`, `in the repository that it is of: ${repair}`)
    : foreign(
      `its repository ${repository} is gone`,
      `put the repository back, or where it was moved to: ${repair}`,
    );
}

function foreign(why: string, remedy: string): Located {
  return { kind: "foreign", why, remedy };
}

/** A setting can have git look at another folder than the one it is called in: `top` is the one that it took. */
function checked(
  slug: string,
  clone: string,
  entry: Registered,
  top: string | undefined,
): Located {
  if (top === entry.path) return { kind: "present", slug, clone, entry };
  const why = "git does not take it for a working tree of its own";
  return foreign(why, "take core.worktree out of its settings");
}

async function movedTo(git: Git, { path }: Worktree) {
  const [main, ...others] = await registered(git, path) ?? [];
  const entry = others.find((it) => it.path === path);
  return main && entry && { path: main.path, entry };
}
