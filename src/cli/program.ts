/** The command line as commander knows it: kugetsu, with those of its commands that are needed. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import manifest from "../../deno.json" with { type: "json" };
import type { Host } from "../commands/define.ts";
import { COMMANDS, HIDDEN_COMMANDS } from "./commands.ts";
import { DESCRIPTION, helpText } from "./help_text.ts";
import { isTerminal, STDERR, STDOUT, writeAll } from "./streams.ts";

export const VERSION = manifest.version;

/** The command that a word names, whether it is in the help or not. */
export function isCommand(word: string | undefined): word is string {
  return word !== undefined &&
    (Object.hasOwn(COMMANDS, word) || Object.hasOwn(HIDDEN_COMMANDS, word));
}

export async function makeProgram(
  names: readonly string[],
  host: Host,
): Promise<CommandUnknownOpts> {
  const program = new Command("kugetsu")
    .description(DESCRIPTION)
    .version(`kugetsu ${VERSION}`, "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    // So that a command may have a --version of its own.
    .enablePositionalOptions()
    .addHelpText("after", helpText);
  for (const name of names) {
    const hidden = Object.hasOwn(HIDDEN_COMMANDS, name);
    const make = hidden ? HIDDEN_COMMANDS[name]! : COMMANDS[name]!;
    program.addCommand(await make(host) as Command, { hidden });
  }
  return program as CommandUnknownOpts;
}

/** Commander's own errors are thrown rather than printed, so that they end like all others. */
export function prepare(command: CommandUnknownOpts, options: { json: boolean }): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => writeAll(STDOUT, text),
    // Under --json whoever reads standard error wants nothing but the error.
    writeErr: (text) => options.json ? undefined : writeAll(STDERR, text),
    outputError: () => {},
    getOutHelpWidth: () => isTerminal(STDOUT) ? process.stdout.columns : 80,
    getErrHelpWidth: () => 80,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  for (const child of command.commands) prepare(child, options);
}

/** The command that the words name, as far as they go: `config get` in `config get --json model`. */
export function commandIn(program: CommandUnknownOpts, words: readonly string[]) {
  let command = program;
  for (const word of words) {
    const child = command.commands.find((it) => it.name() === word);
    if (!child) break;
    command = child;
  }
  return command;
}
