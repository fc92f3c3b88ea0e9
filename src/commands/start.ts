/** `kugetsu start`: a new session for an issue, forked from the base, and its first turn. */
import { Option } from "@commander-js/extra-typings";
import type { Host } from "./define.ts";
import { errors, type ExitStatus } from "../errors.ts";
import type { IssueRef } from "../session/ref.ts";
import { chooseBase } from "./base.ts";
import type { Context } from "./context.ts";
import { readMessage } from "./message.ts";
import { submissionOf, submitTurn } from "./submit.ts";
import { resolveRef } from "./target.ts";
import { type IssueFlags, needsMessage, type Task, taskFor } from "./task.ts";
import { newTurnCommand, type TurnFlags } from "./turn_flags.ts";

export interface StartOptions extends TurnFlags, IssueFlags {
  messageFile?: string | undefined;
}

export async function start(
  context: Context,
  typed: string,
  argument: string | undefined,
  options: StartOptions,
): Promise<ExitStatus> {
  if (options.shared && (options.worktree || options.from !== undefined)) {
    throw errors.usage("Cannot work in the shared folder and in a worktree: --shared stands alone");
  }
  const ref = await resolveRef(context, typed);
  // The time of before the issue is read: whatever is said there from now on is new to a later --sync.
  const submission = await submissionOf(context, "start", ref, options);
  const message = await readMessage(context, { argument, file: options.messageFile });
  // Asked again when the turn is handed in; what is wrong with it is said before a forge is asked.
  await chooseBase(context, ref, options.base);
  const task = await startTask(context, ref, typed, message, options);
  return await submitTurn(context, { ...submission, ...task }, options);
}

async function startTask(
  context: Context,
  ref: IssueRef,
  typed: string,
  message: string | undefined,
  options: StartOptions,
): Promise<Task> {
  try {
    return await taskFor(context, ref, message, options);
  } catch (error) {
    if (message !== undefined) throw error;
    throw needsMessage(error, `kugetsu start ${JSON.stringify(typed)} "what to do"`);
  }
}

export function startCommand(host: Host) {
  return newTurnCommand("start", "begin work on an issue, in a session forked from the base", [
    'kugetsu start github.com/shoko/kugetsu#14 "fix the login"',
    "kugetsu start github.com/shoko/kugetsu#14   # the issue itself is the task",
    "kugetsu start 14 --message-file task.md   # 14 of this repository's origin",
    "git log -1 | kugetsu start github.com/shoko/kugetsu#14 -",
    'kugetsu start -d 14 "fix the login"   # returns at once',
  ])
    .argument("<ref>", "the issue: instance/user/repo#number, its web address, or its number")
    .argument("[message]", "what to do (- for standard input; default: what the issue says)")
    .option("--worktree", "work in a worktree of the issue's own, on a branch of its own")
    .option("--shared", "work in the base's folder itself")
    .option("--from <revision>", "the commit that the worktree begins at")
    .addOption(
      new Option("--base <which>", "fork the default base, whatever it is a clone of")
        .choices(["default"]),
    )
    .action((ref, message, options) =>
      host.run("start", options, (context) => start(context, ref, message, options))
    );
}
