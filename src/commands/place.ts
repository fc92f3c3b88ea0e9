/** Where an issue's turns run: in the base's folder, or in a worktree of the issue's own. */
import { join, relative } from "node:path";
import type { WorktreeSettings } from "../config/mod.ts";
import { errors } from "../errors.ts";
import { slugOf } from "../session/file_name.ts";
import type { MadeSession, Worktree } from "../session/record.ts";
import { formatRef, type IssueRef } from "../session/ref.ts";
import type { MadeWorktree } from "../workspace/mod.ts";
import { baseFolder } from "./base.ts";
import type { Context } from "./context.ts";

export interface PlaceOptions extends WorktreeSettings {
  /** Whether a worktree was asked for by a flag, so that there is no other way. */
  demanded: boolean;
  from: string | undefined;
  /** The id of the turn, which marks what setup starts. */
  turn: string;
}

/** A folder, and the worktree that was made or taken for it. */
export interface Place {
  directory: string;
  made?: MadeWorktree | undefined;
}

/**
 * Prepares the place of an issue that begins. To be called with the issue's hold; `undoPlace` takes it back when
 * the start is refused.
 *
 * @throws what makeWorktree does, no-folder, worktree-impossible
 */
export async function placeOf(
  context: Context,
  base: MadeSession,
  ref: IssueRef,
  options: PlaceOptions,
  signal: AbortSignal,
): Promise<Place> {
  const directory = await baseFolder(context, base);
  if (!await isOwn(context, directory, options)) return { directory };
  const { from, copy, setup, setupSeconds, turn: id } = options;
  const { branch, commit } = base;
  const names = { ref: formatRef(ref), slug: slugOf(ref), folder: directory };
  const workspace = await context.workspace();
  const plan = { ...names, from, branch, commit, id, copy, setup, setupSeconds };
  const made = await workspace.makeWorktree(plan, signal);
  if (made.earlierCommits > 0) {
    const commits = made.earlierCommits === 1 ? "a commit" : `${made.earlierCommits} commits`;
    context.output.note(
      `${made.worktree.branch} has ${commits} of an earlier life; going on with it.`,
    );
  }
  return { directory: made.directory, made };
}

/** Takes back what `placeOf` made. A failure is only told: the next start, or doctor, clears what is left. */
export async function undoPlace(context: Context, { made }: Place): Promise<void> {
  if (!made) return;
  try {
    await (await context.workspace()).undoWorktree(made);
  } catch (error) {
    context.output.warn(`${(error as Error).message}; run: kugetsu doctor --fix`);
  }
}

/** The folder of a session that has a worktree, made again on its branch if somebody took it away. */
export async function placeAgain(
  context: Context,
  ref: IssueRef,
  { directory, worktree }: { directory: string; worktree: Worktree },
  options: Omit<PlaceOptions, "demanded" | "from" | "mode">,
  signal: AbortSignal,
): Promise<{ directory: string; worktree: Worktree }> {
  const workspace = await context.workspace();
  if ((await workspace.inspect(worktree)).kind !== "gone") return { directory, worktree };
  const folder = join(worktree.repository, relative(worktree.path, directory));
  const { copy, setup, setupSeconds, turn: id } = options;
  const names = { ref: formatRef(ref), slug: slugOf(ref), folder };
  const plan = { ...names, commit: worktree.from, id, copy, setup, setupSeconds };
  const made = await workspace.makeWorktree(plan, signal);
  context.output.note(`Made the worktree ${made.worktree.path} again.`);
  return { directory: made.directory, worktree: made.worktree };
}

/** The decision. What the runner or the folder cannot do is left, unless the user demanded it. */
async function isOwn(context: Context, directory: string, options: PlaceOptions): Promise<boolean> {
  const { mode, demanded, from } = options;
  if (mode === "shared") {
    if (from === undefined) return false;
    throw errors.usage("Cannot begin at --from in the shared folder: give --worktree too");
  }
  const runner = await context.runner();
  if (!runner.movesForks) {
    if (!demanded && from === undefined) {
      context.output.warn("worktree.mode is own, but this runner works in the base's folder alone");
      return false;
    }
    throw errors.worktreeImpossible("this runner cannot move a fork out of its base's folder");
  }
  const workspace = await context.workspace();
  return demanded || from !== undefined || await workspace.head(directory) !== undefined;
}
