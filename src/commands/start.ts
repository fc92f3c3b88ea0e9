/** `kugetsu start`: a new session for an issue, forked from the base, and its first turn. */
import { Option } from "@commander-js/extra-typings";
import type { Host } from "./define.ts";
import { errors, type ExitStatus } from "../errors.ts";
import type { Context } from "./context.ts";
import { readMessage } from "./message.ts";
import { startList } from "./start_list.ts";
import { startSubmission } from "./start_task.ts";
import { submitTurn } from "./submit.ts";
import { resolveRef } from "./target.ts";
import type { IssueFlags } from "./task.ts";
import { newTurnCommand, type TurnFlags } from "./turn_flags.ts";

export interface StartOptions extends TurnFlags, IssueFlags {
  messageFile?: string | undefined;
  refsFrom?: string | undefined;
}

/** With `refsFrom` the list has the refs, and the first argument is the message. */
export async function start(
  context: Context,
  first: string | undefined,
  second: string | undefined,
  options: StartOptions,
): Promise<ExitStatus> {
  const { shared, worktree, from, refsFrom } = options;
  if (shared && (worktree || from !== undefined)) {
    throw errors.usage("Cannot work in the shared folder and in a worktree: --shared stands alone");
  }
  if (refsFrom === undefined) return await startOne(context, first, second, options);
  if (second === undefined) return await startList(context, first, { ...options, refsFrom });
  throw errors.usage(
    "Cannot take a REF and a list of them: with --refs-from only a MESSAGE follows",
  );
}

async function startOne(
  context: Context,
  typed: string | undefined,
  argument: string | undefined,
  options: StartOptions,
): Promise<ExitStatus> {
  if (typed === undefined) {
    throw errors.usage("Cannot tell what to start: give a REF, or --refs-from", {
      next: "kugetsu start --help",
    });
  }
  const ref = await resolveRef(context, typed);
  const message = () => readMessage(context, { argument, file: options.messageFile });
  const submission = await startSubmission(context, ref, typed, message, options);
  return await submitTurn(context, submission, options);
}

export function startCommand(host: Host) {
  return newTurnCommand("start", "begin work on an issue, in a session forked from the base", [
    'kugetsu start github.com/shoko/kugetsu#14 "fix the login"',
    "kugetsu start github.com/shoko/kugetsu#14   # the issue itself is the task",
    "kugetsu start 14 --message-file task.md   # 14 of this repository's origin",
    "git log -1 | kugetsu start github.com/shoko/kugetsu#14 -",
    'kugetsu start -d 14 "fix the login"   # returns at once',
    'kugetsu start --refs-from refs.txt "fix {ref}"',
  ])
    .argument("[ref]", "the issue: instance/user/repo#number, its web address, or its number")
    .argument("[message]", "what to do (- for standard input; default: what the issue says)")
    .option(
      "--refs-from <file>",
      "start every issue of a list (- for standard input) and return; in MESSAGE, {ref} and {number} are the issue's",
    )
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
