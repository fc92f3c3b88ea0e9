/** What doctor finds in the worktrees' folder. */
import { KugetsuError } from "../errors.ts";
import { parseRef } from "../session/ref.ts";
import type { Stray } from "../workspace/mod.ts";
import { attempt, type Line } from "./checks.ts";
import type { Context } from "./context.ts";

/** What lies in the worktrees' folder and is no session's, and worktrees whose repository is gone. */
export function checkWorktrees(context: Context, fix: boolean): Promise<Line[]> {
  return attempt("worktrees", async () => {
    const [store, workspace] = await Promise.all([context.store(), context.workspace()]);
    const { sessions } = await store.list();
    const used = sessions.flatMap(({ key, record }) =>
      record?.worktree ? [{ key, worktree: record.worktree }] : []
    );
    const lines: Line[] = [];
    for (const stray of await workspace.strays(used.map((it) => it.worktree))) {
      lines.push(...await strayLines(context, stray, fix));
    }
    for (const { key, worktree } of used) {
      const { kind, why, remedy } = await workspace.standing(worktree);
      if (kind !== "foreign") continue;
      const text = `${key}: its worktree "${worktree.path}" cannot be used: ${why}`;
      // What gives up the work in it is not the first thing to be run.
      const hint = `${remedy}; kugetsu destroy ${JSON.stringify(key)} --discard gives it up`;
      lines.push({ check: "worktrees", ok: false, text, hint });
    }
    return lines;
  });
}

const STRAYS: Record<Stray["kind"], [what: string, repair: string]> = {
  "half-made": ["its making was cut off", "take it back"],
  unclaimed: ["it belongs to no session", "remove it if nothing would be lost"],
  unknown: ["nobody knows what it is", "look, and delete it yourself"],
  waste: ["its removal was cut off", "finish that"],
};

/** A start that is under way holds its issue, and its worktree is none of ours. */
async function strayLines(context: Context, stray: Stray, fix: boolean): Promise<Line[]> {
  const [what, repair] = STRAYS[stray.kind];
  const hold = stray.ref && await holdOf(context, stray.ref);
  if (stray.ref && !hold) return [];
  try {
    const cleared = fix && await (await context.workspace()).clearStray(stray);
    const text = `${stray.path}: ${what}; ${cleared ? "repaired: " : "repair: "}${repair}`;
    // What is not ours to delete, or would be lost, harms nothing while it lies there.
    const ok = cleared || stray.kind === "unknown" || (fix && stray.kind === "unclaimed");
    const next = ok ? {} : { next: "kugetsu doctor --fix" };
    return [{ check: "worktrees", ok, text, ...next, ...(cleared ? { repaired: true } : {}) }];
  } finally {
    if (hold) await hold.release();
  }
}

/** The hold of an issue without a session; undefined where somebody has it, or it has one by now. */
async function holdOf(context: Context, ref: string) {
  const store = await context.store();
  try {
    return await store.claim(parseRef(ref));
  } catch (error) {
    if (error instanceof KugetsuError) return undefined;
    throw error;
  }
}

/** Deletes what somebody was killed in the midst of deleting. */
export async function clearWaste(context: Context): Promise<void> {
  const workspace = await context.workspace();
  for (const stray of await workspace.strays([])) {
    if (stray.kind === "waste") await workspace.clearStray(stray);
  }
}
