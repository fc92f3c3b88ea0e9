import { test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { run } from "../../scripts/_run.ts";
import { COMMANDS, HIDDEN_COMMANDS } from "../../src/cli/commands.ts";
import { makeProgram } from "../../src/cli/program.ts";
import type { Shell } from "../../src/commands/completions.ts";
import { placesOf } from "../../src/commands/completions/places.ts";
import { needs } from "../support/needs.ts";
import { makeShells, type Shells } from "../support/shells.ts";

const REFS = [
  "github.com/shoko/kugetsu#14",
  "gitlab.com/Group/sub/repo#7",
  "localhost:3000/a/b#1",
  "localhost:3000/a/b#2",
];

/** Keys of an index that somebody else wrote: each would do something if a shell came to execute it. */
const HOSTILE = [
  "$(touch executed)",
  "`touch executed`",
  "github.com/a/b#1; touch executed",
  "github.com/a/$(touch executed)#3",
  "github.com/a/b#1\n$(touch executed)",
  "<(touch executed)",
  "(touch executed)",
  "--force",
  "hostile'; touch executed; '",
];

/** A line up to the cursor, and what is offered there. The same in every shell. */
const OFFERS: [string, string[]][] = [
  ["sta", ["start", "status"]],
  ["con", ["config", "continue"]],
  ["config ", ["get", "list", "path", "set"]],
  [
    "config get lim",
    ["answer", "firstEvent", "plugin", "silence", "total"].map((it) => `limits.${it}`),
  ],
  ["config set perm", ["permissions"]],
  ["config set permissions ", []],
  ["completions ", ["bash", "fish", "zsh"]],
  ["help des", ["destroy"]],
  ["help do", ["doctor"]],
  ["continue ", REFS],
  ["destroy ", REFS],
  ["continue localhost:3", REFS.slice(2)],
  ["continue localhost:", REFS.slice(2)],
  ["continue 'git", REFS.slice(0, 2)],
  ["continue -- gith", REFS.slice(0, 1)],
  ["continue -- --js", []],
  ["continue --model a/b:c gith", REFS.slice(0, 1)],
  ["continue --model=a/b:c gith", REFS.slice(0, 1)],
  ["continue --debug gith", REFS.slice(0, 1)],
  ["continue --model ", []],
  ["continue 14 ", []],
  ["wait 14 ", REFS],
  ["continue localhost:1/a/b#1 ", []],
  ["start ", ["github.com/shoko/kugetsu#", "gitlab.com/group/sub/repo#", "localhost:3000/a/b#"]],
  ["start 14 --perm", ["--permissions"]],
  ["start 14 --permissions ", ["allow", "deny", "wait"]],
  ["start 14 'a -- message' --permissions d", ["deny"]],
  ["start 14 --permissions=", ["allow", "deny", "wait"].map((it) => `--permissions=${it}`)],
  ["start 14 --message-file pl", ["plain.md"]],
  ["list --state f", ["failed"]],
  ["init --dir a", ["a folder"]],
  ["init --headless --fo", ["--force"]],
  ["__", []],
  ["nonsense ", []],
];

/** What is typed, and what kugetsu is called with. */
const TYPED: [string, string[]][] = [
  ["kugetsu cont\tlocalhost:3\t1", ["continue", REFS[2]!]],
  ['kugetsu continue "localhost:3\t2"', ["continue", REFS[3]!]],
  ["kugetsu destroy gitl\t-y", ["destroy", REFS[1]!, "-y"]],
  ["kugetsu start 1 --message-file my\t", ["start", "1", "--message-file", "my file.txt"]],
  ["kugetsu init --dir a\t", ["init", "--dir", "a folder"]],
  ["kugetsu continue --permissions=al\t1", ["continue", "--permissions=allow", "1"]],
  ["kugetsu config get limits.t\t", ["config", "get", "limits.total"]],
];

async function prepared(): Promise<Shells> {
  const shells = await makeShells([...REFS, ...HOSTILE]);
  await shells.scratch.write("cwd/my file.txt", "");
  await shells.scratch.write("cwd/plain.md", "");
  await shells.scratch.write("cwd/a folder/inside", "");
  return shells;
}

async function assertNothingExecuted(shells: Shells): Promise<void> {
  assert.deepEqual((await readdir(shells.cwd)).sort(), ["a folder", "my file.txt", "plain.md"]);
}

/** What is offered for each of the lines, without what the shell says about it. */
type Ask = (shells: Shells, lines: string[]) => Promise<string[][]>;

/** Bash calls a function with the line, and with the words into which it split the line (COMP_WORDBREAKS). */
const askBash: Ask = (shells, lines) => {
  const code = `. ${shells.script("bash")}
COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=("\${@:2}") COMP_CWORD=$(($# - 2))
_kugetsu; ((\${#COMPREPLY[@]} == 0)) || printf '%s\\n' "\${COMPREPLY[@]}"`;
  return Promise.all(lines.map(async (line) => {
    const words: string[] = line.match(/'[^']*'?|[:=]+|[^\s:=']+/g) ?? [];
    if (/[\s:=]$/.test(line)) words.push("");
    const settled = /^(?!')(?:.*[:=])?/.exec(line.split(" ").at(-1)!)?.[0] ?? "";
    const offers = linesOf(await shells.evaluate("bash", code, line, ...words));
    return offers.map((offer) => settled + offer);
  }));
};

const askFish: Ask = (shells, lines) => {
  const code = `source ${shells.script("fish")}; complete -C"$argv[1]"`;
  return Promise.all(lines.map(async (line) => {
    const offers = linesOf(await shells.evaluate("fish", code, line));
    return offers.map((offer) => offer.split("\t")[0]!);
  }));
};

/** Zsh offers on a terminal only: what was typed is deleted again (Ctrl-U), and a call says that it is over. */
const askZsh: Ask = async (shells, lines) => {
  const typed = await shells.type("zsh", lines.map((line) => `${line}\t\x15kugetsu list`));
  return typed.map((it) => [...new Set(it.offers.map((offer) => offer.replaceAll("\\", "")))]);
};

function linesOf(text: string): string[] {
  return text.split("\n").filter(Boolean);
}

async function assertOffers(shells: Shells, ask: Ask): Promise<void> {
  const offers = await ask(shells, OFFERS.map(([line]) => `kugetsu ${line}`));
  const plain = offers.map((words) => words.map((it) => it.replace(/\/$/, "")).sort());
  assert.deepEqual(
    OFFERS.map(([line], index) => [line, plain[index]]),
    OFFERS.map(([line, words]) => [line, words.toSorted()]),
  );
}

async function assertTyped(shells: Shells, shell: Shell): Promise<void> {
  const typed = await shells.type(shell, TYPED.map(([line]) => line));
  // Zsh takes the slash of a folder back when a space or Enter follows.
  const args = typed.map((it) => it.args.map((word) => word.replace(/\/$/, "")));
  assert.deepEqual(args, TYPED.map(([, expected]) => expected));
}

/** An index that is missing, or of which nothing can be made. */
const UNUSABLE = ["", "{", "null", "[]", '{"issues":3}', '{"issues":[{"a":1}]}', "\0\x01"];

async function assertSilent(shells: Shells, ask: Ask): Promise<void> {
  for (const content of UNUSABLE) {
    await shells.setIndex(content);
    assert.deepEqual(await ask(shells, ["kugetsu continue "]), [[]], content);
  }
}

/** What is typed unquoted is deleted again before Enter: only the completion sees it. */
async function assertTypedIsNotExecuted(shells: Shells, shell: Shell): Promise<void> {
  const hostile = [
    "$(touch executed)",
    "`touch executed`",
    "<(touch executed)",
    '"$(touch executed)',
  ];
  const lines = hostile.flatMap((it) => [`kugetsu continue ${it} \t`, `kugetsu continue ${it}\t`]);
  await shells.type(shell, lines.map((line) => `${line}\x15kugetsu list`));
  await assertNothingExecuted(shells);
}

/** Offers nobody of ours makes: what is left of them on the line is one word for the shell. */
async function assertForgedIsNotExecuted(shells: Shells, shell: Shell): Promise<void> {
  for (const ref of HOSTILE.filter((it) => !it.includes("\n"))) {
    await shells.forgeRefs([ref]);
    await shells.type(shell, ["kugetsu continue \t"]);
    await assertNothingExecuted(shells);
  }
}

test("bash completes", { skip: needs("bash") }, async () => {
  await using shells = await prepared();
  await assertOffers(shells, askBash);
  await assertSilent(shells, askBash);
  await assertNothingExecuted(shells);
});

test("bash completes on a terminal", { skip: needs("bash", "script", "linux") }, async () => {
  await using shells = await prepared();
  await assertTyped(shells, "bash");
  await assertTypedIsNotExecuted(shells, "bash");
  await assertForgedIsNotExecuted(shells, "bash");
});

test("zsh completes on a terminal", { skip: needs("zsh", "script", "linux") }, async () => {
  await using shells = await prepared();
  await assertOffers(shells, askZsh);
  await assertTyped(shells, "zsh");
  await assertSilent(shells, askZsh);
  await assertTypedIsNotExecuted(shells, "zsh");
  await assertForgedIsNotExecuted(shells, "zsh");
});

test("fish completes", { skip: needs("fish") }, async () => {
  await using shells = await prepared();
  await assertOffers(shells, askFish);
  await assertSilent(shells, askFish);
  await assertNothingExecuted(shells);
});

test("fish completes on a terminal", { skip: needs("fish", "script", "linux") }, async () => {
  await using shells = await prepared();
  await assertTyped(shells, "fish");
  await assertTypedIsNotExecuted(shells, "fish");
  await assertForgedIsNotExecuted(shells, "fish");
});

test("in bash a repository is completed without a space", {
  skip: needs("bash", "script", "linux"),
}, async () => {
  await using shells = await prepared();
  const [typed] = await shells.type("bash", ["kugetsu start github.com/\t9"]);
  assert.deepEqual(typed!.args, ["start", "github.com/shoko/kugetsu#9"]);
});

test("zsh finds the script in $fpath", { skip: needs("zsh", "script", "linux") }, async () => {
  await using shells = await prepared();
  const script = await readFile(shells.script("zsh"), "utf8");
  const file = await shells.scratch.write("functions/_kugetsu", script);
  await shells.scratch.write(
    "home/.zshrc",
    `PS1='ready> '; fpath=(${dirname(file)} $fpath); autoload -Uz compinit; compinit -u -D\n`,
  );
  const line = "kugetsu cont\tgith\t";
  const typed = await shells.type("zsh", [line, line]);
  assert.deepEqual(typed.map((it) => it.args), [["continue", REFS[0]], ["continue", REFS[0]]]);
});

test("the script for bash is clean", { skip: needs("shellcheck") }, async () => {
  await using shells = await prepared();
  const { code, stdout } = await run("shellcheck", ["--shell=bash", shells.script("bash")]);
  assert.equal(code, 0, stdout);
});

test("the places are those of the definitions", async () => {
  const program = await makeProgram(
    [...Object.keys(COMMANDS), ...Object.keys(HIDDEN_COMMANDS)],
    { run: () => Promise.resolve() },
  );
  const places = placesOf(program);
  const paths = places.map((it) => it.path.join(" "));
  assert.deepEqual(places[0]!.commands.map((it) => it.word), [...Object.keys(COMMANDS), "help"]);
  for (const name of Object.keys(COMMANDS)) assert.ok(paths.includes(name), name);
  for (const name of Object.keys(HIDDEN_COMMANDS)) assert.ok(!paths.includes(name), name);
  for (const { path, options } of places.filter((it) => it.path[0] !== "help")) {
    assert.ok(options.some((it) => it.flags.includes("--help")), path.join(" "));
  }
});
