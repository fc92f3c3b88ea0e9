/** How a command is defined: what all of them share. A definition is data; what it runs comes from `host`. */
import { Command, Option } from "@commander-js/extra-typings";
import { POLICIES } from "../config/mod.ts";
import type { ExitStatus } from "../errors.ts";
import type { Context } from "./context.ts";

export interface CommonOptions {
  json?: true | undefined;
  quiet?: true | undefined;
  debug?: true | undefined;
}

/** Runs a command's work in a context made for its options, and keeps the exit status. */
export interface Host {
  run(
    command: string,
    options: CommonOptions,
    work: (context: Context) => Promise<ExitStatus>,
  ): Promise<void>;
}

const EXAMPLES = new WeakMap<object, string[]>();

/** The examples in a command's help, each a line for the shell. */
export function examplesOf(command: object): string[] {
  return EXAMPLES.get(command) ?? [];
}

/** A command that only holds sub-commands. */
export function newGroup(name: string, summary: string, examples: string[]) {
  const group = new Command(name)
    .summary(summary)
    .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ ${line}`).join("\n")}`);
  EXAMPLES.set(group, examples);
  return group;
}

/** A command with the options that every command has, and examples in its help. */
export function newCommand(name: string, summary: string, examples: string[]) {
  return newGroup(name, summary, examples)
    .option("--json", "print the result as JSON, and errors too")
    .option("-q, --quiet", "say only what was asked for, and errors")
    .option("--debug", "show on standard error what kugetsu does");
}

/** A command that runs a turn. */
export function newTurnCommand(name: string, summary: string, examples: string[]) {
  return newCommand(name, summary, examples)
    .option("--message-file <file>", "read the message from a file (- for standard input)")
    .option("--with-issue", "put the issue, as the forge has it, behind the message")
    .option("--closed", "read the issue even if it is closed")
    .option("--model <model>", "the model, as provider/model")
    .option("--agent <agent>", "the opencode agent")
    .addOption(
      new Option("--permissions <policy>", "what becomes of things opencode would ask about")
        .choices(POLICIES),
    )
    .option("--timeout <duration>", "stop the turn after this long in all (90s, 30m, 2h)")
    .option("--silence-timeout <duration>", "stop it after this long without a sign of life")
    .option("--first-event-timeout <duration>", "stop it when nothing comes for this long");
}
