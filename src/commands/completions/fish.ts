/** The completion script for fish: one `complete` for each thing that may stand somewhere. */
import type { OptionPlace, Place, Value } from "./places.ts";
import { quoteForFish as quote } from "./quote.ts";

export function fishScript(places: Place[]): string {
  return `# Completion of kugetsu for fish, made by: kugetsu completions fish

# Whether the cursor is in the command $argv[1], after $argv[2] arguments of it.
function __kugetsu_at
    set -l path ''
    set -l count 0
    set -l literal ''
    set -l pending ''
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        if test -n "$pending"; and not string match -q -- '-*' $word
            set pending ''
        else if test -z "$literal"; and test "$word" = --
            set literal 1
        else if test -z "$literal"; and string match -q -- '-*' $word
            set pending ''
            contains -- "$path $word" ${list(valuedOptions(places))}
            and set pending 1
        else if test $count -eq 0; and contains -- "$path $word" ${list(commandPaths(places))}
            set path "$path $word"
        else
            set count (math $count + 1)
        end
    end
    test "$path" = "$argv[1]"; and test "$argv[2]" = '' -o "$argv[2]" = $count
end

function __kugetsu_refs
    command kugetsu __refs $argv[1] 2>/dev/null </dev/null
end

complete -c kugetsu -f
${places.flatMap(linesOf).join("\n")}
`;
}

/** ` config get`: a command as __kugetsu_at writes it, with a space before each word. */
function keyOf(words: string[]): string {
  return words.map((word) => ` ${word}`).join("");
}

function commandPaths(places: Place[]): string[] {
  return places.filter((it) => it.path.length > 0).map((it) => keyOf(it.path));
}

function valuedOptions(places: Place[]): string[] {
  return places.flatMap(({ path, options }) =>
    options.filter((it) => it.value !== undefined)
      .flatMap((it) => it.flags.map((flag) => keyOf([...path, flag])))
  );
}

function list(words: string[]): string {
  return words.map((word) => `\\\n                ${quote(word)}`).join(" ");
}

function linesOf({ path, commands, options, arguments: values }: Place): string[] {
  const key = keyOf(path);
  return [
    ...commands.map(({ word, summary }) =>
      `${complete(key, 0)} -a ${quote(word)} -d ${quote(summary)}`
    ),
    ...values.flatMap(({ value, repeats }, place) => {
      const offer = argumentOffer(value, path);
      return offer ? [`${complete(key, repeats ? undefined : place)} ${offer}`] : [];
    }),
    ...options.map((option) => `${complete(key)} ${optionOffer(option)}`),
  ];
}

function complete(key: string, count?: number): string {
  return `complete -c kugetsu -n ${quote(`__kugetsu_at ${quote(key)} ${count ?? ""}`.trimEnd())}`;
}

function argumentOffer(value: Value, path: string[]): string | undefined {
  switch (value) {
    case "ref":
      return `-a ${quote(`(__kugetsu_refs ${quote(path.join(" "))})`)}`;
    case "file":
      return "-F";
    case "folder":
      return `-a ${FOLDERS}`;
    default:
      return value.length > 0 ? `-a ${quote(value.join(" "))}` : undefined;
  }
}

function optionOffer({ flags, summary, value, optional }: OptionPlace): string {
  const names = flags.map((flag) =>
    flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
  );
  return [...names, valueOffer(value, optional), `-d ${quote(summary)}`].filter(Boolean).join(" ");
}

/** `-r` says that a value has to follow, `-F` that it is a file, `-x` that it is none. */
function valueOffer(value: Value | undefined, optional: boolean): string {
  if (value === undefined || optional) return "";
  switch (value) {
    case "file":
      return "-r -F";
    case "folder":
      return `-x -a ${FOLDERS}`;
    case "ref":
      return `-x -a ${quote("(__kugetsu_refs)")}`;
    default:
      return value.length > 0 ? `-x -a ${quote(value.join(" "))}` : "-x";
  }
}

const FOLDERS = quote("(__fish_complete_directories)");
