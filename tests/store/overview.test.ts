/** The rows of a listing that are kept for next time are never shown once they are out of date. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseRef } from "../../src/session/ref.ts";
import { FileStore } from "../../src/store/file_store.ts";
import { indexOf, makeStateFolder, type StateFolder } from "../support/state_folder.ts";

/** More than are looked at one by one. */
const MANY = 600;
/** As many as are kept, and looked at all the same. */
const SOME = 60;

test("what is kept of a listing of hundreds is given up with every change", async () => {
  await using lab = await makeStateFolder();
  await fill(lab);
  const store = new FileStore(lab.state, () => "the test");
  const stateOf = async (number: number) =>
    (await store.overview()).rows.find((row) => row.key === refOf(number))?.state;

  await settle(lab);
  assert.equal(await stateOf(1), "idle");
  assert.ok(existsSync(join(lab.state, "run", "overview.json")), "nothing was kept");
  const hold = await store.hold(parseRef(refOf(1)));
  await hold.save({ ...hold.record, state: "blocked" });
  assert.equal(await stateOf(1), "blocked");
  await hold.release();

  await settle(lab);
  assert.equal(await stateOf(1), "blocked");
  await (await store.hold(parseRef(refOf(2)))).remove();
  assert.equal(await stateOf(2), undefined);
  assert.equal((await store.overview()).rows.length, MANY - 1);

  await settle(lab);
  await store.overview();
  await rm(join(lab.state, "index.json"));
  await assert.rejects(store.overview(), { code: "index-damaged" });
});

test("damage is shown in a listing of hundreds, and each row is its own issue's", async () => {
  await using lab = await makeStateFolder();
  await fill(lab);
  // As the old tool left it: two issues, one file.
  const index = await indexOf(lab.state);
  const entries = Object.entries(index.issues);
  index.issues[entries[5]![0]] = entries[6]![1];
  await writeFile(join(lab.state, "index.json"), JSON.stringify(index));
  await settle(lab);
  for (let look = 0; look < 3; look++) {
    const { rows } = await new FileStore(lab.state, () => "the test").overview();
    assert.deepEqual(rows.filter((row) => row.problem).map((row) => row.key), [entries[5]![0]]);
    assert.equal(rows[6]!.session, "ses_7");
  }
});

test("a session file that is edited in place shows in a listing of dozens, whatever is kept", async () => {
  await using lab = await makeStateFolder();
  await fill(lab, SOME);
  await settle(lab);
  // What changed just now is read in any case.
  await new Promise((later) => setTimeout(later, 2500));
  const store = new FileStore(lab.state, () => "the test");
  await store.overview();
  const kept = join(lab.state, "run", "overview.json");
  await writeFile(kept, (await readFile(kept, "utf8")).replace('"ses_3"', '"ses_kept"'));
  await edit(lab, 4, (text) => text.replace("idle", "gone"));
  await edit(lab, 5, () => "{");
  const { rows } = await store.overview();
  const shown = rows.slice(2, 5).map(({ session, state }) => [session, state]);
  assert.deepEqual(shown, [["ses_kept", "idle"], ["ses_4", "gone"], [null, "damaged"]]);
});

test("rubbish in place of the kept rows is no harm", async () => {
  await using lab = await makeStateFolder();
  await fill(lab);
  await settle(lab);
  const store = new FileStore(lab.state, () => "the test");
  const before = await store.overview();
  const path = join(lab.state, "run", "overview.json");
  const kept = await readFile(path, "utf8");
  for (const rubbish of ["", "null", "7", "[]", "{}", kept.slice(0, kept.length / 2)]) {
    await writeFile(path, rubbish);
    assert.deepEqual(await store.overview(), before, rubbish.slice(0, 20));
  }
});

function refOf(number: number): string {
  return `github.com/shoko/kugetsu#${number}`;
}

async function fill(lab: StateFolder, count = MANY): Promise<void> {
  const index = await indexOf(lab.state);
  for (let i = 1; i <= count; i++) {
    const record = {
      type: "forked",
      issue_ref: refOf(i),
      opencode_session_id: `ses_${i}`,
      created_at: "2026-03-29T18:16:10+02:00",
      state: "idle",
    };
    index.issues[refOf(i)] = `github.com-shoko-kugetsu-${i}.json`;
    await writeFile(join(lab.state, "sessions", index.issues[refOf(i)]!), JSON.stringify(record));
  }
  await writeFile(join(lab.state, "index.json"), JSON.stringify(index));
}

/** Writes a session file in place, and hides that from its time of change. */
async function edit(
  lab: StateFolder,
  number: number,
  change: (text: string) => string,
): Promise<void> {
  const path = join(lab.state, "sessions", `github.com-shoko-kugetsu-${number}.json`);
  await writeFile(path, change(await readFile(path, "utf8")));
  await utimes(path, 1, 1);
}

/** Lets all of it be some time ago: what changed just now is never kept. */
async function settle(lab: StateFolder): Promise<void> {
  const past = new Date(Date.now() - 60_000 - Math.random() * 1000);
  for (const name of ["index.json", "sessions"]) await utimes(join(lab.state, name), past, past);
}
