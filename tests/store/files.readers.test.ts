/** Whoever reads while others write sees the old or the new content of each file, never a part of one. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { rounds } from "../support/rounds.ts";
import { makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const ISSUES = 8;

test("every read of every file parses while sessions come, change and go", async () => {
  await using lab = await makeStateFolder();
  let over = false;
  const isOver = () => over;
  const readers = [readFilesUntil(lab, isOver), listUntil(lab, isOver), pruneUntil(lab, isOver)];
  const writers = Array.from({ length: ISSUES }, (_, i) => writeAll(lab, i + 1));
  const written = Promise.all(writers).finally(() => over = true);
  const [reads, lists, prunes] = await Promise.all([...readers, written]) as number[];
  assert.ok(reads! > 100, `only ${reads} reads`);
  assert.ok(lists! > 5 && prunes! > 5, `only ${lists} lists and ${prunes} prunes`);
});

async function writeAll(lab: StateFolder, number: number): Promise<void> {
  const ref = `github.com/shoko/kugetsu#${number}`;
  for (let round = 0; round < rounds(3, 40); round++) {
    for (const args of [["start", ref, "do it"], ["continue", ref], ["destroy", ref, "-y"]]) {
      const keep = args[0] === "destroy" ? ["--keep-session"] : [];
      const { code, stderr } = await lab.kugetsu([...args, ...keep]);
      assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    }
  }
}

/** Reads all files again and again, as any other program might. Returns how many reads that were. */
async function readFilesUntil(lab: StateFolder, isOver: () => boolean): Promise<number> {
  const sessions = join(lab.state, "sessions");
  let reads = 0;
  while (!isOver()) {
    const names = (await readdir(sessions)).filter((name) => name.endsWith(".json"));
    for (const path of [join(lab.state, "index.json"), ...names.map((it) => join(sessions, it))]) {
      const text = await readFile(path, "utf8").catch(() => undefined);
      if (text === undefined) continue; // destroyed meanwhile
      reads++;
      assert.doesNotThrow(() => JSON.parse(text), `${path} held ${JSON.stringify(text)}`);
    }
  }
  return reads;
}

/** A session that is busy all the time is shown as queued, starting, running or idle, and as nothing else. */
async function listUntil(lab: StateFolder, isOver: () => boolean): Promise<number> {
  let lists = 0;
  for (; !isOver(); lists++) {
    const { code, stdout, stderr } = await lab.kugetsu(["list", "--json"]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    for (const { state } of JSON.parse(stdout).sessions) {
      assert.match(state, /^(queued|starting|running|idle)$/, stdout);
    }
  }
  return lists;
}

/** Nobody died, so there is never anything to prune, and nothing for the doctor. */
async function pruneUntil(lab: StateFolder, isOver: () => boolean): Promise<number> {
  let prunes = 0;
  for (; !isOver(); prunes++) {
    const { stdout } = await lab.kugetsu(["prune", "--json"]);
    assert.deepEqual(JSON.parse(stdout).orphans, []);
    await lab.kugetsu(["prune", "--force"]);
  }
  return prunes;
}
