/** The message of a turn: an argument, standard input (`-`), or a file. It reaches the agent byte for byte. */
import { errors } from "../errors.ts";
import type { Context } from "./context.ts";

export interface MessageSource {
  /** As typed; `-` is standard input. */
  argument: string | undefined;
  file: string | undefined;
}

/** What stands for bytes that are no text. */
const REPLACED = "\ufffd";

/** The message, or undefined when none was given. @throws usage, empty-message, no-text, too-much-text, unreadable-file */
export async function readMessage(
  context: Context,
  { argument, file }: MessageSource,
): Promise<string | undefined> {
  if (argument !== undefined && file !== undefined) {
    throw errors.usage("Cannot take the message twice: both MESSAGE and --message-file were given");
  }
  if (argument === undefined && file === undefined) return undefined;
  if (argument?.includes(REPLACED) && !await context.argumentsAreText()) {
    throw errors.noText("the message");
  }
  const fromInput = argument === "-" || file === "-";
  const message = fromInput
    ? await context.readInput()
    : file !== undefined
    ? await context.readFile(file)
    : argument!;
  if (message.trim() === "") {
    const what = fromInput ? "standard input" : file !== undefined ? `"${file}"` : "the message";
    throw errors.emptyMessage(what);
  }
  return message;
}
