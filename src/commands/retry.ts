/** `kugetsu retry`: runs the last message of an issue again, as it was, after a turn that did not end well. */
import { type Host, newCommand } from "./define.ts";
import { errors, type ExitStatus } from "../errors.ts";
import { formatRef } from "../session/ref.ts";
import type { Context } from "./context.ts";
import { submitTurn } from "./submit.ts";
import { resolveRef } from "./target.ts";

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
  const { key: _, queue: __, ...last } = kept.last;
  return await submitTurn(context, {
    ...last,
    id: context.newId(),
    kind: session ? "continue" : "start",
    started_at: context.now(),
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
