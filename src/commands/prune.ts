/** `kugetsu prune`: session files that no index entry points to. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus, KugetsuError } from "../errors.ts";
import type { Orphan } from "../store/mod.ts";
import type { Context } from "./context.ts";
import { removeWorktree } from "./removal.ts";

export interface PruneOptions {
  force?: boolean | undefined;
  discard?: boolean | undefined;
}

export async function prune(
  context: Context,
  { force, discard }: PruneOptions,
): Promise<ExitStatus> {
  const { output } = context;
  const store = await context.store();
  const { spared, refusal } = force ? await removeWorktrees(context, discard === true) : NOTHING;
  const orphans = force ? await store.deleteOrphans(spared) : await store.orphans();
  const rows = orphans.map((it) => [it.file, it.ref ?? "?", it.opencodeSession ?? "-"]);
  const text = rows.length === 0
    ? ""
    : await output.table(["FILE", "ISSUE_REF", "SESSION_ID"], rows);
  output.result({ deleted: force === true, orphans: orphans.map(toJson) }, text);
  output.note(verdict(orphans.length, force === true));
  if (refusal) throw refusal;
  return EXIT.ok;
}

const NOTHING = { spared: [] as string[], refusal: undefined };

/** First the worktrees. A file whose worktree may not go stays, and the first reason is told at the end. */
async function removeWorktrees(context: Context, discard: boolean) {
  const spared: string[] = [];
  let refusal: KugetsuError | undefined;
  for (const { file, ref, worktree } of await (await context.store()).orphans()) {
    if (!worktree) continue;
    const what = `delete ${JSON.stringify(file)} (${ref ?? "of no issue"})`;
    try {
      const next = "kugetsu prune --force --discard";
      await removeWorktree(context, worktree, { what, next, discard });
    } catch (error) {
      if (!(error instanceof KugetsuError)) throw error;
      spared.push(file);
      refusal ??= error;
    }
  }
  return { spared, refusal };
}

function toJson({ file, ref, opencodeSession, worktree }: Orphan) {
  const shown = { file, issue_ref: ref ?? null, opencode_session_id: opencodeSession ?? null };
  return worktree ? { ...shown, worktree } : shown;
}

function verdict(count: number, deleted: boolean): string {
  if (count === 0) return "No session file is without an entry in the index.";
  const files = count === 1 ? "1 session file" : `${count} session files`;
  return deleted
    ? `Deleted ${files}.`
    : `${files} not in the index. Delete with: kugetsu prune --force`;
}

export function pruneCommand(host: Host) {
  return newCommand("prune", "list session files that are not in the index, or delete them", [
    "kugetsu prune",
    "kugetsu prune --force",
  ])
    .option("--force", "delete them")
    .option("--discard", "delete worktrees too that have something that is nowhere else")
    .action((options) => host.run("prune", options, (context) => prune(context, options)));
}
