/**
 * The reference of the command line, from the definitions of the commands: what `kugetsu --help` and its like
 * say, in one page. `deno task reference` writes it to docs/cli.md.
 */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { COMMANDS } from "../src/cli/commands.ts";
import { DESCRIPTION, EXAMPLES, EXIT_MEANINGS, REFS, VARIABLES } from "../src/cli/help_text.ts";
import { makeProgram } from "../src/cli/program.ts";
import { examplesOf } from "../src/commands/define.ts";
import { SETTINGS } from "../src/config/mod.ts";
import { formatted, writeReference } from "./_reference.ts";

export const PAGE = "docs/cli.md";

export async function cliReference(): Promise<string> {
  const program = await makeProgram(Object.keys(COMMANDS), { run: () => Promise.resolve() });
  const commands = leaves(program);
  const common = commonOptions(commands);
  return await formatted(
    "md",
    [
      "# The command line",
      "<!-- Made by `deno task reference` from the definitions of the commands. Do not edit. -->",
      DESCRIPTION,
      REFS,
      shell(EXAMPLES),
      overview(commands),
      "These options every command has; the other options stand with their commands.",
      optionTable(common),
      ...commands.map((command) => section(command, common)),
      "## Exit status",
      "The same for every command.",
      table(["Status", "Meaning"], EXIT_MEANINGS.map((it) => [it.statuses.join(", "), it.meaning])),
      "## Settings",
      "A flag wins over the environment variable, which wins over `config.jsonc`, where each can be " +
      "set with [kugetsu config set](#kugetsu-config-set).",
      settingTable(),
      "## Environment",
      table(["Variable", "Meaning"], VARIABLES.map((it) => [code(it.name), escape(it.meaning)])),
    ].join("\n\n"),
  );
}

/** The commands that do something: those without sub-commands. */
function leaves(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.commands.length > 0 ? command.commands.flatMap(leaves) : [command];
}

function optionsOf(command: CommandUnknownOpts): Option[] {
  return command.createHelp().visibleOptions(command);
}

function commonOptions(commands: CommandUnknownOpts[]): Option[] {
  const [first, ...others] = commands.map(optionsOf);
  return first!.filter(({ flags }) =>
    others.every((options) => options.some((it) => it.flags === flags))
  );
}

function overview(commands: CommandUnknownOpts[]): string {
  return table(
    ["Command", "Does"],
    commands.map((it) => [`[${pathOf(it)}](#${anchorOf(it)})`, escape(it.summary())]),
  );
}

function section(command: CommandUnknownOpts, common: Option[]): string {
  const own = optionsOf(command).filter((it) => common.every(({ flags }) => flags !== it.flags));
  return [
    `## ${pathOf(command)}`,
    command.description(),
    shell([`${pathOf(command)} ${command.usage()}`]),
    argumentTable(command),
    own.length > 0 ? optionTable(own) : "",
    "Examples:",
    shell(examplesOf(command)),
  ].filter(Boolean).join("\n\n");
}

function pathOf(command: CommandUnknownOpts): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function anchorOf(command: CommandUnknownOpts): string {
  return pathOf(command).replaceAll(" ", "-");
}

function argumentTable(command: CommandUnknownOpts): string {
  const rows = command.registeredArguments.map((
    it,
  ) => [code(inBrackets(it)), escape(describe(it))]);
  return rows.length > 0 ? table(["Argument", "Meaning"], rows) : "";
}

function inBrackets(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

function optionTable(options: Option[]): string {
  return table(
    ["Option", "Meaning"],
    options.map((it) => [code(it.flags), escape(describe(it))]),
  );
}

function describe({ description, argChoices }: Option | Argument): string {
  return argChoices ? `${description}: ${argChoices.join(", ")}` : description;
}

/** What is opencode's to decide where nobody says anything. */
const OPENCODES = ["model", "agent"];

function settingTable(): string {
  return table(
    ["Setting", "Default", "Variable", "Meaning"],
    SETTINGS.map(({ name, fallback, variable, summary }) => [
      code(name),
      fallback !== undefined ? code(fallback) : OPENCODES.includes(name) ? "opencode's" : "none",
      code(variable),
      escape(summary),
    ]),
  );
}

function table(header: string[], rows: string[][]): string {
  const lines = [header, header.map(() => "---"), ...rows];
  return lines.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function shell(lines: readonly string[]): string {
  return ["```sh", ...lines, "```"].join("\n");
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

/** Text that says what it says, whatever Markdown would make of it. */
function escape(text: string): string {
  return text.replaceAll(/[|<>*_\\]/g, "\\$&");
}

if (import.meta.main) await writeReference(PAGE, await cliReference());
