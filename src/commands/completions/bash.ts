/** The completion script for bash: tables of what may stand where, and engine.bash, which looks into them. */
import engine from "./engine.bash" with { type: "text" };
import type { Place, Value } from "./places.ts";
import { quote } from "./quote.ts";

export function bashScript(places: Place[]): string {
  return `# Completion of kugetsu for bash, made by: kugetsu completions bash

# What may follow a command: its sub-commands, its options, and what its arguments are.
_kugetsu_place() {
  commands='' options='' arguments=() repeats=''
  case $1 in
${places.map(placeCase).join("\n")}
  esac
}

# What the value of an option is; status 1 for an option that takes none.
_kugetsu_value() {
  case $1 in
${places.flatMap(valueCases).join("\n")}
    *) return 1 ;;
  esac
}

${engine}`;
}

/** `'config get') options='--json -h' arguments=('model agent') ;;` */
function placeCase({ path, commands, options, arguments: values }: Place): string {
  const parts = [
    ...(commands.length > 0 ? [`commands=${quote(commands.map((it) => it.word).join(" "))}`] : []),
    `options=${quote(options.flatMap((it) => it.flags).join(" "))}`,
    ...(values.length > 0 ? [`arguments=(${values.map((it) => kind(it.value)).join(" ")})`] : []),
    ...values.flatMap((it) => it.repeats ? [`repeats=${kind(it.value)}`] : []),
  ];
  return `    ${quote(path.join(" "))}) ${parts.join(" ")} ;;`;
}

/** `'start --permissions') value='deny allow wait' ;;`, and one case for all options of a kind. */
function valueCases({ path, options }: Place): string[] {
  const byKind = Map.groupBy(
    options.flatMap(({ flags, value }) =>
      value === undefined ? [] : flags.map((flag) => ({
        pattern: quote([...path, flag].join(" ")),
        kind: kind(value),
      }))
    ),
    (it) => it.kind,
  );
  return [...byKind].map(([value, all]) =>
    `    ${all.map((it) => it.pattern).join(" | ")}) value=${value} ;;`
  );
}

/** The words, or `<file>`, `<folder>` and `<ref>`, which no word looks like. */
function kind(value: Value): string {
  return quote(typeof value === "string" ? `<${value}>` : value.join(" "));
}
