/** What may stand in each place of kugetsu's command line, taken from the definitions of the commands. */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { SETTINGS } from "../../config/mod.ts";

/** A command as it is defined, whatever its arguments and options are. */
export type AnyDefinition = CommandUnknownOpts;

/** What can stand for a value: one of some words (none: whatever it is, no shell can know), or a kind. */
export type Value = readonly string[] | "file" | "folder" | "ref";

export interface Word {
  word: string;
  summary: string;
}

export interface OptionPlace {
  /** As typed: `-q` and `--quiet`. */
  flags: string[];
  summary: string;
  /** Undefined for one that takes no value. */
  value: Value | undefined;
  /** Whether it may stand without its value. */
  optional: boolean;
  /** What the help calls its value. */
  name: string;
}

/** One command: what may follow it. */
export interface Place {
  /** The words that lead to it: none for kugetsu itself, `config`, `config get`. */
  path: string[];
  commands: Word[];
  options: OptionPlace[];
  /** Only the last one may repeat. */
  arguments: { name: string; value: Value; repeats: boolean }[];
}

/** The place of `program` itself, then those of its commands and their sub-commands; hidden ones are left out. */
export function placesOf(program: AnyDefinition): Place[] {
  const names = visible(program).map((it) => it.word);
  return below(program, [], names);
}

function below(command: AnyDefinition, path: string[], allCommands: string[]): Place[] {
  const commands = visible(command);
  const valueOf = (it: Argument | Option, name: string) =>
    it.argChoices ?? (name === "command" ? allCommands : VALUES[name] ?? []);
  const place: Place = {
    path,
    commands,
    options: command.createHelp().visibleOptions(command).map((option) => placeOf(option, valueOf)),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      value: valueOf(argument, argument.name()),
      repeats: argument.variadic,
    })),
  };
  const children = command.createHelp().visibleCommands(command);
  return [place, ...children.flatMap((it) => below(it, [...path, it.name()], allCommands))];
}

function visible(command: AnyDefinition): Word[] {
  const help = command.createHelp();
  return help.visibleCommands(command).map((it) => ({
    word: it.name(),
    summary: help.subcommandDescription(it),
  }));
}

/** What stands for a value that the definitions give this name: `--message-file <file>`. */
const VALUES: Record<string, Value> = {
  file: "file",
  folder: "folder",
  ref: "ref",
  refs: "ref",
  setting: SETTINGS.map((it) => it.name),
};

function placeOf(option: Option, valueOf: (option: Option, name: string) => Value): OptionPlace {
  const name = /[<[](.+?)[>\]]/.exec(option.flags)?.[1] ?? "";
  return {
    flags: [option.short, option.long].filter((it) => it !== undefined),
    summary: option.description,
    value: option.required || option.optional ? valueOf(option, name) : undefined,
    optional: option.optional,
    name,
  };
}
