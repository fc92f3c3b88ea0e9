/** `kugetsu logs`: what was said and done in all turns of an issue. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { Line } from "../supervisor/mod.ts";
import type { Context } from "./context.ts";
import { LogText } from "./log_text.ts";
import { momentOf } from "./moment.ts";
import { stoppedBy } from "./status.ts";
import { resolveKey } from "./target.ts";
import { wake } from "./wake.ts";

export interface LogsOptions {
  follow?: boolean | undefined;
  since?: string | undefined;
}

export async function logs(
  context: Context,
  typed: string,
  { follow, since }: LogsOptions,
): Promise<ExitStatus> {
  const { output } = context;
  const from = since === undefined ? -Infinity : momentOf(since, context.now());
  const key = await resolveKey(context, typed);
  await wake(context);
  const kept = await (await context.traces()).transcript(key);
  if (kept.length === 0) await demandKnown(context, key);
  const text = new LogText();
  const show = (line: Line) => {
    if (Date.parse(line.time) < from) return;
    if (output.json) output.write(`${JSON.stringify(line)}\n`);
    else for (const it of text.linesFor(line)) output.write(`${output.visible(it)}\n`);
  };
  if (!follow) {
    for (const line of kept) if (!output.isClosed) show(line);
    if (kept.length === 0) output.note(`Nothing is on record of ${key}.`);
    return EXIT.ok;
  }
  const supervisor = await context.supervisor();
  return await context.untilStopped(async (signal) => {
    for await (const line of supervisor.follow({ key }, signal)) {
      show(line);
      if (output.isClosed) return EXIT.ok;
    }
    return stoppedBy(signal);
  }, { quiet: true });
}

/** @throws no-session for an issue of which there is nothing at all */
async function demandKnown(context: Context, key: string): Promise<void> {
  const [store, traces] = await Promise.all([context.store(), context.traces()]);
  if (await store.find(key) || await traces.kept(key)) return;
  throw errors.noSession(key);
}

export function logsCommand(host: Host) {
  return newCommand("logs", "show what was said and done in all turns of an issue", [
    "kugetsu logs github.com/shoko/kugetsu#14",
    "kugetsu logs 14 -f",
    "kugetsu logs 14 --since 10m --json   # one JSON object a line",
  ])
    .argument("<ref>", "the issue")
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .option("--since <time>", "only from then on: 10m, 18:03, or 2026-11-22T18:03")
    .action((ref, options) => host.run("logs", options, (context) => logs(context, ref, options)));
}
