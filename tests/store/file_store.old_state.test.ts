/** The state folder of the tool before this one is taken over as it is, and stays one that it can read. */
import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../scripts/_checkout.ts";
import { readAsOldTool } from "../support/old_reader.ts";
import { assertRepairs } from "../support/promises.ts";
import { indexOf, makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const OLD_STATE = join(ROOT, "tests", "store", "fixtures", "old-state");
const SESSIONS = {
  "github.com/shoko/kugetsu#14": "ses_xyz789",
  "gitlab.com/username/project#42": "ses_gl42",
  "codeberg.org/some-user/re-po#100": "ses_cb100",
};
const ORPHAN = "github.com-gone-away-3.json";

test("all rows are listed, in the old order", async () => {
  await using lab = await takeOver();
  const { code, stdout } = await lab.kugetsu(["list"]);
  assert.equal(code, 0);
  const rows = stdout.trim().split("\n").slice(-4).map((line) => line.split(/ {2,}/));
  assert.deepEqual(rows.map((row) => row.slice(0, 3)), [
    ["(base)", "base", "ses_abc123"],
    ...Object.entries(SESSIONS).map(([ref, session]) => [ref, "forked", session]),
  ]);
  assert.ok(rows.slice(1).every((row) => row[3] === "2026-03-29T18:16:10+02:00"), stdout);
});

test("prune lists exactly the orphan, and deletes it when told to", async () => {
  await using lab = await takeOver();
  const before = await readdir(join(lab.state, "sessions"));
  const { orphans } = await lab.json<{ orphans: unknown[] }>(["prune"]);
  assert.deepEqual(orphans, [{
    file: ORPHAN,
    issue_ref: "github.com/gone/away#3",
    opencode_session_id: "ses_orphan",
  }]);
  assert.deepEqual(await readdir(join(lab.state, "sessions")), before);
  assert.equal((await lab.kugetsu(["prune", "--force"])).code, 0);
  const after = await readdir(join(lab.state, "sessions"));
  assert.deepEqual(after.sort(), before.filter((name) => name !== ORPHAN).sort());
});

test("the doctor finds nothing to repair, and changes nothing", async () => {
  await using lab = await takeOver();
  const before = await contentOf(lab);
  const { checks } = await assertRepairs(lab, { orphans: true });
  assert.deepEqual(checks.filter((check) => check.repaired), []);
  assert.deepEqual(await contentOf(lab), before);
});

test("destroy takes a session out of it, and start puts one in", async () => {
  await using lab = await takeOver();
  assert.equal((await lab.kugetsu(["destroy", "gitlab.com/username/project#42", "-y"])).code, 0);
  assert.deepEqual(Object.keys((await indexOf(lab.state)).issues), [
    "github.com/shoko/kugetsu#14",
    "codeberg.org/some-user/re-po#100",
  ]);
  assert.ok(!(await lab.standIn.sessions()).includes("ses_gl42"));
  // The old base does not say where it is, so that opencode has to be asked.
  assert.equal((await lab.kugetsu(["start", "gitlab.com/username/project#43", "do it"])).code, 0);
  const { base, rows } = await readAsOldTool(lab.state);
  assert.equal(base, "ses_abc123");
  assert.equal(rows.length, 3);
});

test("an issue is found by every spelling, and started by none of them", async () => {
  await using lab = await takeOver();
  const spellings = [
    "github.com/shoko/kugetsu#14",
    "GitHub.com/Shoko/Kugetsu#14",
    "https://github.com/shoko/kugetsu/issues/14",
    "  https://www.github.com/SHOKO/kugetsu/issues/14#issuecomment-1  ",
  ];
  for (const spelling of spellings) {
    assert.equal((await lab.kugetsu(["start", spelling, "do it"])).code, 4, spelling);
    const { code, stderr } = await lab.kugetsu(["continue", spelling]);
    assert.equal(code, 0, `${spelling}: ${stderr}`);
  }
  const calls = (await lab.standIn.calls()).filter((call) => call.args[0] === "run");
  assert.equal(calls.length, spellings.length);
  assert.ok(calls.every(({ args }) => args.includes("--continue") && args.includes("ses_xyz789")));
});

test("keys with capitals keep their spelling, and are the same issue", async () => {
  await using lab = await takeOver();
  const [key, file] = ["GitHub.com/Shoko/Other#7", "GitHub.com-Shoko-Other-7.json"];
  await addOld(lab, { [key]: file }, key, "ses_capitals");
  for (const spelling of [key, "github.com/shoko/other#7"]) {
    assert.equal((await lab.kugetsu(["start", spelling, "do it"])).code, 4);
    assert.equal((await lab.kugetsu(["continue", spelling])).code, 0);
  }
  const { rows } = await readAsOldTool(lab.state);
  assert.equal(rows.find((row) => row.ref === key)?.session, "ses_capitals");
  assert.equal((await lab.kugetsu(["destroy", "github.com/shoko/other#7", "-y"])).code, 0);
  assert.equal((await indexOf(lab.state)).issues[key], undefined);
});

test("what is no ref is looked at, named and taken away by its key", async () => {
  await using lab = await takeOver();
  const keys = ["github.com/a/b#001", "not a ref"];
  for (const [at, key] of keys.entries()) {
    await addOld(lab, { [key]: `odd-${at}.json` }, key, `ses_odd${at}`);
  }
  for (const key of keys) {
    const { issues } = await lab.json<{ issues: { issue_ref: string }[] }>(["status", key]);
    assert.deepEqual(issues.map((it) => it.issue_ref), [key]);
    assert.equal((await lab.kugetsu(["path", key])).stdout, `${lab.scratch.path}\n`);
    assert.equal((await lab.kugetsu(["logs", key])).code, 0);
    assert.equal((await lab.kugetsu(["gc"])).code, 0);
    assert.equal((await lab.kugetsu(["destroy", key, "-y"])).code, 0);
    assert.equal((await indexOf(lab.state)).issues[key], undefined);
  }
  assert.ok(!(await lab.standIn.sessions()).some((id) => id.startsWith("ses_odd")));
});

test("two keys of one issue are named by the doctor, and either can be destroyed", async () => {
  const [capital, plain] = ["GitHub.com/Shoko/Other#7", "github.com/shoko/other#7"];
  for (const [gone, left] of [[capital, plain], [plain, capital]] as const) {
    await using lab = await takeOver();
    await addOld(lab, { [capital]: "capital.json" }, capital, "ses_capital");
    await addOld(lab, { [plain]: "plain.json" }, plain, "ses_plain");
    const { code, stdout } = await lab.kugetsu(["doctor", "--fix"]);
    assert.equal(code, 5);
    assert.match(
      stdout,
      /^bad +GitHub\.com\/Shoko\/Other#7: .* besides "github.com\/shoko\/other#7"/m,
    );
    assert.equal((await lab.kugetsu(["destroy", gone, "-y"])).code, 0);
    const { issues } = await indexOf(lab.state);
    assert.deepEqual([issues[gone] === undefined, issues[left] !== undefined], [true, true]);
    assert.equal((await lab.kugetsu(["doctor"])).code, 0);
  }
});

test("fields that kugetsu does not know survive all that it does", async () => {
  await using lab = await takeOver();
  const file = join(lab.state, "sessions", "github.com-shoko-kugetsu-14.json");
  const base = join(lab.state, "sessions", "base.json");
  const index = join(lab.state, "index.json");
  for (const path of [file, base, index]) {
    const content = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...content, later: { version: 3, tags: ["a"] } }));
  }
  for (
    const args of [
      ["continue", "github.com/shoko/kugetsu#14"],
      ["start", "github.com/shoko/kugetsu#15", "do it"],
      ["destroy", "github.com/shoko/kugetsu#15", "-y", "--keep-session"],
      ["doctor", "--fix"],
    ]
  ) assert.equal((await lab.kugetsu(args)).code, 0, args.join(" "));
  for (const path of [file, base, index]) {
    const { later } = JSON.parse(await readFile(path, "utf8"));
    assert.deepEqual(later, { version: 3, tags: ["a"] }, path);
  }
});

test("of two issues whose sessions the old tool put in one file, none gets the other's", async () => {
  await using lab = await takeOver();
  const [loser, winner] = ["github.com/a-b/c#1", "github.com/a/b-c#1"];
  const file = "github.com-a-b-c-1.json";
  // The old tool wrote the second over the first.
  await addOld(lab, { [loser]: file, [winner]: file }, winner, "ses_winner");
  const { stderr } = await lab.kugetsu(["list"]);
  assert.match(stderr, /a-b\/c#1.*cannot be read.*a\/b-c#1/);
  for (const command of [["continue"], ["destroy", "-y"]]) {
    const { code } = await lab.kugetsu([command[0]!, loser, ...command.slice(1)]);
    assert.equal(code, 5, `${command[0]} of the session that is not there`);
  }
  await assertRepairs(lab, { orphans: true });
  assert.equal((await lab.kugetsu(["continue", winner])).code, 0);
  assert.equal((await lab.kugetsu(["start", loser, "do it again"])).code, 0);
  const { rows } = await readAsOldTool(lab.state);
  assert.equal(rows.find((row) => row.ref === winner)?.session, "ses_winner");
  assert.notEqual(rows.find((row) => row.ref === loser)?.session, "ses_winner");
  const { issues } = await indexOf(lab.state);
  assert.notEqual(issues[loser], issues[winner]);
});

/** The old folder, with all of its sessions in opencode. */
async function takeOver(): Promise<StateFolder> {
  const lab = await makeStateFolder({ base: false });
  await cp(OLD_STATE, lab.state, { recursive: true });
  for (const session of ["ses_abc123", "ses_orphan", ...Object.values(SESSIONS)]) {
    await lab.standIn.addSession(session, lab.scratch.path);
  }
  return lab;
}

/** Puts entries in the index, and one session file for them, as the old tool does. */
async function addOld(
  lab: StateFolder,
  entries: Record<string, string>,
  ref: string,
  session: string,
): Promise<void> {
  const index = await indexOf(lab.state);
  const added = { ...index, issues: { ...index.issues, ...entries } };
  await writeFile(join(lab.state, "index.json"), JSON.stringify(added, null, 2));
  const record = {
    type: "forked",
    issue_ref: ref,
    opencode_session_id: session,
    created_at: "2026-03-29T18:16:10+02:00",
    state: "idle",
  };
  const [file] = Object.values(entries);
  await writeFile(join(lab.state, "sessions", file!), JSON.stringify(record, null, 2));
  await lab.standIn.addSession(session, lab.scratch.path);
}

async function contentOf(lab: StateFolder): Promise<Record<string, string>> {
  const names = [
    "index.json",
    ...(await readdir(join(lab.state, "sessions"))).map((it) => `sessions/${it}`),
  ];
  const texts = names.map(async (name) =>
    [name, await readFile(join(lab.state, name), "utf8")] as const
  );
  return Object.fromEntries(await Promise.all(texts));
}
