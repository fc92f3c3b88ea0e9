/** `kugetsu gc`: clears what is over: worktrees whose branch is merged, and what is old of what was said and done. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus, KugetsuError } from "../errors.ts";
import type { Worktree } from "../session/record.ts";
import type { Context } from "./context.ts";
import { clearTraces } from "./gc_traces.ts";
import { demandSaved, removeWorktree } from "./removal.ts";

export interface GcOptions {
  dryRun?: boolean | undefined;
}

interface Merged {
  key: string;
  worktree: Worktree;
}

/** What became of one, and why it stays if it does. */
interface Line {
  issue_ref: string;
  worktree: string;
  cleared: boolean;
  why?: string;
}

export async function gc(context: Context, { dryRun = false }: GcOptions): Promise<ExitStatus> {
  const { output } = context;
  const worktrees: Line[] = [];
  for (const merged of await mergedWorktrees(context)) {
    worktrees.push(await clear(context, merged, dryRun));
  }
  const { traces, logs } = await clearTraces(context, dryRun);
  const all = [
    ...worktrees.map((it) => ({ ...it, what: it.worktree })),
    ...traces.map((it) => ({ ...it, what: "what was said and done" })),
    ...logs.map((it) => ({ ...it, issue_ref: "", what: it.log })),
  ];
  const rows = all.map((it) => [it.issue_ref, it.what, it.why ?? (dryRun ? "would go" : "gone")]);
  const table = rows.length === 0 ? "" : await output.table(["ISSUE_REF", "WHAT", "RESULT"], rows);
  output.result({ dry_run: dryRun, worktrees, traces, logs }, table);
  if (rows.length === 0) output.note("There is nothing to clear.");
  return all.every((it) => it.cleared || dryRun) ? EXIT.ok : EXIT.refused;
}

/** Those of issues that nobody works on. */
async function mergedWorktrees(context: Context): Promise<Merged[]> {
  const [store, workspace] = await Promise.all([context.store(), context.workspace()]);
  const { sessions } = await store.list();
  const bases = await store.bases();
  const found: Merged[] = [];
  for (const { key, record, holder } of sessions) {
    const worktree = record?.worktree;
    if (!worktree || holder || (await workspace.standing(worktree)).kind !== "present") continue;
    const base = bases.find((it) => key.startsWith(`${it.repository}#`)) ?? bases[0];
    if (await workspace.isMerged(worktree, base?.branch)) found.push({ key, worktree });
  }
  return found;
}

/** The session stays, and `continue` makes the worktree again. */
async function clear(
  context: Context,
  { key, worktree }: Merged,
  dryRun: boolean,
): Promise<Line> {
  const line = { issue_ref: key, worktree: worktree.path };
  const next = `kugetsu destroy ${JSON.stringify(key)} --discard`;
  const options = { what: `clear the worktree of ${key}`, next, discard: false };
  try {
    if (dryRun) {
      await demandSaved(context, worktree, options);
      return { ...line, cleared: false };
    }
    const store = await context.store();
    const hold = await store.hold(key);
    try {
      await removeWorktree(context, worktree, options);
    } finally {
      await hold.release();
    }
    return { ...line, cleared: true };
  } catch (error) {
    if (!(error instanceof KugetsuError)) throw error;
    const details = error.details?.length ? ` (${error.details.join("; ")})` : "";
    return { ...line, cleared: false, why: `${error.message}${details}` };
  }
}

export function gcCommand(host: Host) {
  return newCommand("gc", "clear merged worktrees, and old transcripts and logs", [
    "kugetsu gc --dry-run",
    "kugetsu gc",
  ])
    .option("--dry-run", "only show what would be cleared")
    .action((options) => host.run("gc", options, (context) => gc(context, options)));
}
