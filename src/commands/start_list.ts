/** `kugetsu start --refs-from`: begins a list of issues with one message, and says of each what became of it. */
import { type ErrorParts, errors, EXIT, type ExitStatus, partsOf } from "../errors.ts";
import { formatRef, type IssueRef } from "../session/ref.ts";
import type { Context } from "./context.ts";
import { readMessage } from "./message.ts";
import { startSubmission } from "./start_task.ts";
import { resolveRef } from "./target.ts";
import type { IssueFlags } from "./task.ts";
import { type TurnFlags, turnSettings } from "./turn_flags.ts";

export interface ListOptions extends TurnFlags, IssueFlags {
  refsFrom: string;
  messageFile?: string | undefined;
}

/** What became of a line of the list. */
type Begun =
  | { ref: string; issue_ref: string; turn: string; ahead: number; again: boolean; exit: 0 }
  | { ref: string; exit: ExitStatus; error: Pick<ErrorParts, "code" | "message" | "next"> };

/** Handed in at a time: enough to keep git and the forge busy, and few connections however long the list is. */
const AT_ONCE = 6;

/** @returns the highest exit status of all */
export async function startList(
  context: Context,
  argument: string | undefined,
  options: ListOptions,
): Promise<ExitStatus> {
  const { output } = context;
  const file = options.messageFile;
  if (options.refsFrom === "-" && (argument === "-" || file === "-")) {
    throw errors.usage("Cannot read both the refs and the message from standard input");
  }
  const lines = refsIn(await textOf(context, options.refsFrom));
  if (lines.length === 0) {
    throw errors.usage(`Cannot start a list: there is no ref in "${options.refsFrom}"`, {
      hint: "write one a line, such as github.com/shoko/kugetsu#14",
    });
  }
  // What is wrong with the flags or the settings is wrong for every line: it is said once, and nothing begins.
  await turnSettings(context, options);
  const message = await readMessage(context, { argument, file });
  const list = new List(context, message, options);
  const begun = await context.untilStopped((signal) => list.start(lines, signal));
  output.result(begun, "");
  return begun.reduce<ExitStatus>((worst, { exit }) => exit > worst ? exit : worst, EXIT.ok);
}

function textOf(context: Context, file: string): Promise<string> {
  return file === "-" ? context.readInput() : context.readFile(file);
}

/** One ref a line. A `#` begins a comment unless it is part of a ref: `#14` and `user/repo#14` are. */
export function refsIn(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.replace(/(?:^|\s)\s*#(?!\d+\s*$).*$/, "").trim())
    .filter((line) => line !== "");
}

/** The message for one issue. */
export function messageFor(message: string, ref: IssueRef): string {
  return message.replaceAll("{ref}", formatRef(ref)).replaceAll("{number}", `${ref.number}`);
}

class List {
  readonly #context: Context;
  readonly #message: string | undefined;
  readonly #options: ListOptions;
  readonly #seen = new Set<string>();

  constructor(context: Context, message: string | undefined, options: ListOptions) {
    this.#context = context;
    this.#message = message;
    this.#options = options;
  }

  /** In the order of the list, several at a time. @throws supervisor-failed, stopped */
  async start(lines: string[], signal: AbortSignal): Promise<Begun[]> {
    const begun: (Begun | undefined)[] = [];
    let next = 0;
    let failure: unknown;
    const work = async () => {
      while (next < lines.length && !signal.aborted && failure === undefined) {
        const at = next++;
        try {
          begun[at] = await this.#one(lines[at]!);
        } catch (error) {
          failure ??= error;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (failure !== undefined) throw failure;
    if (next < lines.length) {
      throw errors.stopped(`start the last ${lines.length - next} of the list`, signal.reason);
    }
    return begun.filter((it) => it !== undefined);
  }

  /** Undefined for an issue that stands further up too. */
  async #one(typed: string): Promise<Begun | undefined> {
    const { output } = this.#context;
    try {
      const ref = await resolveRef(this.#context, typed);
      const key = formatRef(ref);
      if (this.#seen.has(key)) return void output.note(`${key} stands twice in the list.`);
      this.#seen.add(key);
      return await this.#submit(ref, typed);
    } catch (error) {
      const { code, exit, message, next } = partsOf(error);
      // Nothing of the list could be handed in then.
      if (code === "supervisor-failed") throw error;
      if (!output.json) output.warn(`${message}${next ? `; try: ${next}` : ""}`);
      return { ref: typed, exit, error: { code, message, next } };
    }
  }

  async #submit(ref: IssueRef, typed: string): Promise<Begun> {
    const { output } = this.#context;
    const { key } = this.#options;
    const own = key === undefined ? {} : { key: `${key} ${formatRef(ref)}` };
    const message = this.#message === undefined ? undefined : messageFor(this.#message, ref);
    const options = { ...this.#options, ...own };
    const read = () => Promise.resolve(message);
    const submission = await startSubmission(this.#context, ref, typed, read, options);
    const supervisor = await this.#context.supervisor();
    const { key: issue_ref, turn, ahead, again } = await supervisor.submit(submission);
    if (!output.json) output.write(`${issue_ref}\n`);
    if (again) output.note(`${issue_ref} was accepted before.`);
    return { ref: typed, issue_ref, turn, ahead, again, exit: EXIT.ok };
  }
}
