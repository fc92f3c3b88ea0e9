/** What a start hands to the supervisor, whether one issue is begun or a list of them. */
import type { IssueRef } from "../session/ref.ts";
import type { Submission } from "../supervisor/mod.ts";
import { chooseBase } from "./base.ts";
import type { Context } from "./context.ts";
import { submissionOf } from "./submit.ts";
import { type IssueFlags, needsMessage, type Task, taskFor } from "./task.ts";
import type { TurnFlags } from "./turn_flags.ts";

/** `message` is asked for once the settings were found right, and before a forge is asked. */
export async function startSubmission(
  context: Context,
  ref: IssueRef,
  typed: string,
  message: () => Promise<string | undefined>,
  options: TurnFlags & IssueFlags,
): Promise<Submission> {
  // The time of before the issue is read: whatever is said there from now on is new to a later --sync.
  const submission = await submissionOf(context, "start", ref, options);
  const text = await message();
  // Asked again when the turn is handed in; what is wrong with it is said before a forge is asked.
  await chooseBase(context, ref, options.base, context.output.note);
  return { ...submission, ...await startTask(context, ref, typed, text, options) };
}

async function startTask(
  context: Context,
  ref: IssueRef,
  typed: string,
  message: string | undefined,
  options: IssueFlags,
): Promise<Task> {
  try {
    return await taskFor(context, ref, message, options);
  } catch (error) {
    if (message !== undefined) throw error;
    throw needsMessage(error, ref.host, `kugetsu start ${JSON.stringify(typed)} "what to do"`);
  }
}
