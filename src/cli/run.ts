/** From the command line to an exit status. Errors become one message, and an exit status, here only. */
import { isatty } from "node:tty";
import { Command, CommanderError } from "@commander-js/extra-typings";
import manifest from "../../deno.json" with { type: "json" };
import type { CommonOptions, Host } from "../commands/define.ts";
import { errors, EXIT, type ExitStatus, KugetsuError, reasonOf } from "../errors.ts";
import { type AnyCommand, COMMANDS } from "./commands.ts";
import { outputFailure, STDERR, STDOUT, writeAll } from "./streams.ts";
import { printError, terminalOutput } from "./terminal.ts";
import { wire } from "./wire.ts";

type Environment = Record<string, string | undefined>;

/** Runs the command line and returns the exit status. Never throws. */
export async function run(args: string[], env: Environment, cwd: string): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.ok;
  const host: Host = {
    async run(command, options, work) {
      status = await work(
        wire({ env, cwd, command, debug: options.debug === true, output: outputFor(options, env) }),
      );
    },
  };
  try {
    const program = await makeProgram(args, host);
    await program.parseAsync(args, { from: "user" });
    const failure = outputFailure();
    if (failure) throw errors.unwritable("standard output", failure);
    return status;
  } catch (error) {
    return report(error, args, env);
  }
}

function outputFor(options: CommonOptions, env: Environment) {
  const { json, quiet, debug } = options;
  return terminalOutput({ json: json === true, quiet: quiet === true, debug: debug === true }, env);
}

/** The program with the command that is called, or with all of them where help or a suggestion needs them. */
async function makeProgram(args: string[], host: Host) {
  const program = new Command("kugetsu")
    .description(
      "Runs headless opencode work per forge issue: one session an issue, forked from a base.",
    )
    .version(`kugetsu ${manifest.version}`, "-V, --version", "print the version")
    .showSuggestionAfterError()
    .addHelpText("after", HELP);
  const called = args[0] !== undefined && Object.hasOwn(COMMANDS, args[0]) ? args[0] : undefined;
  for (const name of called ? [called] : Object.keys(COMMANDS)) {
    if (called || !isVersionCall(args)) program.addCommand(await COMMANDS[name]!(host) as Command);
  }
  prepare(program as unknown as AnyCommand);
  return program;
}

function isVersionCall(args: string[]): boolean {
  return args[0] === "--version" || args[0] === "-V";
}

/** Commander's own errors are thrown rather than printed, so that they end like all others. */
function prepare(command: AnyCommand): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => writeAll(STDOUT, text),
    writeErr: (text) => writeAll(STDERR, text),
    outputError: () => {},
    getOutHelpWidth: () => isatty(STDOUT) ? process.stdout.columns : 80,
    getErrHelpWidth: () => 80,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  for (const child of command.commands) prepare(child as AnyCommand);
}

function report(error: unknown, args: string[], env: Environment): ExitStatus {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
  const known = error instanceof KugetsuError
    ? error
    : error instanceof CommanderError
    ? usageError(error, args)
    : undefined;
  const json = args.includes("--json");
  if (known) {
    printError(known, json, env);
    return known.exit;
  }
  const bug = new KugetsuError({
    code: "internal",
    exit: EXIT.internal,
    message: `Something went wrong inside kugetsu: ${reasonOf(error)}`,
    next: "the same command with --debug, and report what it prints",
  });
  printError(bug, json, env);
  if (args.includes("--debug") && error instanceof Error) writeAll(STDERR, `${error.stack}\n`);
  return EXIT.internal;
}

function usageError(error: CommanderError, args: string[]): KugetsuError {
  const message = error.message.replace(/^error: /, "");
  const text = message[0]!.toUpperCase() + message.slice(1).replaceAll("\n", " ");
  const called = args[0] !== undefined && Object.hasOwn(COMMANDS, args[0]) ? `${args[0]} ` : "";
  if (error.code === "commander.unknownOption" && (args[0] === "start" || args[0] === "continue")) {
    return errors.usage(
      text,
      `kugetsu ${called}--help   (a message that begins with a dash goes after --)`,
    );
  }
  if (error.code === "commander.help") return errors.usage("A command is missing");
  return errors.usage(text, `kugetsu ${called}--help`);
}

const HELP = `
Issues are written instance/user/repo#number, for example github.com/shoko/kugetsu#14. The web address of an
issue works too, and 14 alone means issue 14 of the current repository's origin.

Exit status:
  0  done                              6  the turn failed
  1  internal error                    7  the turn is blocked: it wants a permission
  2  bad usage, ref or setting         8  the turn stalled or timed out
  3  no such session or base           9  refused by a safety check
  4  busy, or already there            130, 143  stopped by Ctrl-C, SIGTERM
  5  environment: no terminal, opencode missing or too old, disk, permissions

State is kept in ~/.kugetsu ($KUGETSU_HOME). opencode is found on PATH ($KUGETSU_OPENCODE).

Examples:
  $ kugetsu init
  $ kugetsu start github.com/shoko/kugetsu#14 "fix the login"
  $ kugetsu continue github.com/shoko/kugetsu#14 "add tests"
  $ kugetsu list`;
