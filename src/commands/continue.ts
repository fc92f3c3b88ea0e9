/** `kugetsu continue`: the next turn of an issue's session. */
import type { Host } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import { formatRef, type IssueRef } from "../session/ref.ts";
import type { Context } from "./context.ts";
import { readMessage } from "./message.ts";
import { submissionOf, submitTurn } from "./submit.ts";
import { resolveRef } from "./target.ts";
import { type IssueFlags, newsFor, type Task, taskFor } from "./task.ts";
import { newTurnCommand, type TurnFlags } from "./turn_flags.ts";

export interface ContinueOptions extends TurnFlags, IssueFlags {
  sync?: true | undefined;
  queue?: true | undefined;
  messageFile?: string | undefined;
}

const GO_ON = "Continue where you left off.";

export async function continueSession(
  context: Context,
  typed: string,
  argument: string | undefined,
  options: ContinueOptions,
): Promise<ExitStatus> {
  if (options.sync && options.withIssue) {
    throw errors.usage("Cannot send the whole issue and only what is new: --with-issue or --sync");
  }
  const ref = await resolveRef(context, typed);
  const submission = await submissionOf(context, "continue", ref, options);
  const message = await readMessage(context, { argument, file: options.messageFile });
  const task = await continueTask(context, ref, message, options);
  if (task) {
    const { queue } = options;
    return await submitTurn(context, { ...submission, ...task, queue }, options);
  }
  const key = formatRef(ref);
  context.output.result({ issue_ref: key, new_comments: 0 }, "");
  context.output.note(`There is no new comment on ${key} since its last turn.`);
  return EXIT.ok;
}

/** What the turn is told; undefined if only news was asked for and there is none. */
async function continueTask(
  context: Context,
  ref: IssueRef,
  message: string | undefined,
  options: ContinueOptions,
): Promise<Task | undefined> {
  if (!options.sync) return await taskFor(context, ref, message ?? GO_ON, options);
  const store = await context.store();
  const record = (await store.find(ref))?.record;
  if (!record) throw errors.noSession(formatRef(ref));
  const since = record.last_turn?.started_at ?? record.created_at;
  return await newsFor(context, ref, message, { ...options, since });
}

export function continueCommand(host: Host) {
  return newTurnCommand("continue", "go on with an issue's session", [
    'kugetsu continue github.com/shoko/kugetsu#14 "add tests"',
    "kugetsu continue 14",
    'kugetsu continue 14 -d --queue "then add a test"',
    "kugetsu continue 14 --sync        # send the comments that are new",
  ])
    .option("--queue", "while a turn runs, wait for its end instead of being refused")
    .option("--sync", "send the comments that are new since the last turn, and nothing if none is")
    .argument("<ref>", "the issue: instance/user/repo#number, its web address, or its number")
    .argument("[message]", `what to do (- for standard input; default: "${GO_ON}")`)
    .action((ref, message, options) =>
      host.run("continue", options, (context) => continueSession(context, ref, message, options))
    );
}
