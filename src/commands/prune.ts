/** `kugetsu prune`: session files that no index entry points to. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import type { Orphan } from "../store/mod.ts";
import type { Context } from "./context.ts";

export interface PruneOptions {
  force?: boolean | undefined;
}

export async function prune(context: Context, { force }: PruneOptions): Promise<ExitStatus> {
  const { output } = context;
  const store = await context.store();
  const orphans = force ? await store.deleteOrphans() : await store.orphans();
  const rows = orphans.map((it) => [it.file, it.ref ?? "?", it.opencodeSession ?? "-"]);
  const text = rows.length === 0
    ? ""
    : await output.table(["FILE", "ISSUE_REF", "SESSION_ID"], rows);
  output.result({ deleted: force === true, orphans: orphans.map(toJson) }, text);
  output.note(verdict(orphans.length, force === true));
  return EXIT.ok;
}

function toJson({ file, ref, opencodeSession }: Orphan) {
  return { file, issue_ref: ref ?? null, opencode_session_id: opencodeSession ?? null };
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
    .action((options) => host.run("prune", options, (context) => prune(context, options)));
}
