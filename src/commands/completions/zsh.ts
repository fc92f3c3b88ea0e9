/** The completion script for zsh: one function a command, for zsh's own _arguments; engine.zsh has what they share. */
import engine from "./engine.zsh" with { type: "text" };
import type { OptionPlace, Place, Value } from "./places.ts";
import { quote } from "./quote.ts";

export function zshScript(places: Place[]): string {
  return `#compdef kugetsu
# Completion of kugetsu for zsh, made by: kugetsu completions zsh

${places.slice(1).map(functionOf).join("\n")}
${functionOf(places[0]!)}
${engine}`;
}

function functionOf(place: Place): string {
  const body = place.commands.length > 0 ? groupBody(place) : commandBody(place);
  return `${nameOf(place.path)}() {\n${body}\n}\n`;
}

function nameOf(path: string[]): string {
  return ["_kugetsu", ...path].join("_");
}

function commandBody({ path, options, arguments: values }: Place): string {
  const specs = [
    ...options.flatMap(optionSpecs),
    ...values.map(({ name, value, repeats }) =>
      quote(`${repeats ? "*" : ""}:${escape(name)}:${action(value, path)}`)
    ),
  ];
  return indent(["_arguments -s -S", ...specs].join(" \\\n  "));
}

/** A group's first argument chooses the function that completes the rest. */
function groupBody({ path, commands, options }: Place): string {
  const words = commands.map((it) => quote(`${escape(it.word)}:${escape(it.summary)}`));
  const specs = [...options.flatMap(optionSpecs), "'1: :->command'", "'*:: :->rest'"];
  const cases = commands.map((it) => `    ${it.word}) ${nameOf([...path, it.word])} ;;`);
  return indent(`local curcontext=$curcontext state line
local -A opt_args
local -a commands=(
  ${words.join("\n  ")}
)
${["_arguments -C -S", ...specs].join(" \\\n  ")} && return
case $state in
  command) _describe -t commands command commands ;;
  rest) case $words[1] in
${cases.join("\n")}
  esac ;;
esac`);
}

/** `'(-q --quiet)'-q'[say only …]'`, for each way to write the option. */
function optionSpecs({ flags, summary, value, optional, name }: OptionPlace): string[] {
  const others = flags.length > 1 ? `(${flags.join(" ")})` : "";
  const rest = value === undefined
    ? ""
    : `:${optional ? ":" : ""}${escape(name)}:${action(value, [])}`;
  return flags.map((flag) => {
    const joined = value !== undefined && flag.startsWith("--") ? "=" : "";
    return quote(`${others}${flag}${joined}[${escape(summary)}]${rest}`);
  });
}

function action(value: Value, path: string[]): string {
  switch (value) {
    case "file":
      return "_files";
    case "folder":
      return "_files -/";
    case "ref":
      // The space in front keeps _arguments from putting words of its own between these.
      return ` _kugetsu_refs ${path.join(" ")}`;
    default:
      return value.length > 0 ? `(${value.join(" ")})` : " ";
  }
}

/** What has a meaning in the specifications of _arguments and _describe. */
function escape(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, "\\$&");
}

function indent(text: string): string {
  return text.split("\n").map((line) => `  ${line}`).join("\n");
}
