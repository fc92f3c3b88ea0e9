/** From the command line to an exit status. Errors become one message, and an exit status, here only. */
import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommonOptions, Host } from "../commands/define.ts";
import {
  errors,
  EXIT,
  type ExitStatus,
  GENERAL_HELP,
  KugetsuError,
  partsOf,
  reasonOf,
} from "../errors.ts";
import { COMMANDS } from "./commands.ts";
import { commandIn, isCommand, makeProgram, prepare, VERSION } from "./program.ts";
import { outputFailure, STDERR, writeAll } from "./streams.ts";
import { printError, terminalOutput } from "./terminal.ts";
import { wire } from "./wire.ts";

type Environment = Record<string, string | undefined>;

/** Runs the command line and returns the exit status. Never throws. `folder` is asked for the current one. */
export async function run(
  args: string[],
  env: Environment,
  folder: () => string,
): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.ok;
  const host: Host = {
    async run(command, options, work) {
      const output = outputFor(options, env);
      const cwd = currentFolder(folder);
      output.debug(`kugetsu ${VERSION} ${command}, pid ${process.pid}, in ${cwd}`);
      const context = wire({ env, cwd, command, output });
      try {
        status = await work(context);
      } finally {
        await context.close();
      }
    },
  };
  try {
    const words = wordsOf(args);
    const program = await makeProgram(needed(words), host);
    prepare(program, { json: isGiven("--json", args) });
    await parse(program, words);
    const failure = outputFailure();
    if (failure) throw errors.unwritable("standard output", failure);
    return status;
  } catch (error) {
    return report(error, args, env);
  }
}

/** @throws usage for what commander finds wrong */
async function parse(program: CommandUnknownOpts, words: string[]): Promise<void> {
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw withHelpOf(words[0]!, error);
    // The help and the version end with an error of status 0.
    if (error.exitCode === 0) return;
    const { usageError } = await import("./usage_error.ts");
    throw usageError(error, commandIn(program, words));
  }
}

/** A call that is wrong, and of which nothing better is known, sends to the help of its command. */
function withHelpOf(command: string, error: unknown): unknown {
  if (!(error instanceof KugetsuError) || error.next !== GENERAL_HELP) return error;
  return new KugetsuError({ ...partsOf(error), next: `kugetsu ${command} --help` });
}

/** One that was deleted under a shell cannot be told. @throws no-current-folder */
function currentFolder(folder: () => string): string {
  try {
    return folder();
  } catch (cause) {
    throw errors.noCurrentFolder(cause);
  }
}

function outputFor(options: CommonOptions, env: Environment) {
  const { json, quiet, debug } = options;
  return terminalOutput({ json: json === true, quiet: quiet === true, debug: debug === true }, env);
}

/** The names of the commands that the words need: the one called, or all for the help and for suggestions. */
function needed([first]: string[]): string[] {
  if (isCommand(first)) return [first];
  return first === "--version" || first === "-V" ? [] : Object.keys(COMMANDS);
}

/** What every command takes may also stand in front of the command. */
const COMMON = ["--json", "-q", "--quiet", "--debug"];

/** `help start` asks for `start --help`; behind an unknown command nothing counts, not even --help. */
function wordsOf(args: string[]): string[] {
  const from = args.findIndex((word) => !COMMON.includes(word));
  if (from < 0) return [];
  if (from > 0) {
    const rest = args.slice(from);
    const end = rest.indexOf("--");
    return wordsOf(rest.toSpliced(end < 0 ? rest.length : end, 0, ...args.slice(0, from)));
  }
  const words = args[0] === "help" ? [...args.slice(1), "--help"] : args;
  const [first] = words;
  return first === undefined || first.startsWith("-") || isCommand(first) ? words : [first];
}

/** Whether the flag is there; behind -- it would be something else. */
function isGiven(flag: string, args: string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).includes(flag);
}

function report(error: unknown, args: string[], env: Environment): ExitStatus {
  const json = isGiven("--json", args);
  if (error instanceof KugetsuError) {
    printError(error, json, env);
    return error.exit;
  }
  const bug = new KugetsuError({
    code: "internal",
    exit: EXIT.internal,
    message: `Something went wrong inside kugetsu: ${reasonOf(error)}`,
    next: "the same command with --debug, and report what it prints",
  });
  printError(bug, json, env);
  if (isGiven("--debug", args) && error instanceof Error) writeAll(STDERR, `${error.stack}\n`);
  return EXIT.internal;
}
