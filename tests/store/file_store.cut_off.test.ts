/** What single accidents and two in a row leave behind, and how each is got over. */
import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertRepairs } from "../support/promises.ts";
import { indexOf, makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const REF = "github.com/shoko/kugetsu#14";
const FILE = "github.com-shoko-kugetsu-14.json";
const TURN = {
  id: "turn-1",
  kind: "start",
  started_at: "2026-03-29T18:16:10+02:00",
  owner: { pid: 1, started: "0", boot: "another" },
};
const STARTING = {
  type: "forked",
  issue_ref: REF,
  opencode_session_id: null,
  created_at: TURN.started_at,
  state: "starting",
  origin: "forked",
  turn: TURN,
};

for (const isIndexed of [false, true]) {
  // An entry without a file is left by a destroy that was cut off, and the next start of the issue takes it over.
  const where = isIndexed ? "after a destroy that was cut off too" : "before it had a session";
  test(`a start that was cut off ${where} can be started again`, async () => {
    await using lab = await makeStateFolder();
    await put(lab, STARTING, isIndexed);
    assert.equal((await lab.kugetsu(["continue", REF])).code, 3);
    assert.equal((await lab.kugetsu(["destroy", REF, "-y"])).code, 3);
    const { code, stderr } = await lab.kugetsu(["start", REF, "do it"]);
    assert.equal(code, 0, stderr);
    await assertRepairs(lab);
  });

  test(`the doctor clears a start that was cut off ${where}`, async () => {
    await using lab = await makeStateFolder();
    await put(lab, STARTING, isIndexed);
    const { checks } = await assertRepairs(lab);
    assert.deepEqual(checks.filter((it) => it.repaired).map((it) => it.check), ["cut-off-start"]);
    assert.deepEqual(await readdir(join(lab.state, "sessions")), ["base.json"]);
    assert.deepEqual((await indexOf(lab.state)).issues, {});
  });
}

test("the doctor adopts a start that was cut off with its session", async () => {
  await using lab = await makeStateFolder();
  await put(lab, { ...STARTING, opencode_session_id: "ses_1", state: "running" }, false);
  await lab.standIn.addSession("ses_1", lab.scratch.path);
  assert.match((await lab.kugetsu(["start", REF, "again"])).stderr, /doctor --fix/);
  await assertRepairs(lab);
  assert.deepEqual((await indexOf(lab.state)).issues, { [REF]: FILE });
  const { sessions } = await lab.json<{ sessions: Record<string, unknown>[] }>(["list"]);
  assert.equal(sessions[0]?.state, "failed");
  // Whoever goes on has to know what may still be running of it.
  assert.deepEqual(sessions[0]?.turn, TURN);
  assert.equal((await lab.kugetsu(["continue", REF])).code, 0);
});

test("a destroy that was cut off is finished", async () => {
  await using lab = await makeStateFolder();
  assert.equal((await lab.kugetsu(["start", REF, "do it"])).code, 0);
  await rm(join(lab.state, "sessions", FILE));
  const { sessions } = await lab.json<{ sessions: unknown[] }>(["list"]);
  assert.deepEqual(sessions, []);
  assert.equal((await lab.kugetsu(["destroy", REF, "-y"])).code, 3);
  await assertRepairs(lab);
  assert.deepEqual((await indexOf(lab.state)).issues, {});
});

test("an init that was cut off can be made again, and is no damage", async () => {
  await using lab = await makeStateFolder({ base: false });
  for (const session of ["ses_1", "ses_2"]) await lab.standIn.addSession(session, lab.scratch.path);
  assert.equal((await lab.kugetsu(["init", "--session", "ses_1"])).code, 0);
  await writeFile(join(lab.state, "index.json"), '{"base": null, "issues": {}}');
  assert.equal((await lab.kugetsu(["list"])).code, 0);
  const { code, stderr } = await lab.kugetsu(["init", "--session", "ses_2"]);
  assert.equal(code, 0, stderr);
  assert.equal((await indexOf(lab.state)).base, "ses_2");
});

test("a session file that cannot be read is kept aside, byte for byte", async () => {
  await using lab = await makeStateFolder();
  assert.equal((await lab.kugetsu(["start", REF, "do it"])).code, 0);
  const damaged = Uint8Array.from([0, 255, 123, 10]);
  await writeFile(join(lab.state, "sessions", FILE), damaged);
  assert.match((await lab.kugetsu(["list"])).stderr, /cannot be read.*doctor --fix/);
  assert.equal((await lab.kugetsu(["continue", REF])).code, 5);
  await assertRepairs(lab);
  const names = await readdir(join(lab.state, "sessions"));
  const copy = names.find((name) => name.startsWith(`${FILE}.damaged-`));
  assert.deepEqual(new Uint8Array(await readFile(join(lab.state, "sessions", copy!))), damaged);
  assert.equal((await lab.kugetsu(["start", REF, "once more"])).code, 0);
});

async function put(lab: StateFolder, record: unknown, isIndexed: boolean): Promise<void> {
  await writeFile(join(lab.state, "sessions", FILE), JSON.stringify(record));
  if (!isIndexed) return;
  const index = await indexOf(lab.state);
  await writeFile(
    join(lab.state, "index.json"),
    JSON.stringify({ ...index, issues: { [REF]: FILE } }),
  );
}
