/** What lies in `worktrees/` and belongs to no session: left by starts and removals that were cut off. */
import type { Worktree } from "../session/record.ts";
import type { Git } from "./git.ts";
import { inspect } from "./inspect.ts";
import type { Stray } from "./mod.ts";
import { type Places, WASTE } from "./places.ts";
import { remove, removeTree, takeBack } from "./remove.ts";

export function strays(places: Places, inUse: readonly Worktree[]): Stray[] {
  const used = new Set(inUse.map(({ path }) => path));
  const names = new Set(places.names().map((name) => name.replace(/\.json$/, "")));
  return [...names].flatMap((name): Stray[] => {
    const path = places.worktree(name);
    if (WASTE.test(name)) return [{ kind: "waste", path }];
    if (name.startsWith(".") || used.has(path)) return [];
    const note = places.note(name);
    if (!note) return [{ kind: "unknown", path }];
    const { ref, worktree, making } = note;
    return [{ kind: making ? "half-made" : "unclaimed", path, ref, worktree }];
  });
}

/** Only what nobody has worked in, or what has nothing in it that would be lost. */
export async function clearStray(git: Git, places: Places, stray: Stray): Promise<boolean> {
  if (stray.kind === "waste") {
    await removeTree(stray.path);
    return true;
  }
  const slug = places.slugOf(stray.path);
  const note = slug && places.note(slug);
  if (!note) return false;
  if (note.making) {
    await takeBack(git, places, note);
    return true;
  }
  const { kind, changes, commits, locked } = await inspect(git, places, note.worktree);
  if (kind === "foreign" || changes.length + commits.length > 0 || locked) return false;
  await remove(git, places, note.worktree, { discard: false });
  return true;
}
