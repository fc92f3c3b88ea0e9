/** What commander finds wrong with a command line, said as kugetsu says things. */
import type { CommanderError, CommandUnknownOpts } from "@commander-js/extra-typings";
import { errors, type KugetsuError } from "../errors.ts";
import { makeVisible } from "./table.ts";

/** `command` is the one that the words named, as far as they could be followed. */
export function usageError(error: CommanderError, command: CommandUnknownOpts): KugetsuError {
  const path = pathOf(command);
  const help = `${path} --help`;
  switch (error.code) {
    case "commander.help":
      return errors.usage("A command is missing", help);
    case "commander.missingArgument":
      return errors.usage(
        `An argument is missing: ${path} needs <${named(error)}>`,
        { next: help, hint: `it is called as: ${path} ${command.usage()}` },
      );
    case "commander.excessArguments":
      return tooMany(command, help);
    case "commander.unknownOption":
      return unknownOption(error, command, help);
    case "commander.optionMissingArgument":
      return errors.usage(`Cannot use ${named(error)} without a value`, help);
    case "commander.invalidArgument":
      return invalidValue(error, help);
    default:
      return errors.usage(sentence(error.message), help);
  }
}

function pathOf(command: CommandUnknownOpts): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** The arguments are not repeated: they may be what was meant as the message. */
function tooMany(command: CommandUnknownOpts, help: string): KugetsuError {
  const count = command.registeredArguments.length;
  const takes = count === 0 ? "none" : `${count} at most`;
  return errors.usage(`Too many arguments: ${pathOf(command)} takes ${takes}`, {
    next: help,
    hint: takesMessage(command) ? "the message goes in quotes" : afterOption(command),
  });
}

/** `init --headless --force MESSAGE`: what an option may be followed by has to follow it at once. */
function afterOption(command: CommandUnknownOpts): string | undefined {
  const option = command.options.find((it) => it.flags.endsWith("[message]"));
  return option && `the message goes in quotes, right behind ${option.long}`;
}

/** Of what is no option only the beginning is repeated: it may be a message that begins with a dash. */
function unknownOption(
  error: CommanderError,
  command: CommandUnknownOpts,
  help: string,
): KugetsuError {
  const [flag] = /^-{0,2}[\w-]*/.exec(named(error)) ?? [""];
  if (command.options.some((it) => it.long === flag)) {
    return errors.usage(`Cannot give ${flag} a value: it takes none`, help);
  }
  return errors.usage(`Unknown option "${flag}"${suggestion(error.message)}`, {
    next: help,
    hint: takesMessage(command) ? "a message that begins with a dash goes after --" : undefined,
  });
}

function takesMessage(command: CommandUnknownOpts): boolean {
  return command.registeredArguments.some((it) => it.name() === "message");
}

/** `option '--state <state>' argument 'x' is invalid. Allowed choices are a, b.` */
function invalidValue(error: CommanderError, help: string): KugetsuError {
  const [, value = ""] = /(?:argument|value) '(.*)' is invalid/s.exec(error.message) ?? [];
  const [, option] = /^error: option '([^' ]+)/.exec(error.message) ?? [];
  const [, argument] = /for argument '([^']+)'/.exec(error.message) ?? [];
  const [, choices = ""] = /Allowed choices are (.*)\.$/.exec(error.message) ?? [];
  const words = choices.split(", ");
  const list = [words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" or ");
  const shown = makeVisible(JSON.stringify(value.slice(0, 200)));
  return errors.usage(`Cannot use ${shown} for ${option ?? `<${argument}>`}: it is ${list}`, help);
}

/** What commander names first in its message, in single quotes. */
function named(error: CommanderError): string {
  const text = error.message.replace(SUGGESTION, "");
  return /'([^]*)'/.exec(text)?.[1] ?? "";
}

/** `error: unknown command 'strat'` and its suggestion on a second line, as one sentence. */
function sentence(message: string): string {
  const text = message.replace(SUGGESTION, "").replace(/^error: /, "").replaceAll("'", '"');
  return `${text[0]!.toUpperCase()}${makeVisible(text.slice(1))}${suggestion(message)}`;
}

const SUGGESTION = /\n\(Did you mean (.*)\?\)$/;

function suggestion(message: string): string {
  const meant = SUGGESTION.exec(message)?.[1];
  return meant ? `: did you mean ${meant}?` : "";
}
