/** Many kugetsus at once on one state folder: nothing is lost, and one issue never gets two sessions. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readAsOldTool } from "../support/old_reader.ts";
import { rounds } from "../support/rounds.ts";
import { indexOf, makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const MANY = 64;

test("64 processes that start 64 issues at once lose none", async () => {
  await using lab = await makeStateFolder();
  for (let round = 1; round <= rounds(2, 50); round++) {
    const refs = refsOf(`round-${round}`);
    const results = await Promise.all(refs.map((ref) => lab.kugetsu(["start", ref, "do it"])));
    for (const { code, stderr } of results) assert.equal(code, 0, stderr);
    await assertMapped(lab, refs);
  }
});

test("32 processes that start the same issue make exactly one session", async () => {
  await using lab = await makeStateFolder();
  for (let round = 1; round <= rounds(2, 20); round++) {
    // The spellings are all of one issue, and must not get a session each.
    const spellings = [`github.com/shoko/kugetsu#${round}`, `GitHub.com/Shoko/Kugetsu#${round}`];
    const results = await Promise.all(
      Array.from({ length: 32 }, (_, i) => lab.kugetsu(["start", spellings[i % 2]!, "do it"])),
    );
    const codes = results.map((result) => result.code).sort();
    assert.deepEqual(codes, [0, ...Array(31).fill(4)], results.map((it) => it.stderr).join(""));
    const forks = (await lab.standIn.sessions()).length - 1;
    assert.equal(forks, round, "opencode was asked for more than one fork");
  }
  const { rows } = await readAsOldTool(lab.state);
  assert.equal(rows.length, rounds(2, 20));
  assert.deepEqual(await readdir(join(lab.state, "locks", "turns")), []);
});

function refsOf(project: string): string[] {
  return Array.from({ length: MANY }, (_, i) => `github.com/shoko/${project}#${i + 1}`);
}

/** Each issue has its file, the file has its session, opencode has that, and no two share one. */
async function assertMapped(lab: StateFolder, refs: string[]): Promise<void> {
  const { issues } = await indexOf(lab.state);
  const known = new Set(await lab.standIn.sessions());
  const ids = await Promise.all(refs.map(async (ref) => {
    assert.ok(issues[ref], `${ref} is not in the index`);
    const record = JSON.parse(
      await readFile(join(lab.state, "sessions", issues[ref]!), "utf8"),
    );
    assert.equal(record.issue_ref, ref);
    assert.equal(record.state, "idle");
    assert.ok(known.has(record.opencode_session_id), `${ref} has a session of nobody`);
    return record.opencode_session_id;
  }));
  assert.equal(new Set(ids).size, refs.length);
  const { rows } = await readAsOldTool(lab.state);
  assert.equal(rows.length, Object.keys(issues).length);
  assert.deepEqual(await readdir(join(lab.state, "locks", "turns")), []);
}
