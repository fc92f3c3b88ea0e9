/** The part of `kugetsu gc` that goes by age: transcripts, messages and logs of what is over. */
import { KugetsuError } from "../errors.ts";
import { isActive } from "../session/state.ts";
import type { Trace, Traces } from "../supervisor/mod.ts";
import type { Context } from "./context.ts";

/** What became of one, and why it stays if it does. `issue_ref` is the name in files where nothing says more. */
interface Cleared {
  cleared: boolean;
  why?: string;
}

export interface ClearedTraces {
  traces: (Cleared & { issue_ref: string })[];
  logs: (Cleared & { log: string })[];
}

export async function clearTraces(context: Context, dryRun: boolean): Promise<ClearedTraces> {
  const [traces, config] = await Promise.all([context.traces(), context.config()]);
  const before = context.clock() - config.clearingAge() * 1000;
  const isOld = ({ changed }: { changed: number }) => changed < before;
  const known = await knownIssues(context);
  const told: ClearedTraces["traces"] = [];
  for (const trace of traces.issues().filter(isOld)) {
    const issue = known.get(trace.name) ?? { key: trace.key, isOver: true };
    if ((trace.isOpen && !trace.why) || !issue.isOver) continue;
    const line = { issue_ref: issue.key ?? trace.name };
    told.push({ ...line, ...await clear(context, traces, { ...trace, key: issue.key }, dryRun) });
  }
  const logs = traces.logs().filter(isOld).map(({ path }) => {
    if (!dryRun) traces.removeLog(path);
    return { log: path, cleared: !dryRun };
  });
  return { traces: told, logs };
}

/** Those of the index, by their name in files, and whether nobody works on them. */
async function knownIssues(context: Context) {
  const store = await context.store();
  const { sessions } = await store.list();
  const entries = await Promise.all(sessions.map(async ({ key, record, holder }) => {
    const isOver = !holder && record !== undefined && !isActive(record);
    return [await store.nameOf(key), { key, isOver }] as const;
  }));
  return new Map<string, { key: string | undefined; isOver: boolean }>(entries);
}

/** With the turn lock, so that no turn begins meanwhile; what has no name of an issue has no turn either. */
async function clear(
  context: Context,
  traces: Traces,
  { name, key, why }: Trace,
  dryRun: boolean,
): Promise<Cleared> {
  if (why !== undefined) return { cleared: false, why };
  if (dryRun) return { cleared: false };
  try {
    const store = await context.store();
    const hold = key === undefined ? undefined : await store.resume(key);
    try {
      traces.remove(name);
    } finally {
      await hold?.release();
    }
    return { cleared: true };
  } catch (error) {
    if (!(error instanceof KugetsuError)) throw error;
    return { cleared: false, why: error.message };
  }
}
