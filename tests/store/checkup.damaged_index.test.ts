/** Damaged index files of every kind: nothing hangs or crashes, nothing is lost, and the doctor rebuilds. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../scripts/_run.ts";
import { figures } from "../support/figures.ts";
import { assertRepairs } from "../support/promises.ts";
import { rounds } from "../support/rounds.ts";
import { keepState, makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const REFS = ["github.com/shoko/kugetsu#14", "github.com/a-b/c#1", "gitlab.com/group/sub/repo#7"];
/** Far longer than it ever takes, and far from for ever. */
const LIMIT_MS = 20_000;

/** Makes a damaged index out of a good one. */
type Damage = (good: string) => string | Uint8Array;

const DAMAGES: Record<string, Damage> = {
  "cut off somewhere": (good) => good.slice(0, below(good.length)),
  "one bit flipped": (good) => flipped(good, 1),
  "ten bits flipped": (good) => flipped(good, 10),
  "empty": () => "",
  "blank": () => " \n\n",
  "only zeros, as after a crash": (good) => new Uint8Array(good.length),
  "binary": () => randomBytes(1 + below(4000)),
  "not UTF-8": (good) => Buffer.from(good.replace("github", "gith\xffb"), "latin1"),
  "with a mark in front": (good) => `\ufeff${good}`,
  "with something behind it": (good) => `${good}${good.slice(below(good.length))}x`,
  "huge": (good) => good.replace("{", `{"waste": "${"x".repeat(8_000_000)}", "base": 1, `),
  "huge, and no JSON": () => "x".repeat(8_000_000),
  "nested deeply": () => "[".repeat(1 + below(200_000)),
  "nested deeply, and closed": (good) => {
    const depth = 1 + below(1000);
    return good.replace("{", `{"deep": ${"[".repeat(depth)}${"]".repeat(depth)}, `);
  },
  "another type": () => oneOf(["[]", "null", "true", "0", '"index"', '[{"base": null}]', "{}"]),
  "a base of another type": (good) =>
    good.replace(/"base": ".*?"/, `"base": ${oneOf(["7", "[]", "{}", "true"])}`),
  "issues of another type": (good) =>
    good.replace(
      /"issues": \{[^}]*\}/,
      `"issues": ${oneOf(["7", "[]", "null", '"x"', '{"a": 1}'])}`,
    ),
  "a file name that leads elsewhere": (good) =>
    good.replace(
      /": "[^"]*\.json"/,
      `": "${oneOf(["../index.json", "/etc/passwd", ".json", ""])}"`,
    ),
  "the same key twice": (good) => good.replace("{", '{"base": 7, "issues": [], '),
  "keys that mean something": (good) =>
    good.replace('"issues": {', '"issues": {"__proto__": "a.json", "constructor": "b.json", '),
};

test("what is no regular file is not read, and moved aside by the doctor", async () => {
  for (const make of ["mkfifo", "mkdir"]) {
    await using lab = await makeStateFolder();
    for (const ref of REFS) assert.equal((await lab.kugetsu(["start", ref, "do it"])).code, 0);
    const file = join(lab.state, "sessions", "github.com-shoko-kugetsu-14.json");
    await rm(file);
    const stray = join(lab.state, "sessions", "stray.json");
    for (const path of [file, stray]) assert.equal((await run(make, [path])).code, 0);
    const what = make === "mkdir" ? /it is a folder/ : /it is not a regular file/;
    assert.match((await lab.kugetsu(["list"])).stderr, what);
    assert.match((await lab.kugetsu(["prune"])).stdout, /stray\.json/);
    assert.match((await lab.kugetsu(["doctor"])).stdout, what);
    await assertRepairs(lab);
    const left = await readdir(join(lab.state, "sessions"));
    assert.equal(left.filter((name) => name.includes(".json.damaged-")).length, 2);
    assert.equal((await lab.kugetsu(["start", REFS[0]!, "do it"])).code, 0);
  }
});

test("an index that is no regular file is moved aside, and rebuilt", async () => {
  for (const make of ["mkfifo", "mkdir"]) {
    await using lab = await makeStateFolder();
    assert.equal((await lab.kugetsu(["start", REFS[0]!, "do it"])).code, 0);
    const index = join(lab.state, "index.json");
    await rm(index);
    assert.equal((await run(make, [index])).code, 0);
    const { code, stderr } = await lab.kugetsu(["list"]);
    assert.equal(code, 9);
    assert.match(stderr, /try: kugetsu doctor --fix/);
    assert.equal((await lab.kugetsu(["status", REFS[0]!])).code, 9);
    await assertRepairs(lab);
    assert.equal((await lab.kugetsu(["continue", REFS[0]!])).code, 0);
  }
});

test("a file in the place of a folder is named by the doctor with what to do", async () => {
  await using lab = await makeStateFolder();
  const folder = join(lab.state, "sessions");
  await rm(folder, { recursive: true });
  await writeFile(folder, "");
  const { code, stdout } = await lab.kugetsu(["doctor", "--fix"]);
  assert.equal(code, 5);
  assert.match(stdout, /^bad +.*\/sessions: it is not a folder, .*; repair: move it away/m);
  assert.equal(stdout.match(/^bad/gm)?.length, 1, stdout);
  await rm(folder);
  await assertRepairs(lab);
});

test("damaged index files are backed up and rebuilt", async () => {
  await using lab = await makeStateFolder();
  for (const ref of REFS) assert.equal((await lab.kugetsu(["start", ref, "do it"])).code, 0);
  const good = await readFile(join(lab.state, "index.json"), "utf8");
  const reset = await keepState(lab);
  const kinds = Object.entries(DAMAGES);
  const counts = { files: 0, refused: 0, "still valid": 0 };
  for (; counts.files < rounds(kinds.length, 200); counts.files++) {
    const [kind, damage] = kinds[counts.files % kinds.length]!;
    const damaged = Buffer.from(damage(good));
    await reset();
    await writeFile(join(lab.state, "index.json"), damaged);
    try {
      const isRefused = await assertSurvives(lab);
      if (isRefused) await assertRebuilds(lab, damaged, good);
      else await assertRepairs(lab, { orphans: true });
      counts[isRefused ? "refused" : "still valid"]++;
    } catch (error) {
      throw new Error(`${kind}: ${damaged.toString("latin1").slice(0, 2000)}`, { cause: error });
    }
  }
  figures("damaged index files", counts);
  assert.ok(counts.refused > counts["still valid"]);
});

/** Returns whether the index was refused, which all commands have to agree on. */
async function assertSurvives(lab: StateFolder): Promise<boolean> {
  const before = await sessionFiles(lab);
  const run = (...args: string[]) => lab.kugetsu(args, { timeoutMs: LIMIT_MS });
  const list = await run("list");
  const isRefused = list.code === 9;
  const commands = [list, await run("list", "--json"), await run("prune")];
  // One that is valid may name fewer files than there are: what prune then deletes is no business of this test.
  if (isRefused) {
    commands.push(await run("prune", "--force"), await run("start", REFS[0]!, "again"));
  }
  for (const { code, stderr } of commands) {
    assert.equal(code, isRefused ? 9 : 0, stderr);
    if (isRefused) assert.match(stderr, /index\.json[^]*doctor --fix/);
  }
  if (!isRefused) {
    const { code, stderr } = await run("start", "github.com/shoko/kugetsu#99", "something new");
    assert.ok(code === 0 || code === 3, `start: ${code} ${stderr}`);
    await run("destroy", "github.com/shoko/kugetsu#99", "-y", "--keep-session");
  }
  assert.deepEqual(await sessionFiles(lab), before);
  return isRefused;
}

async function assertRebuilds(lab: StateFolder, damaged: Buffer, good: string): Promise<void> {
  const before = await sessionFiles(lab);
  await assertRepairs(lab);
  assert.deepEqual(await sessionFiles(lab), before);
  const backups = (await readdir(lab.state)).filter((name) =>
    name.startsWith("index.json.damaged-")
  );
  assert.equal(backups.length, 1);
  assert.ok(damaged.equals(await readFile(join(lab.state, backups[0]!))), "the copy is another");
  const rebuilt = JSON.parse(await readFile(join(lab.state, "index.json"), "utf8"));
  assert.deepEqual(rebuilt, JSON.parse(good));
}

async function sessionFiles(lab: StateFolder): Promise<Record<string, string>> {
  const folder = join(lab.state, "sessions");
  const read = (await readdir(folder)).map(async (name) =>
    [name, await readFile(join(folder, name), "utf8")] as const
  );
  return Object.fromEntries(await Promise.all(read));
}

function flipped(good: string, count: number): Uint8Array {
  const bytes = Buffer.from(good);
  for (let i = 0; i < count; i++) bytes[below(bytes.length)]! ^= 1 << below(8);
  return bytes;
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

function oneOf<T>(choices: T[]): T {
  return choices[below(choices.length)]!;
}
