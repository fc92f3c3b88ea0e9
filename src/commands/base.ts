/** Which base a session is forked from, and which repository a folder is a clone of. */
import { errors } from "../errors.ts";
import type { MadeSession } from "../session/record.ts";
import { formatRef, formatRepository, type IssueRef, repositoryOfRemote } from "../session/ref.ts";
import type { Workspace } from "../workspace/mod.ts";
import type { Context } from "./context.ts";
import { locate } from "./locate.ts";

/** The repository that a folder's origin names, `github.com/acme/widget`; undefined where it names none. */
export async function repositoryIn(context: Context, folder: string): Promise<string | undefined> {
  const workspace = await context.workspace();
  const origin = await workspace.remote(folder, "origin");
  const repository = origin && repositoryOfRemote(origin);
  return repository ? formatRepository(repository) : undefined;
}

/** What the folder of a base and opencode say of it now; of a folder that is no repository, little. */
export async function factsOf(context: Context, directory: string): Promise<Partial<MadeSession>> {
  const [workspace, sessions] = await Promise.all([context.workspace(), context.sessions()]);
  const [commit, branch] = [await workspace.head(directory), await workspace.branch(directory)];
  const repository = await repositoryIn(context, directory);
  return {
    opencode_version: await sessions.version(),
    ...(commit ? { commit } : {}),
    ...(commit && branch ? { branch } : {}),
    ...(repository ? { repository } : {}),
  };
}

/**
 * Bases of which something is not known, because their file had to be rebuilt: what the folder and opencode say is
 * recorded; what is there already stays. Returns those.
 */
export async function completeBases(
  context: Context,
  folders: ReadonlyMap<string, { directory: string }>,
): Promise<MadeSession[]> {
  const [store, workspace] = await Promise.all([context.store(), context.workspace()]);
  const bases = await store.bases();
  const completed: MadeSession[] = [];
  for (const base of bases.filter((it) => !it.directory || !it.opencode_version)) {
    const directory = base.directory ?? folders.get(base.opencode_session_id)?.directory;
    if (directory === undefined || !isThere(workspace, directory)) continue;
    const { repository, ...facts } = await factsOf(context, directory);
    const isTaken = bases.some((it) => it !== base && it.repository === repository);
    const known = { ...facts, directory, ...(repository && !isTaken ? { repository } : {}) };
    const whole = { ...known, ...base };
    await store.setBase(whole, { replace: true });
    completed.push(whole);
  }
  return completed;
}

function isThere(workspace: Workspace, folder: string): boolean {
  try {
    workspace.folder(folder, "the base session's folder");
    return true;
  } catch {
    return false;
  }
}

/**
 * The base of the ref's repository, then the default one, unless that is a clone of something else. `say` is told where
 * nobody can tell what that is a clone of.
 *
 * @throws no-base, foreign-base
 */
export async function chooseBase(
  context: Context,
  ref: IssueRef,
  which: "default" | undefined,
  say: (text: string) => void = () => {},
): Promise<MadeSession> {
  const store = await context.store();
  const own = which === "default" ? undefined : await store.baseOf(formatRepository(ref));
  if (own) return own;
  const base = await store.base();
  if (!base) throw errors.noBase();
  if (which !== "default" && base.directory) await demandClone(context, ref, base.directory, say);
  return base;
}

/**
 * Any remote will do: the origin of a clone may be somebody's fork. A folder without one may be meant for whatever is
 * worked on there.
 */
async function demandClone(
  context: Context,
  ref: IssueRef,
  folder: string,
  say: (text: string) => void,
): Promise<void> {
  const workspace = await context.workspace();
  const remotes = (await workspace.remotes(folder)).flatMap((it) => repositoryOfRemote(it) ?? []);
  const repositories = remotes.map(formatRepository);
  const wanted = formatRepository(ref);
  if (repositories.includes(wanted)) return;
  if (repositories.length === 0) {
    return say(
      `${formatRef(ref)} gets the default base, in ${folder}, of which no repository is known.`,
    );
  }
  throw errors.foreignBase(formatRef(ref), wanted, folder, repositories[0]!);
}

/** The base's folder. One that the tool before this one recorded has none yet: opencode is asked, once. */
export async function baseFolder(context: Context, base: MadeSession): Promise<string> {
  const workspace = await context.workspace();
  const next = "kugetsu init --force";
  if (base.directory) return workspace.folder(base.directory, "the base session's folder", next);
  const directory = await locate(context, base.opencode_session_id, next);
  const store = await context.store();
  await store.setBase({ ...base, directory }, { replace: true });
  return directory;
}
