/** Where the plugins' hooks come in. Without plugins nothing is loaded for them. */
import type { HookContext, Issue, IssueRef, Outcome as ToldOutcome } from "../api/mod.ts";
import type { TurnResult } from "../runner/mod.ts";
import { explain } from "../session/outcome.ts";
import { refOfKey } from "../session/ref.ts";
import type { SessionRecord } from "../session/record.ts";
import type { Context } from "./context.ts";

/** What hooks are told of a turn, and may change in it. */
export interface HookedTurn {
  ref: IssueRef;
  issue?: Issue | undefined;
  turn: { kind: "start" | "continue" };
  directory: string;
  message: string;
  model: string | undefined;
  agent: string | undefined;
}

/** Lets the plugins come up while the command does what comes before their hook. */
export function warmHooks(context: Context, kind: HookedTurn["turn"]["kind"]): void {
  // Whatever is wrong is said when the hook runs.
  if (context.hasPlugins()) context.plugins().then((it) => it.warm(`pre-${kind}`)).catch(() => {});
}

/** The turn as the plugins want it. @throws plugin-refused, hook-failed */
export async function beforeTurn<T extends HookedTurn>(
  context: Context,
  plan: T,
  record: SessionRecord | undefined,
): Promise<T> {
  if (!context.hasPlugins()) return plan;
  const plugins = await context.plugins();
  const { message, model, agent } = plan;
  const given = without({ ...about(plan, record), message, model, agent });
  return { ...plan, ...await plugins.before(`pre-${plan.turn.kind}`, given) };
}

/** Tells the plugins how it ended. Never throws for what they do. */
export async function afterTurn(
  context: Context,
  plan: HookedTurn,
  record: SessionRecord | undefined,
  result: TurnResult,
): Promise<void> {
  if (!context.hasPlugins()) return;
  const plugins = await context.plugins();
  const { message } = plan;
  const given = { ...about(plan, record), message, outcome: toldOutcome(result) };
  await plugins.after("outcome", given);
  await plugins.after(`post-${plan.turn.kind}`, given);
}

/**
 * Runs work that takes a session away, between its two hooks. A key that an older tool wrote and that is no ref names
 * nothing that a plugin could know. @throws plugin-refused
 */
export async function aroundDestroy<T>(
  context: Context,
  key: string,
  record: SessionRecord | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const ref = context.hasPlugins() ? refOfKey(key) : undefined;
  if (!ref) return await work();
  const plugins = await context.plugins();
  const given = about({ ref, directory: record?.directory }, record);
  await plugins.before("pre-destroy", given);
  const result = await work();
  await plugins.after("post-destroy", given);
  return result;
}

type About = Pick<HookContext, "ref" | "record" | "folder" | "issue">;

function about(
  { ref, issue, directory: folder }: Partial<HookedTurn> & { ref: IssueRef },
  record: SessionRecord | undefined,
): About {
  return without({ ref, record: record ? { ...record } : null, folder, issue });
}

function toldOutcome({ outcome, text }: TurnResult): ToldOutcome {
  return without({ kind: outcome.kind, detail: explain(outcome) || undefined, text });
}

/** What is undefined is left out, as it is when it has gone through a pipe. */
function without<T extends object>(
  it: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(it).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
