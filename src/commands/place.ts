/** Where an issue's turns run: in the base's folder, or in a worktree of the issue's own. */
import { join, relative } from "node:path";
import type { WorktreeSettings } from "../config/mod.ts";
import { errors } from "../errors.ts";
import { slugOf } from "../session/file_name.ts";
import type { MadeSession, RunnerKind, Worktree } from "../session/record.ts";
import { formatRef, type IssueRef } from "../session/ref.ts";
import type { MadeWorktree, PlannedWorktree, WorktreePlan } from "../workspace/mod.ts";
import { baseFolder } from "./base.ts";
import type { Context } from "./context.ts";

export interface PlaceOptions extends WorktreeSettings {
  /** Whether a worktree was asked for by a flag, so that there is no other way. */
  demanded: boolean;
  from: string | undefined;
  runner: RunnerKind;
  /** The id of the turn, which marks what setup starts. */
  turn: string;
}

/** A folder, and the worktree that was made or taken for it now. */
export interface Place {
  directory: string;
  worktree?: Worktree | undefined;
  planned?: PlannedWorktree | undefined;
  /** Whether the worktree was left by a start that never got a session: without one, nobody needs it. */
  isLeft?: boolean;
}

/**
 * Prepares the place of an issue that begins. To be called with the issue's hold; `undoPlace` takes it back when
 * the start is refused, and `setUpPlace` gets it ready when its turn comes.
 *
 * @throws what makeWorktree does, no-folder, worktree-impossible
 */
export async function placeOf(
  context: Context,
  base: MadeSession,
  ref: IssueRef,
  options: PlaceOptions,
): Promise<Place> {
  const directory = await baseFolder(context, base);
  const { branch, commit } = base;
  if (!await isOwn(context, { directory, commit }, options)) return { directory };
  const { from, copy, setup, setupSeconds, turn: id } = options;
  const names = { ref: formatRef(ref), slug: slugOf(ref), folder: directory };
  const plan = { ...names, from, branch, commit, id, copy, setup, setupSeconds };
  const made = await makePlanned(context, plan);
  if (made.earlierCommits > 0) {
    const commits = made.earlierCommits === 1 ? "a commit" : `${made.earlierCommits} commits`;
    context.output.note(
      `${made.worktree.branch} has ${commits} of an earlier life; going on with it.`,
    );
  }
  return { directory: made.directory, worktree: made.worktree, planned: { plan, made } };
}

async function makePlanned(context: Context, plan: WorktreePlan): Promise<MadeWorktree> {
  const made = await (await context.workspace()).makeWorktree(plan);
  const missing = made.missing.map((it) => JSON.stringify(it)).join(", ");
  if (missing) {
    context.output.warn(
      `worktree.copy names what is not in ${made.worktree.repository}: ${missing}`,
    );
  }
  return made;
}

/** Runs what gets a new worktree ready. @throws setup-failed, start-stopped */
export async function setUpPlace(
  context: Context,
  { planned }: Place,
  signal: AbortSignal,
): Promise<void> {
  if (planned) await (await context.workspace()).setUpWorktree(planned, signal);
}

/**
 * Takes back what was made for a turn that did not come about, and what a start without a session has left, if nothing
 * would be lost with it. A failure is only told: the next start, or doctor, clears the rest.
 */
export async function undoPlace(
  context: Context,
  { worktree, planned, isLeft }: Place,
): Promise<void> {
  if (!worktree) return;
  const workspace = await context.workspace();
  try {
    if (planned?.made.isNew) await workspace.undoWorktree(planned.made);
    else if (isLeft) await workspace.clearStray({ kind: "unclaimed", path: worktree.path });
  } catch (error) {
    context.output.warn(`${(error as Error).message}; run: kugetsu doctor --fix`);
  }
}

/** The folder of a session that has a worktree, made again on its branch if somebody took it away. */
export async function placeAgain(
  context: Context,
  ref: IssueRef,
  { directory, worktree }: { directory: string; worktree: Worktree },
  options: Omit<PlaceOptions, "demanded" | "from" | "mode" | "runner">,
): Promise<Place> {
  const workspace = await context.workspace();
  if (!await workspace.isGone(worktree)) return { directory, worktree };
  const folder = join(worktree.repository, relative(worktree.path, directory));
  const { copy, setup, setupSeconds, turn: id } = options;
  const names = { ref: formatRef(ref), slug: slugOf(ref), folder };
  const plan = { ...names, commit: worktree.from, id, copy, setup, setupSeconds };
  const made = await makePlanned(context, plan);
  context.output.note(`Made the worktree ${made.worktree.path} again.`);
  return { directory: made.directory, worktree: made.worktree, planned: { plan, made } };
}

/** The decision. What the runner or the folder cannot do is left, unless the user demanded it. */
async function isOwn(
  context: Context,
  { directory, commit }: Pick<MadeSession, "commit"> & { directory: string },
  options: PlaceOptions,
): Promise<boolean> {
  const { mode, demanded, from, runner } = options;
  if (mode === "shared") {
    if (from === undefined) return false;
    throw errors.usage("Cannot begin at --from in the shared folder: give --worktree too");
  }
  if (!(await context.runner(runner)).movesForks) {
    // --runner run stands for --shared.
    if (!demanded && from === undefined) return false;
    throw errors.worktreeImpossible(
      `the runner "${runner}" cannot move a fork out of its base's folder`,
    );
  }
  // A base that had a commit is of a repository: where that is gone, nobody is to work in its folder unasked.
  if (demanded || from !== undefined || commit !== undefined) return true;
  return await (await context.workspace()).head(directory) !== undefined;
}
