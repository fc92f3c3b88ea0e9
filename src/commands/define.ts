/** How a command is defined: what all of them share. A definition is data; what it runs comes from `host`. */
import { Command } from "@commander-js/extra-typings";
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
