/** `kugetsu retry`: runs the last message of an issue again, with its flags, after a turn that did not end well. */
import { type Host, newCommand } from "./define.ts";
import { errors, type ExitStatus } from "../errors.ts";
import { formatRef } from "../session/ref.ts";
import type { Context } from "./context.ts";
import { submitTurn } from "./submit.ts";
import { resolveRef } from "./target.ts";
import { turnSettings } from "./turn_flags.ts";

export interface RetryOptions {
  detach?: boolean | undefined;
  force?: boolean | undefined;
}

export async function retry(
  context: Context,
  typed: string,
  options: RetryOptions,
): Promise<ExitStatus> {
  const ref = await resolveRef(context, typed);
  const key = formatRef(ref);
  const [store, traces] = await Promise.all([context.store(), context.traces()]);
  const [kept, session] = await Promise.all([traces.kept(key), store.find(ref)]);
  if (!kept && !session) throw errors.noSession(key);
  if (kept && kept.accepted.length > 0) throw errors.turnRunning(key, "the supervisor");
  if (!kept?.last) throw errors.nothingToRetry(session?.key ?? key);
  if (!kept.failure && !options.force) throw errors.alreadyDone(kept.key);
  // A key names one turn, and this is another.
  const { key: _, queue: __, debug: ___, ...last } = kept.last;
  // What has been set right since is used: how a worktree is got ready, and how many turns run at once.
  const { caps, worktree: { copy, setup, setupSeconds } } = await turnSettings(context, {});
  return await submitTurn(context, {
    ...last,
    caps,
    place: { ...last.place, copy, setup, setupSeconds },
    id: context.newId(),
    kind: session ? "continue" : "start",
    started_at: new Date(context.clock()).toISOString(),
    ...(context.output.debugs ? { debug: true } : {}),
  }, options);
}

export function retryCommand(host: Host) {
  return newCommand("retry", "run the last message again, as it was, after a failure", [
    "kugetsu retry github.com/shoko/kugetsu#14",
    "kugetsu retry 14 -d",
  ])
    .argument("<ref>", "the issue")
    .option("-d, --detach", "return as soon as the turn is accepted; it runs all the same")
    .option("--force", "also after a turn that is done")
    .action((ref, options) =>
      host.run("retry", options, (context) => retry(context, ref, options))
    );
}
