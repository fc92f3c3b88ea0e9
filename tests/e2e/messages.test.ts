/** Messages reach the model byte for byte, and nobody else sees them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { needs } from "../support/needs.ts";
import { kugetsuCommand, makeWorld, type World } from "../support/opencode_home.ts";
import { run } from "../../scripts/_run.ts";
import { digestOf } from "../support/scripted_model.ts";

const AWKWARD = [
  "--version is not an option here",
  "quotes \" and ' and `ticks` and $(touch planted) and \\backslashes\\",
  "line one\nline two\r\n\n  indented, and an end of line\n",
  "\ufeffa byte order mark, 漢字 and 👩‍👩‍👧",
];

test("awkward messages arrive byte for byte, as an argument and from standard input", async () => {
  await using world = await makeWorld();
  await init(world);
  const [first, ...others] = AWKWARD;
  const started = await world.kugetsu(["start", "14", "--", first!]);
  assert.equal(started.stdout, `${digestOf(first!)}\n`, started.stderr);
  for (const message of others) {
    const { stdout, stderr } = await world.kugetsu(["continue", "14", "-"], { input: message });
    assert.equal(stdout, `${digestOf(message)}\n`, stderr);
  }
  assert.deepEqual(world.model.prompts, AWKWARD);
});

test(
  "a pipe that nobody waits at, and that is written late, is read to its end; a folder is refused",
  {
    skip: needs("perl"),
  },
  async () => {
    await using world = await makeWorld();
    await init(world);
    const fifo = world.scratch.join("late");
    assert.equal((await run("mkfifo", [fifo])).code, 0);
    const late = start(
      openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK),
      "start",
      "14",
      "-",
    );
    const writer = openSync(fifo, constants.O_WRONLY);
    for (const word of ["@say", " one", " two"]) {
      await new Promise((later) => setTimeout(later, 300));
      writeSync(writer, word);
    }
    closeSync(writer);
    assert.deepEqual(await late, { code: 0, said: "one two\n" });
    const folder = await start(
      openSync(world.repository, constants.O_RDONLY),
      "continue",
      "14",
      "-",
    );
    assert.equal(folder.code, 5);
    assert.match(folder.said, /^error: Cannot read standard input: it is a folder/);

    /** With this as its standard input, which is closed here once it has begun. */
    async function start(input: number, ...args: string[]) {
      // Set so behind the runtime of this test, which sets it back: a read fails at once while there is nothing to read.
      const unwaiting = "fcntl(STDIN, F_SETFL, fcntl(STDIN, F_GETFL, 0) | O_NONBLOCK); exec @ARGV";
      const command = ["-MFcntl", "-e", unwaiting, "--", ...kugetsuCommand(), ...args];
      const child = spawn("perl", command, {
        cwd: world.repository,
        env: world.env,
        stdio: [input, "pipe", "pipe"],
      });
      closeSync(input);
      const [said, wrong] = [text(child.stdout!), text(child.stderr!)];
      const [code] = await once(child, "close");
      return { code, said: await said + await wrong };
    }
  },
);

test("200 kB from a file, and 100 kB as an argument", async () => {
  await using world = await makeWorld();
  await init(world);
  const large = "All work and no play.\n".repeat(9100);
  const file = world.scratch.join("task.md");
  await writeFile(file, large);
  const fromFile = await world.kugetsu(["start", "14", "--message-file", file]);
  assert.equal(fromFile.stdout, `${digestOf(large)}\n`, fromFile.stderr);
  const argument = large.slice(0, 100_000);
  const fromArgument = await world.kugetsu(["continue", "14", argument]);
  assert.equal(fromArgument.stdout, `${digestOf(argument)}\n`, fromArgument.stderr);
});

test("the longest message there is reaches opencode, whatever it takes to write it down", async () => {
  await using world = await makeWorld({ opencode: "stand-in" });
  await init(world);
  const longest = '"'.repeat(8 * 1024 * 1024);
  const { code, stderr } = await world.kugetsu(["start", "14", "-"], { input: longest });
  assert.equal(code, 0, stderr);
  assert.equal((await world.standIn.calls()).at(-1)!.input, longest);
});

// deno itself reads another text from it, and does not tell.
test("an argument that is no text is refused, and not sent as something else", {
  skip: needs("executable"),
}, async () => {
  await using world = await makeWorld({ opencode: "stand-in" });
  await init(world);
  const command = kugetsuCommand().map((it) => `'${it}'`).join(" ");
  const script = `${command} start 14 "$(printf 'caf\\351 x')"`;
  const { code, stderr } = await run("sh", ["-c", script], {
    cwd: world.repository,
    env: world.env,
  });
  assert.deepEqual([code, /not text in UTF-8/.test(stderr)], [2, true], stderr);
});

test("a message stands in no argument and no log, and in files that only the user can read", async () => {
  await using world = await makeWorld();
  await init(world);
  const secret = "xyzzy-plugh";
  const turn = world.spawn(["start", "14", "-", "--debug"], {
    input: `${secret}\n@slow 400 a b c d`,
  });
  await turn.sees(/session ses_/);
  assert.deepEqual(await commandLinesWith(secret), []);
  const { code, stderr } = await turn.ended;
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, new RegExp(secret));
  const holding: string[] = [];
  for (const file of await readdir(world.state, { recursive: true, withFileTypes: true })) {
    // What is being written is renamed when it is whole.
    if (!file.isFile() || file.name.endsWith(".tmp")) continue;
    const path = join(file.parentPath, file.name);
    const isPrivate = ((await stat(path)).mode & 0o077) === 0;
    if ((await readFile(path, "utf8")).includes(secret)) {
      holding.push(`${relative(world.state, path)}${isPrivate ? "" : " is not private"}`);
    }
  }
  const name = "github.com-shoko-kugetsu-14";
  assert.deepEqual(holding.sort(), [`logs/issues/${name}.jsonl`, `turns/${name}.json`]);
});

test("a message that is empty, given twice or not to be read is refused before anything begins", async () => {
  await using world = await makeWorld({ opencode: "stand-in" });
  await init(world);
  const refused: [number, string[], RegExp][] = [
    [5, ["start", "localhost:1/a/b#14", "--base", "default"], /localhost:1 cannot be reached/],
    [2, ["start", "14", "  \n"], /it is empty/],
    [2, ["start", "14", "-"], /standard input: it is empty/],
    [2, ["start", "14", "a", "--message-file", "b"], /twice/],
    [5, ["start", "14", "--message-file", "/nowhere"], /\/nowhere[^]*name a file that is there/],
  ];
  const binary = await world.scratch.write("binary", Uint8Array.of(0xff, 0xfe, 0, 0x78));
  refused.push([2, ["start", "14", "--message-file", binary], /is not text in UTF-8/]);
  refused.push([2, ["start", "14", "--message-file", "/dev/zero"], /more than 8 MiB/]);
  for (const [code, args, pattern] of refused) {
    const result = await world.kugetsu(args);
    assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, pattern);
  }
  assert.equal((await world.standIn.calls()).filter((it) => it.args[0] === "run").length, 0);
});

async function init(world: World): Promise<void> {
  const { code, stderr } = await world.kugetsu(["init", "--headless"]);
  assert.equal(code, 0, stderr);
}

/** Linux only; elsewhere there is nothing to look at, and nothing is found. */
async function commandLinesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    const line = await readFile(join("/proc", pid, "cmdline"), "utf8").catch(() => "");
    if (line.includes(text)) found.push(line);
  }
  return found;
}
