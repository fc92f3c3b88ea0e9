/** Making an issue's worktree, or taking the one that it had in an earlier life. */
import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { errors } from "../errors.ts";
import type { Worktree } from "../session/record.ts";
import { copyFiles } from "./copy.ts";
import { type Git, LONG_MS } from "./git.ts";
import { elsewhere, inspect, tipOf } from "./inspect.ts";
import type { MadeWorktree, PlannedWorktree, WorktreePlan } from "./mod.ts";
import type { Places } from "./places.ts";
import { type Registered, registered } from "./registry.ts";
import { takeBack } from "./remove.ts";
import { runSetup } from "./setup.ts";

interface Site {
  git: Git;
  places: Places;
  plan: WorktreePlan;
  /** The top of the clone, and where below it the base's folder is. */
  clone: string;
  below: string;
  path: string;
  branch: string;
  /** Where the branch is, if there is one. */
  tip: string | undefined;
  /** The commit to begin at. */
  start: string;
}

export async function make(
  git: Git,
  places: Places,
  plan: WorktreePlan,
): Promise<MadeWorktree> {
  places.prepare();
  const cutOff = places.note(plan.slug);
  if (cutOff?.making) await takeBack(git, places, cutOff);
  const [site, known = []] = await Promise.all([
    siteOf(git, places, plan),
    registered(git, plan.folder),
  ]);
  const there = known.find((it) => it.path === site.path);
  const standing = await standingFolder(site, there);
  if (standing) return standing;
  if (there) await clearRegistration(site, there);
  const branch = await settleBranch(site, known.filter((it) => it !== there));
  return await build(site, branch);
}

/** Runs the user's setup in a new worktree; from then on it counts as made. */
export async function setUp(
  git: Git,
  places: Places,
  { plan, made: { worktree, isNew } }: PlannedWorktree,
  signal: AbortSignal,
): Promise<void> {
  if (!isNew) return;
  if (plan.setup) await runSetup(plan.setup, { git, places, plan, path: worktree.path }, signal);
  const making = places.note(plan.slug);
  if (making) places.writeNote(plan.slug, { ...making, making: false });
}

async function siteOf(git: Git, places: Places, plan: WorktreePlan): Promise<Site> {
  const { folder, slug } = plan;
  const [path, branch] = [places.worktree(slug), `kugetsu/${slug}`];
  const [top, start, tip] = await Promise.all([
    git.ask(folder, ["rev-parse", "--show-toplevel", "--show-prefix"]),
    startOf(git, plan),
    tipOf(git, folder, branch),
  ]);
  const [clone, below = ""] = top?.split("\n") ?? [];
  if (!clone) throw errors.noRepository(folder, await whyNone(git, folder));
  // git ends a path with a line break.
  if (folder.includes("\n")) throw errors.noRepository(folder, "its path has a line break");
  if (!start) {
    if (plan.from !== undefined) throw errors.badRevision(plan.from, clone);
    throw errors.noRepository(clone, "it has no commit yet");
  }
  return { git, places, plan, clone, below, path, branch, tip, start };
}

/** Why git has no working tree there. @throws no-git */
async function whyNone(git: Git, folder: string): Promise<string> {
  git.executable();
  const isBare = await git.ask(folder, ["rev-parse", "--is-bare-repository"]) === "true";
  if (isBare) return "it is a bare clone, without files";
  const { stderr } = await git.run(folder, ["rev-parse", "--show-toplevel"]);
  const said = stderr.split("\n").find((line) => line.startsWith("fatal: "));
  const none = "it is not in a git repository";
  return !said || /not a git repository/.test(said) ? none : said.replace("fatal: ", "git says: ");
}

async function startOf(git: Git, { folder, from, branch, commit }: WorktreePlan) {
  const commitOf = (rev: string) =>
    git.ask(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${rev}^{commit}`]);
  if (from !== undefined) return await commitOf(from);
  return (branch && await commitOf(`refs/heads/${branch}`)) ??
    (commit && await commitOf(commit)) ?? await commitOf("HEAD");
}

/** A folder that is there already: ours from an earlier life and clean, or an error that says what can be done. */
async function standingFolder(
  site: Site,
  there: Registered | undefined,
): Promise<MadeWorktree | undefined> {
  const { git, places, path, branch, clone, plan } = site;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || (!there && found.isDirectory() && readdirSync(path).length === 0)) return undefined;
  const remove = `git -C ${JSON.stringify(clone)} worktree remove --force ${JSON.stringify(path)}`;
  if (!there) {
    const away = `mv ${JSON.stringify(path)} ${JSON.stringify(`${path}.old`)}`;
    throw errors.worktreeTaken(
      plan.ref,
      path,
      `git does not know it as a worktree of "${clone}"`,
      away,
    );
  }
  if (there.branch !== branch) {
    const on = there.branch ? `the branch ${there.branch} is` : "no branch is";
    throw errors.worktreeTaken(plan.ref, path, `${on} checked out in it`, remove);
  }
  if (plan.from !== undefined) {
    throw errors.worktreeTaken(
      plan.ref,
      path,
      "it was begun before, so --from comes too late",
      remove,
    );
  }
  const worktree = { path, branch, from: await earlierStart(site), repository: clone };
  const { kind, changes } = await inspect(git, places, worktree);
  if (kind !== "present" || changes.length > 0) {
    const what = kind === "present" ? "it has uncommitted changes" : "it is not a folder of ours";
    throw errors.worktreeTaken(plan.ref, path, what, remove, changes);
  }
  places.writeNote(plan.slug, note(site, worktree, { making: false, newBranch: false }));
  return {
    worktree,
    directory: within(site),
    isNew: false,
    earlierCommits: await ownCommits(site, worktree),
    missing: [],
  };
}

/** git has it, but its folder is gone. */
async function clearRegistration({ git, clone, path, plan }: Site, there: Registered) {
  if (there.locked) {
    const unlock = `git -C ${JSON.stringify(clone)} worktree unlock ${JSON.stringify(path)}`;
    throw errors.worktreeTaken(plan.ref, path, `it is gone, but locked: ${there.locked}`, unlock);
  }
  const args = ["worktree", "remove", "--force", "--", path];
  await git.demand(clone, args, `clear the worktree "${path}", whose folder is gone`);
}

interface Branch {
  isNew: boolean;
  from: string;
  earlierCommits: number;
}

/** A branch that is there already is gone on with if it has commits of its own, and otherwise begun anew. */
async function settleBranch(site: Site, others: Registered[]): Promise<Branch> {
  const { git, clone, branch, tip, start, plan } = site;
  const anew = { isNew: true, from: start, earlierCommits: 0 };
  if (!tip) return anew;
  const elsewhere = others.find((it) => it.branch === branch);
  if (elsewhere) {
    const [from, to] = [elsewhere.path, site.path].map((it) => JSON.stringify(it));
    const why = `it is checked out in ${from}`;
    const leave = `git -C ${from} switch --detach`;
    // git lists the main worktree first, which cannot be moved; nor is the base's own folder to be.
    if (elsewhere === others[0] || elsewhere.path === clone) {
      throw errors.branchTaken(plan.ref, branch, why, leave);
    }
    const back = `git -C ${JSON.stringify(clone)} worktree move ${from} ${to}`;
    const hint = `puts it back, if it was moved; otherwise ${leave}`;
    throw errors.branchTaken(plan.ref, branch, why, back, hint);
  }
  const from = await earlierStart(site);
  const own = await ownCommits(site, { branch, from, path: site.path, repository: clone });
  if (own === 0) {
    await git.demand(clone, ["branch", "-D", "--quiet", "--", branch], `begin ${branch} anew`);
    return anew;
  }
  if (plan.from !== undefined) {
    const away = `git -C ${JSON.stringify(clone)} branch -m ${branch} ${branch}-old`;
    const commits = own === 1 ? "a commit" : `${own} commits`;
    throw errors.branchTaken(
      plan.ref,
      branch,
      `it has ${commits} of an earlier life, which --from would leave`,
      away,
    );
  }
  return { isNew: false, from, earlierCommits: own };
}

/** Where the branch of an earlier life began: as noted, or where it left the line that work begins at now. */
async function earlierStart({ git, places, plan, clone, branch, start }: Site): Promise<string> {
  const noted = places.note(plan.slug)?.worktree;
  if (
    noted && await git.ask(clone, ["rev-parse", "--verify", "--quiet", `${noted.from}^{commit}`])
  ) {
    return noted.from;
  }
  return await git.ask(clone, ["merge-base", `refs/heads/${branch}`, start]) ?? start;
}

async function ownCommits({ git, clone }: Site, worktree: Worktree): Promise<number> {
  const others = await elsewhere(git, clone, worktree);
  const tips = [`refs/heads/${worktree.branch}`, "--not", ...others, "--"];
  return Number(await git.ask(clone, ["rev-list", "--count", ...tips]) ?? 0);
}

async function build(site: Site, branch: Branch): Promise<MadeWorktree> {
  const { git, places, plan, clone, path } = site;
  const worktree = { path, branch: site.branch, from: branch.from, repository: clone };
  const making = note(site, worktree, { making: true, newBranch: branch.isNew });
  places.writeNote(plan.slug, making);
  try {
    const action = `make the worktree "${path}"`;
    const how = branch.isNew
      // -B: a call that is tried again may have made the branch already.
      ? ["--no-track", "-B", site.branch, "--", path, branch.from]
      : ["--", path, site.branch];
    await git.demand(clone, ["worktree", "add", "--no-checkout", ...how], action);
    // A step of its own: only in its folder do all of the settings hold that the files are written under.
    const reset = ["reset", "--hard", "--quiet", "--no-recurse-submodules"];
    await git.demand(path, reset, action, { contents: true, timeoutMs: LONG_MS });
    const missing = copyFiles(clone, path, plan.copy);
    const { earlierCommits } = branch;
    return { worktree, directory: within(site), isNew: true, earlierCommits, missing };
  } catch (error) {
    await takeBack(git, places, making).catch(() => {}); // the next start, or doctor, takes it back
    throw error;
  }
}

function note(
  { plan }: Site,
  worktree: Worktree,
  more: { making: boolean; newBranch: boolean },
) {
  return { ref: plan.ref, id: plan.id, ...more, worktree };
}

/** The same folder as the base has in its clone; a commit from before that folder has only the top. */
function within({ path, below }: Site): string {
  const inside = join(path, below).replace(/\/$/, "");
  return statSync(inside, { throwIfNoEntry: false })?.isDirectory() ? inside : path;
}
