import { test } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { COMMANDS } from "../../src/cli/commands.ts";
import { EXECUTABLE } from "../../scripts/_checkout.ts";
import { run, type RunResult } from "../../scripts/_run.ts";
import { needs } from "../support/needs.ts";
import { kugetsuCommand } from "../support/opencode_home.ts";
import { makeScratch } from "../support/scratch.ts";

const { PATH = "", DENO_DIR } = process.env;

async function kugetsu(args: string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
  await using scratch = await makeScratch("run");
  const [program, ...flags] = kugetsuCommand();
  return await run(program!, [...flags, ...args], {
    cwd: scratch.path,
    env: { PATH, ...(DENO_DIR ? { DENO_DIR } : {}), HOME: scratch.path, ...env },
    timeoutMs: 60_000,
  });
}

/** The same with standard error on a terminal. */
async function onTerminal(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  await using scratch = await makeScratch("run");
  const { stdout } = await run(
    "script",
    ["-qc", [...kugetsuCommand(), ...args].join(" "), "/dev/null"],
    { env: { PATH, ...(DENO_DIR ? { DENO_DIR } : {}), HOME: scratch.path, ...env } },
  );
  return stdout;
}

/** What every bad call gets: nothing on standard output, exit status 2, what was wrong, and what to do. */
async function assertRefused(
  args: string[],
  message: string,
  next: string,
  hint?: string,
): Promise<void> {
  const { code, stdout, stderr } = await kugetsu(args);
  const advice = `  try: ${next}\n${hint ? `  (${hint})\n` : ""}`;
  const expected = { code: 2, stdout: "", stderr: `error: ${message}\n${advice}` };
  assert.deepEqual({ code, stdout, stderr }, expected, args.join(" "));
}

test("the executable says so in a folder that was deleted; help and version still answer", async () => {
  await using scratch = await makeScratch("run");
  const inDeleted = async (...args: string[]) => {
    const words = ["-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh"];
    const env = { PATH, HOME: scratch.path };
    return await run("sh", [...words, EXECUTABLE, ...args], { cwd: scratch.path, env });
  };
  const { code, stdout, stderr } = await inDeleted("list");
  assert.deepEqual([code, stdout], [5, ""]);
  assert.match(
    stderr,
    /^error: Cannot work in the current folder: it was deleted.*\n.* with cd/,
  );
  assert.equal((await inDeleted("--version")).code, 0);
  assert.match((await inDeleted("start", "--help")).stdout, /^Usage: kugetsu start /);
});

test("every command has help with examples, three ways to ask for it", async () => {
  for (const name of Object.keys(COMMANDS)) {
    const { code, stdout, stderr } = await kugetsu([name, "--help"]);
    assert.deepEqual([code, stderr], [0, ""], name);
    assert.match(stdout, new RegExp(`^Usage: kugetsu ${name}\\b`));
    assert.match(stdout, new RegExp(`\nExamples:\n  \\$ .*kugetsu ${name}\\b`), name);
  }
  const [long, short, asked] = await Promise.all([
    kugetsu(["start", "--help"]),
    kugetsu(["start", "-h"]),
    kugetsu(["help", "start"]),
  ]);
  assert.equal(short.stdout, long.stdout);
  assert.equal(asked.stdout, long.stdout);
  const nested = await kugetsu(["help", "config", "get"]);
  assert.match(nested.stdout, /^Usage: kugetsu config get /);
});

test("the help fits into 80 columns", async () => {
  for (const name of ["", ...Object.keys(COMMANDS)]) {
    const { stdout } = await kugetsu([name, "--help"].filter(Boolean));
    const examples = stdout.indexOf("\nExamples:");
    const tooLong = stdout.slice(0, examples).split("\n").filter((line) => line.length > 80);
    assert.deepEqual(tooLong, [], name);
  }
});

test("the help names every command that is not hidden", async () => {
  const { code, stdout } = await kugetsu(["--help"]);
  assert.equal(code, 0);
  for (const name of [...Object.keys(COMMANDS), "help"]) {
    assert.match(stdout, new RegExp(`^  ${name} `, "m"));
  }
  assert.doesNotMatch(stdout, /__/);
  assert.equal((await kugetsu(["help"])).stdout, stdout);
});

test("without a command there is the help, on standard error, and exit status 2", async () => {
  for (const args of [[], ["-q"], ["--debug", "--quiet"], ["config"]]) {
    const { code, stdout, stderr } = await kugetsu(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^Usage: kugetsu /);
    assert.match(stderr, /\nerror: A command is missing\n {2}try: kugetsu (config )?--help\n$/);
  }
});

test("an unknown command", async () => {
  const meant = 'Unknown command "strat": did you mean start?';
  await assertRefused(["strat"], meant, "kugetsu --help");
  await assertRefused(["strat", "--help"], meant, "kugetsu --help");
  await assertRefused(["help", "strat"], meant, "kugetsu --help");
  await assertRefused(["strat", "x", "the message"], meant, "kugetsu --help");
  await assertRefused(["xyzzy"], 'Unknown command "xyzzy"', "kugetsu --help");
  await assertRefused(["__ref"], 'Unknown command "__ref"', "kugetsu --help");
  await assertRefused(
    ["config", "gte"],
    'Unknown command "gte": did you mean get?',
    "kugetsu config --help",
  );
  await assertRefused(["\x1b[31mred"], 'Unknown command "\\u{001b}[31mred"', "kugetsu --help");
});

test("an unknown option", async () => {
  await assertRefused(
    ["list", "--jsn"],
    'Unknown option "--jsn": did you mean --json?',
    "kugetsu list --help",
  );
  await assertRefused(["--nonsense"], 'Unknown option "--nonsense"', "kugetsu --help");
  await assertRefused(
    ["list", "--json=1"],
    "Cannot give --json a value: it takes none",
    "kugetsu list --help",
  );
  await assertRefused(
    ["config", "get", "--jsno"],
    'Unknown option "--jsno": did you mean --json?',
    "kugetsu config get --help",
  );
});

test("a message that is taken for an option is not repeated", async () => {
  await assertRefused(
    ["start", "github.com/shoko/kugetsu#14", "-fix the login: secret"],
    'Unknown option "-fix"',
    "kugetsu start --help",
    "a message that begins with a dash goes after --",
  );
});

test("what cannot go together sends to the help of its command", async () => {
  const both = ["github.com/shoko/kugetsu#14", "fix it", "--message-file", "x"];
  const why = "Cannot take the message twice: both MESSAGE and --message-file were given";
  await assertRefused(["start", ...both], why, "kugetsu start --help");
  await assertRefused(["continue", ...both], why, "kugetsu continue --help");
  // Found while the options are read, before the command runs.
  const key = ["github.com/shoko/kugetsu#14", "fix it", "--key", ""];
  const none = "Cannot use an empty --key: it has to name one turn";
  await assertRefused(["continue", ...key], none, "kugetsu continue --help");
  await assertRefused(["-q", "start", ...key], none, "kugetsu start --help");
  await assertRefused(
    ["stop", "--all", "14"],
    "Cannot stop all and some: give REFs or --all",
    "kugetsu stop --help",
  );
});

test("what every command takes may stand in front of it", async () => {
  const { code, stdout } = await kugetsu(["--json", "-q", "config", "path"]);
  assert.equal(code, 0);
  assert.match(JSON.parse(stdout).path, /config\.jsonc$/);
});

test("a missing argument", async () => {
  await assertRefused(
    ["start"],
    "Cannot tell what to start: give a REF, or --refs-from",
    "kugetsu start --help",
  );
  await assertRefused(
    ["continue"],
    "An argument is missing: kugetsu continue needs <ref>",
    "kugetsu continue --help",
    "it is called as: kugetsu continue [options] <ref> [message]",
  );
  await assertRefused(
    ["config", "get"],
    "An argument is missing: kugetsu config get needs <setting>",
    "kugetsu config get --help",
    "it is called as: kugetsu config get [options] <setting>",
  );
  await assertRefused(
    ["list", "--state"],
    "Cannot use --state <state> without a value",
    "kugetsu list --help",
  );
});

test("too many arguments, which are not repeated", async () => {
  await assertRefused(
    ["start", "github.com/shoko/kugetsu#14", "fix", "the", "login"],
    "Too many arguments: kugetsu start takes 2 at most",
    "kugetsu start --help",
    "the message goes in quotes",
  );
  await assertRefused(
    ["init", "--headless", "--force", "read the rules"],
    "Too many arguments: kugetsu init takes none",
    "kugetsu init --help",
    "the message goes in quotes, right behind --headless",
  );
  await assertRefused(
    ["list", "all"],
    "Too many arguments: kugetsu list takes none",
    "kugetsu list --help",
  );
});

test("a value that is none of those there are", async () => {
  await assertRefused(
    ["list", "--state", "sleeping"],
    'Cannot use "sleeping" for --state: it is starting, queued, running, idle, failed, blocked, ' +
      "stopped or damaged",
    "kugetsu list --help",
  );
  await assertRefused(
    ["start", "14", "x", "--permissions=it's"],
    'Cannot use "it\'s" for --permissions: it is deny, allow or wait',
    "kugetsu start --help",
  );
  await assertRefused(
    ["continue", "github.com/shoko/kugetsu#14", "x", "--model", "nope"],
    'Cannot use "nope" for --model: a model is written provider/model',
    "kugetsu continue --help",
  );
  await assertRefused(
    ["completions", "tcsh"],
    'Cannot use "tcsh" for <shell>: it is bash, zsh or fish',
    "kugetsu completions --help",
  );
});

test("under --json an error is one line of JSON, and nothing else is said", async () => {
  const { code, stdout, stderr } = await kugetsu(["list", "--json", "--state", "x"]);
  assert.deepEqual([code, stdout], [2, ""]);
  const { error } = JSON.parse(stderr);
  assert.deepEqual([error.code, error.exit, error.next], ["usage", 2, "kugetsu list --help"]);
  assert.equal(stderr.split("\n").length, 2);
  const alone = await kugetsu(["--json"]);
  assert.deepEqual([alone.code, alone.stdout], [2, ""]);
  assert.equal(JSON.parse(alone.stderr).error.message, "A command is missing");
  // Behind -- it is a message, and what is wrong is told to a person.
  const other = await kugetsu(["continue", "nonsense", "--", "--json"]);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /^error: /);
});

test("the version", async () => {
  for (const flag of ["--version", "-V"]) {
    const { code, stdout, stderr } = await kugetsu([flag]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^kugetsu \d+\.\d+\.\d+\n$/);
  }
});

// deno-lint-ignore no-control-regex
const COLOUR = /\x1b\[/;

test("a command's own --version is the command's, wherever it stands", async () => {
  const mirror = ["--base-url", "file:///nowhere/mirror"];
  for (const args of [["--version", "9.9.9", ...mirror], [...mirror, "--version", "9.9.9"]]) {
    const { code, stdout, stderr } = await kugetsu(["upgrade", ...args]);
    assert.deepEqual([code, stdout], [5, ""], stderr);
    assert.match(stderr, /v9\.9\.9/);
  }
  assert.equal((await kugetsu(["list", "--version"])).code, 2);
});

test("a state folder that is none is an error of the environment that names it", async () => {
  await using scratch = await makeScratch("run");
  const file = await scratch.write("state", "");
  for (const args of [["list"], ["list", "--json"], ["config", "set", "model", "a/b"]]) {
    const { code, stderr } = await kugetsu(args, { KUGETSU_HOME: file });
    assert.equal(code, 5, stderr);
    assert.ok(stderr.includes(file), stderr);
  }
});

test("no colours in a pipe, unless FORCE_COLOR asks for them and NO_COLOR does not forbid it", async () => {
  const coloured = async (env: NodeJS.ProcessEnv) =>
    COLOUR.test((await kugetsu(["xyzzy"], env)).stderr);
  assert.equal(await coloured({}), false);
  assert.equal(await coloured({ FORCE_COLOR: "1" }), true);
  assert.equal(await coloured({ FORCE_COLOR: "1", TERM: "dumb" }), true);
  assert.equal(await coloured({ FORCE_COLOR: "0" }), false);
  assert.equal(await coloured({ FORCE_COLOR: "1", NO_COLOR: "1" }), false);
  const help = await kugetsu(["--help"], { FORCE_COLOR: "1" });
  assert.doesNotMatch(help.stdout, COLOUR);
});

test("colours on a terminal, unless it is dumb or NO_COLOR or FORCE_COLOR=0 forbids them", {
  skip: needs("script", "linux"),
}, async () => {
  const coloured = async (env: NodeJS.ProcessEnv) => COLOUR.test(await onTerminal(["xyzzy"], env));
  assert.equal(await coloured({ TERM: "xterm-256color" }), true);
  assert.equal(await coloured({ TERM: "xterm-256color", NO_COLOR: "" }), true);
  assert.equal(await coloured({ TERM: "xterm-256color", NO_COLOR: "1" }), false);
  assert.equal(await coloured({ TERM: "xterm-256color", FORCE_COLOR: "0" }), false);
  assert.equal(await coloured({ TERM: "dumb" }), false);
  assert.doesNotMatch(await onTerminal(["--help"], { TERM: "xterm-256color" }), COLOUR);
});
