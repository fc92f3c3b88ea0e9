/** Removing a worktree that was found to be ours. */
import { chmodSync, lstatSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { errors } from "../errors.ts";
import type { Worktree } from "../session/record.ts";
import { endTurnProcesses } from "../platform/processes.ts";
import type { Git } from "./git.ts";
import { elsewhere, tipOf } from "./inspect.ts";
import type { Removal } from "./mod.ts";
import type { Note, Places } from "./places.ts";
import { locate } from "./registry.ts";

const GRACE_MS = 2000;

/**
 * The folder is renamed, unregistered, and only then deleted: what is cut off at any moment is either still a
 * whole worktree or waste, and never a folder that git no longer knows.
 */
export async function remove(
  git: Git,
  places: Places,
  worktree: Worktree,
  { discard }: { discard: boolean },
): Promise<Removal> {
  const located = await locate(git, places, worktree);
  if (located.kind === "foreign") return { folder: "left", branch: "none" };
  const { slug, clone } = located;
  const waste = located.kind === "present" ? places.wasteFor(slug) : undefined;
  if (waste) renameSync(worktree.path, waste);
  try {
    if (clone) await unregister(git, clone, worktree.path);
  } catch (error) {
    if (waste) renameSync(waste, worktree.path);
    throw error;
  }
  const branch = clone
    ? await dropBranch(git, clone, worktree, discard)
    : { branch: "none" as const };
  places.removeNote(slug);
  if (waste) await removeTree(waste);
  return { folder: waste ? "removed" : "gone", ...branch };
}

/** Takes back what a refused start made, if it is still as that left it. */
export async function undo(git: Git, places: Places, { path }: Worktree): Promise<void> {
  const slug = places.slugOf(path);
  const note = slug && places.note(slug);
  if (note) await takeBack(git, places, note);
}

/** Takes back what an interrupted or refused start made. Nobody has worked in it. */
export async function takeBack(git: Git, places: Places, note: Note): Promise<void> {
  await endTurnProcesses(note.id, undefined, GRACE_MS);
  const { worktree, newBranch } = note;
  const slug = places.slugOf(worktree.path)!;
  const clone = worktree.repository;
  if (lstatSync(worktree.path, { throwIfNoEntry: false })?.isDirectory()) {
    const waste = places.wasteFor(slug);
    renameSync(worktree.path, waste);
    await removeTree(waste);
  }
  await unregister(git, clone, worktree.path);
  if (newBranch && await tipOf(git, clone, worktree.branch) === worktree.from) {
    await git.ask(clone, ["branch", "-D", "--quiet", "--", worktree.branch]);
  }
  places.removeNote(slug);
}

/** Twice forced: git locks a worktree while it makes it, and one that the user locked is never brought here. */
async function unregister(git: Git, clone: string, path: string): Promise<void> {
  const { code, stderr } = await git.run(clone, ["worktree", "remove", "-f", "-f", "--", path]);
  if (code === 0 || /is not a working tree|not a git repository|cannot change to/.test(stderr)) {
    return;
  }
  throw errors.gitFailed(`remove the worktree "${path}"`, stderr.trim());
}

async function dropBranch(
  git: Git,
  clone: string,
  worktree: Worktree,
  discard: boolean,
): Promise<Pick<Removal, "branch" | "tip">> {
  const tip = await tipOf(git, clone, worktree.branch);
  if (!tip) return { branch: "none" };
  if (!discard) {
    const others = await elsewhere(git, clone, worktree);
    const own = await git.ask(clone, ["rev-list", "--max-count=1", tip, "--not", ...others, "--"]);
    if (own) return { branch: "kept", tip };
  }
  await git.ask(clone, ["branch", "-D", "--quiet", "--", worktree.branch]);
  // Looked at, not concluded: somebody may have it checked out, and a second try would not find it.
  return { branch: await tipOf(git, clone, worktree.branch) ? "kept" : "deleted", tip };
}

/** Deletes a tree and never what a link in it points to. Tools leave folders that even their owner may not change. */
export async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3, retryDelay: 50 };
  try {
    await rm(path, options).catch(() => {
      unlockFolders(path);
      return rm(path, options);
    });
  } catch (cause) {
    throw errors.unwritable(path, cause);
  }
}

function unlockFolders(path: string): void {
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) unlockFolders(join(path, entry.name));
  }
}
