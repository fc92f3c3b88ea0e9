/** `kugetsu stop`: ends turns, with every process that they started. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import { foldRef } from "../session/ref.ts";
import type { Context } from "./context.ts";
import { readStatuses } from "./issue_status.ts";
import { resolveKeys } from "./target.ts";

export interface StopOptions {
  all?: boolean | undefined;
}

export async function stop(
  context: Context,
  typed: string[],
  { all }: StopOptions,
): Promise<ExitStatus> {
  if (all && typed.length > 0) throw errors.usage("Cannot stop all and some: give REFs or --all");
  if (!all && typed.length === 0) {
    throw errors.usage("Cannot tell what to stop: give a REF, or --all", "kugetsu status");
  }
  const { output } = context;
  const keys = await resolveKeys(context, typed);
  const supervisor = await context.supervisor();
  // What was cut off would be taken up by the next one.
  await supervisor.wake();
  const stopped = await supervisor.stop(all ? "all" : keys, "SIGTERM");
  const has = new Set(stopped.map((it) => foldRef(it.key)));
  // Asked afterwards: a start that a plugin has yet to agree to is on no record.
  const others = keys.filter((it) => !has.has(foldRef(it)));
  const idle = (await readStatuses(context, others)).map((it) => it.issue_ref);
  const lines = stopped.map((it) => `${output.visible(it.key)}\n`).join("");
  output.result({
    stopped: stopped.map(({ key, left, dropped = 0 }) => ({ issue_ref: key, left, dropped })),
    not_running: idle,
  }, lines);
  for (const key of idle) output.note(`${key} has no turn that runs or waits.`);
  if (all && stopped.length === 0) output.note("No turn runs or waits.");
  else if (stopped.length > 0) {
    output.note(`Stopped ${stopped.length === 1 ? "1 turn" : `${stopped.length} turns`}.`);
  }
  for (const { key, dropped = 0 } of stopped) {
    if (dropped === 0) continue;
    const what = dropped === 1 ? "A message" : `${dropped} messages`;
    const logs = `kugetsu logs ${JSON.stringify(key)}`;
    output.note(`${what} that waited on ${key} will not run; to read what was said: ${logs}`);
  }
  const stuck = stopped.filter((it) => it.left.length > 0);
  if (stuck.length > 0) {
    throw errors.wouldNotDie(
      stuck.map((it) => it.key),
      stuck.flatMap((it) => it.left),
    );
  }
  return EXIT.ok;
}

export function stopCommand(host: Host) {
  return newCommand("stop", "end turns, with every process that they started", [
    "kugetsu stop github.com/shoko/kugetsu#14",
    "kugetsu stop 14 15",
    "kugetsu stop --all",
  ])
    .argument("[refs...]", "the issues")
    .option("--all", "every turn that runs or waits for its place")
    .action((refs, options) =>
      host.run("stop", options, (context) => stop(context, refs, options))
    );
}
