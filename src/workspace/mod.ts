/**
 * The workspace port: the folders that turns run in, what git knows of them, and the worktrees of issues.
 *
 * A worktree lies in the state folder's `worktrees/`, on a branch `kugetsu/…`. One issue has one, and only the
 * holder of its turn makes or removes it. Nothing is deleted that was not found to be ours right before.
 */
import type { Worktree } from "../session/record.ts";

/** What a worktree is to be made of. */
export interface WorktreePlan {
  /** The issue, and its name in folders and branches. */
  ref: string;
  slug: string;
  /** The base's folder, in the clone that the worktree belongs to. */
  folder: string;
  /** Where the work begins: a revision that the user named. */
  from?: string | undefined;
  /** Otherwise the tip of the base's branch, or its commit, or what is checked out. */
  branch?: string | undefined;
  commit?: string | undefined;
  /** Marks the processes that setup starts. */
  id: string;
  /** Files of the clone to copy, relative to its top. */
  copy: readonly string[];
  /** A command to get it ready with, and how long that may take. */
  setup?: string | undefined;
  setupSeconds: number;
}

export interface MadeWorktree {
  worktree: Worktree;
  /** Where in it a turn runs: the same place as the base's folder has in its clone. */
  directory: string;
  /** False for one of an earlier life, which is not undone when a start is refused. */
  isNew: boolean;
  /** How many commits of an earlier life its branch has. */
  earlierCommits: number;
  /** Files to copy that the clone does not have. */
  missing: string[];
}

/** A worktree with what it was made of. */
export interface PlannedWorktree {
  plan: WorktreePlan;
  made: MadeWorktree;
}

/** Whether a worktree is in its place. */
export interface Standing {
  /** `gone` is also one whose making was cut off: nobody has worked in it. `foreign`: there is something in its place, but `why` tells that nobody can say it is ours, and `remedy` what would make it so. */
  kind: "present" | "gone" | "foreign";
  why?: string;
  remedy?: string;
}

/** A worktree as it is now, with what would be lost with it. */
export interface Inspection extends Standing {
  /** Changed and untracked files, and what is under way, one line each. */
  changes: string[];
  /** Commits that are on no remote and on no other branch. */
  commits: string[];
  /** Ignored files, which are lost without being asked about. */
  ignored: string[];
  /** Why git was told to leave it alone, if it was. */
  locked?: string;
}

export interface Removal {
  /** `left`: it was foreign. */
  folder: "removed" | "gone" | "left";
  branch: "deleted" | "kept" | "none";
  /** The commit that the branch was at. */
  tip?: string;
}

/** Something in `worktrees/` besides the worktrees that are in use. */
export interface Stray {
  kind: "half-made" | "unclaimed" | "unknown" | "waste";
  path: string;
  /** The issue that it was made for, where that is known. */
  ref?: string;
  worktree?: Worktree;
}

export interface DiffSummary {
  files: { path: string; added: number | null; deleted: number | null }[];
  /** How many commits there are since `from`. */
  commits: number;
}

export interface DiffOptions {
  stat: boolean;
  colour: boolean;
}

export interface Workspace {
  /** The git executable, without which nothing is known of a folder. @throws no-git */
  git(): string;
  /** The real path of a folder. An error says with `what` whose it is, and what helps. @throws no-folder */
  folder(path: string, what: string, next?: string): string;
  /** The commit that is checked out; undefined outside a repository or before its first one. */
  head(folder: string): Promise<string | undefined>;
  /** The branch that is checked out, if one is. */
  branch(folder: string): Promise<string | undefined>;
  /** The address of a remote; undefined where there is none. */
  remote(folder: string, name: string): Promise<string | undefined>;
  /** The addresses of all remotes. */
  remotes(folder: string): Promise<string[]>;
  /** How many commits a branch has that `commit` lacks, quickly; 0 where that cannot be told. */
  behind(folder: string, branch: string, commit: string): Promise<number>;

  /**
   * Makes an issue's worktree, or takes the one of an earlier life. One that was made and never set up is made
   * again.
   *
   * @throws no-repository, bad-revision, branch-taken, worktree-taken, copy-refused, git-failed
   */
  makeWorktree(plan: WorktreePlan): Promise<MadeWorktree>;
  /** Gets a new worktree ready. Aborting `signal` ends the user's command. @throws setup-failed, start-stopped */
  setUpWorktree(planned: PlannedWorktree, signal: AbortSignal): Promise<void>;
  /** Takes a new worktree back in which no turn has run; one of an earlier life stays. */
  undoWorktree(made: MadeWorktree): Promise<void>;
  /** Whether it has to be made again: its folder is gone, or was never finished. Known without asking git. */
  isGone(worktree: Worktree): Promise<boolean>;
  /** Whether it is there and ours, in no more time for a large repository than for a small one. */
  standing(worktree: Worktree): Promise<Standing>;
  inspect(worktree: Worktree): Promise<Inspection>;
  /**
   * Removes folder and registration. A branch stays if it has commits that no other has, unless `discard`.
   * Whoever calls has inspected it before. @throws git-failed, unwritable
   */
  removeWorktree(worktree: Worktree, options: { discard: boolean }): Promise<Removal>;
  /** Whether its branch has commits, and all of them are in the branch or its upstream. */
  isMerged(worktree: Worktree, branch: string | undefined): Promise<boolean>;
  /** What in `worktrees/` is none of the given worktrees. */
  strays(inUse: readonly Worktree[]): Promise<Stray[]>;
  /** Clears a half-made worktree or waste; false when it has to stay. */
  clearStray(stray: Stray): Promise<boolean>;

  /** What was changed since `from`, committed or not, untracked files too: git's own words. */
  diff(worktree: Worktree, options: DiffOptions, write: (text: string) => void): Promise<void>;
  diffSummary(worktree: Worktree): Promise<DiffSummary>;
}
