/** `kugetsu destroy`: takes an issue's session away, or the base's mapping. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus, KugetsuError } from "../errors.ts";
import type { SessionRecord } from "../session/record.ts";
import { whereabouts } from "../session/state.ts";
import type { Context } from "./context.ts";
import { aroundDestroy } from "./hooks.ts";
import { demandSaved, removeWorktree } from "./removal.ts";
import { asRepository, resolveKey } from "./target.ts";
import { endLeftovers } from "./turn.ts";

export interface DestroyOptions {
  /** True without a repository. */
  base?: string | boolean | undefined;
  discard?: boolean | undefined;
  yes?: boolean | undefined;
  keepSession?: boolean | undefined;
  deleteSession?: boolean | undefined;
}

const HELP = "kugetsu destroy --help";

export async function destroy(
  context: Context,
  typed: string | undefined,
  options: DestroyOptions,
): Promise<ExitStatus> {
  if (options.keepSession && options.deleteSession) {
    throw errors.usage("Cannot both keep and delete the session in opencode", HELP);
  }
  if (options.base && typed !== undefined) {
    throw errors.usage("Cannot destroy an issue and the base at once: give a REF or --base", HELP);
  }
  if (options.base) return await destroyBase(context, options);
  if (typed === undefined) {
    throw errors.usage("Cannot tell what to destroy: give a REF, or --base", "kugetsu list");
  }
  return await destroyIssue(context, typed, options);
}

async function destroyIssue(
  context: Context,
  typed: string,
  options: DestroyOptions,
): Promise<ExitStatus> {
  const { output } = context;
  const hold = await holdOf(context, await resolveKey(context, typed));
  try {
    const { opencode_session_id: id, worktree } = hold.record;
    const removal = {
      what: `destroy the session of ${hold.key}`,
      next: sameCall(typed, { ...options, discard: true }),
      discard: options.discard === true,
    };
    if (worktree) await demandSaved(context, worktree, removal);
    const deletes = options.deleteSession ||
      (!options.keepSession && hold.record.origin !== "adopted");
    await confirm(
      context,
      worktree ? `${removal.what} and its worktree` : removal.what,
      sameCall(typed, { ...options, yes: true }),
      options,
    );
    const removed = await aroundDestroy(context, hold.key, hold.record, async () => {
      if (hold.record.turn) {
        await endLeftovers(context, hold.record.turn, whereabouts(hold.record));
      }
      if (id && deletes) await removeFromOpencode(context, id);
      const taken = worktree && await removeWorktree(context, worktree, removal);
      (await context.traces()).remove(hold.name);
      await hold.remove();
      return taken;
    });
    output.result({
      destroyed: hold.key,
      opencode_session_id: id,
      opencode_session_deleted: deletes,
      ...(removed ? { worktree: { ...worktree, ...removed } } : {}),
    }, "");
    const kept = id && !deletes ? `; session ${id} is not deleted in opencode` : "";
    output.note(`Destroyed the session of ${hold.key}${kept}.`);
    return EXIT.ok;
  } finally {
    await hold.release();
  }
}

/** @throws no-session, turn-running, damaged-record */
async function holdOf(context: Context, key: string) {
  const store = await context.store();
  try {
    return await store.hold(key);
  } catch (error) {
    if (!(error instanceof KugetsuError) || error.code !== "no-session") throw error;
    throw errors.noSessionToDestroy(key);
  }
}

/** The command with its flags, so that what helps against one refusal does not run into the next. */
function sameCall(typed: string, options: DestroyOptions): string {
  const { discard, keepSession, deleteSession, yes } = options;
  return [
    `kugetsu destroy ${JSON.stringify(typed)}`,
    ...(discard ? ["--discard"] : []),
    ...(keepSession ? ["--keep-session"] : []),
    ...(deleteSession ? ["--delete-session"] : []),
    ...(yes ? ["-y"] : []),
  ].join(" ");
}

async function destroyBase(context: Context, options: DestroyOptions): Promise<ExitStatus> {
  const { output } = context;
  const store = await context.store();
  const repository = typeof options.base === "string" ? asRepository(options.base) : undefined;
  const base = repository === undefined ? await store.base() : await store.baseOf(repository);
  if (!base) throw errors.noBaseToDestroy(repository);
  const of = repository === undefined ? "" : ` of ${repository}`;
  await confirm(
    context,
    `destroy the base session's mapping${of}`,
    `kugetsu destroy --base ${repository ? `${repository} ` : ""}-y`,
    options,
  );
  const id = base.opencode_session_id;
  const deletes = options.deleteSession === true;
  if (deletes) await removeFromOpencode(context, id);
  await store.removeBase(repository);
  output.result({
    destroyed: "base",
    ...(base.repository ? { repository: base.repository } : {}),
    opencode_session_id: id,
    opencode_session_deleted: deletes,
  }, "");
  const kept = deletes ? "" : `; session ${id} is not deleted in opencode`;
  output.note(`Destroyed the base${of}${kept}. Issues that were forked from it are untouched.`);
  return EXIT.ok;
}

async function confirm(
  context: Context,
  what: string,
  next: string,
  { yes }: DestroyOptions,
): Promise<void> {
  if (yes) return;
  const { output } = context;
  if (output.interactive && await output.confirm(`Really ${what}?`)) return;
  throw errors.notConfirmed(what, next);
}

async function removeFromOpencode(
  context: Context,
  id: SessionRecord["opencode_session_id"] & string,
) {
  const sessions = await context.sessions();
  await context.untilStopped((signal) => sessions.remove([id], signal));
}

export function destroyCommand(host: Host) {
  return newCommand("destroy", "take an issue's session away, or the base", [
    "kugetsu destroy github.com/shoko/kugetsu#14",
    "kugetsu destroy github.com/shoko/kugetsu#14 -y --keep-session",
    "kugetsu destroy --base -y",
    "kugetsu destroy --base github.com/shoko/kugetsu -y",
  ])
    .argument("[ref]", "the issue")
    .option("--base [repository]", "a base session's mapping instead of an issue")
    .option("--discard", "delete the worktree even if something in it is nowhere else")
    .option("-y, --yes", "do not ask")
    .option("--keep-session", "leave the session in opencode")
    .option("--delete-session", "delete it in opencode, even a base or an adopted one")
    .action((ref, options) =>
      host.run("destroy", options, (context) => destroy(context, ref, options))
    );
}
