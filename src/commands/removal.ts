/** Taking a worktree away: first whether anything would be lost with it, then the deed. */
import { errors } from "../errors.ts";
import type { Worktree } from "../session/record.ts";
import type { Inspection, Removal } from "../workspace/mod.ts";
import type { Context } from "./context.ts";

export interface RemovalOptions {
  /** What is about to be done, for the message of a refusal. */
  what: string;
  /** The command that does it all the same. */
  next: string;
  discard: boolean;
}

/** @throws worktree-unsaved, worktree-locked, worktree-foreign */
export async function demandSaved(
  context: Context,
  worktree: Worktree,
  { what, next, discard }: RemovalOptions,
): Promise<Inspection> {
  const workspace = await context.workspace();
  const found = await workspace.inspect(worktree);
  const { repository, path } = worktree;
  if (found.locked !== undefined) {
    const unlock = `git -C ${JSON.stringify(repository)} worktree unlock ${JSON.stringify(path)}`;
    throw errors.worktreeLocked(what, path, found.locked, unlock);
  }
  if (discard) return found;
  if (found.kind === "foreign") {
    const hint = `gives up what is in it; to keep that: ${found.remedy}`;
    throw errors.worktreeForeign(path, found.why!, { next, hint });
  }
  const unsaved = [...found.changes, ...found.commits.map((it) => `commit: ${it}`)];
  if (unsaved.length === 0) return found;
  const lost = found.ignored.map((it) => `ignored, and no reason to refuse: ${it}`);
  throw errors.worktreeUnsaved(what, [...unsaved, ...lost], next);
}

/** Looks once more, since time has passed, and removes it. */
export async function removeWorktree(
  context: Context,
  worktree: Worktree,
  options: RemovalOptions,
): Promise<Removal> {
  const { ignored } = await demandSaved(context, worktree, options);
  if (ignored.length > 0) context.output.note(`Ignored files go with it: ${inShort(ignored)}.`);
  const workspace = await context.workspace();
  const removal = await workspace.removeWorktree(worktree, { discard: options.discard });
  say(context, worktree, removal);
  return removal;
}

function say({ output }: Context, { branch, path }: Worktree, removal: Removal): void {
  if (removal.folder === "left") {
    output.warn(`"${path}" was left as it is: nobody can say that it is kugetsu's to delete`);
  }
  const at = removal.tip?.slice(0, 10);
  if (removal.branch === "deleted") output.note(`Deleted the branch ${branch} (was ${at}).`);
  if (removal.branch === "kept") output.note(`The branch ${branch} stays, at ${at}.`);
}

const SHOWN = 5;

function inShort(names: string[]): string {
  const more = names.length - SHOWN;
  return names.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
