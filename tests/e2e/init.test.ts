/** Other ways to a base session, and what becomes of the old one. The tests build on each other. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exits, listing, refOf, sessionOf } from "../support/expect.ts";
import { makeWorld, sessionsOf } from "../support/opencode_home.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());

const baseId = async () => (await listing(world)).base?.opencode_session_id;

test("without a terminal init says what can be done instead, and makes nothing", async () => {
  const { stderr } = exits(5, await world.kugetsu(["init"]));
  assert.match(stderr, /not a terminal\n[^]*init --headless[^]*init --session/);
  exits(5, await world.kugetsu(["init", "--headless", "--dir", "no-such-folder"]));
  assert.equal(await baseId(), undefined);
  assert.deepEqual(await sessionsOf(world), []);
});

test("a session that cannot be recorded is not left behind in opencode", async () => {
  const inTheWay = join(world.state, "sessions", "base.json");
  await mkdir(inTheWay, { recursive: true });
  await writeFile(join(world.state, "index.json"), '{"base":null,"issues":{}}');
  for (const args of [["--headless"], ["--headless", "@say Read."]]) {
    const { stderr } = exits(5, await world.kugetsu(["init", ...args]));
    assert.match(stderr, /Cannot write ".*base\.json": it is a folder/);
    assert.equal(await baseId(), undefined);
    assert.deepEqual(await sessionsOf(world), []);
  }
  await rmdir(inTheWay);
});

test("--headless MESSAGE runs a first turn, in the folder given with --dir", async () => {
  const folder = world.scratch.join("elsewhere");
  await mkdir(folder);
  const call = JSON.stringify({ command: "pwd", description: "Where" });
  const message = `@tool bash ${call}\n@say Read.`;
  const args = ["init", "--headless", message, "--dir", world.repository];
  assert.equal(exits(0, await world.kugetsu(args, { cwd: folder })).stdout, "Read.\n");
  assert.equal(world.model.results.at(-1)?.text.trim(), world.repository);
  const { base } = await listing(world);
  assert.deepEqual(await sessionsOf(world), [base?.opencode_session_id]);
  assert.equal(base?.directory, world.repository);
});

test("--force keeps the old base until the new one is recorded", async () => {
  const old = await baseId();
  const force = (...args: string[]) => world.kugetsu(["init", "--headless", ...args, "--force"]);
  const { stderr } = exits(6, await force("@status 401"));
  assert.match(stderr, /first turn failed: scripted 401.*\n.*init --session ses_/);
  assert.equal(await baseId(), old);

  const broken = { env: { KUGETSU_OPENCODE: "/bin/false" } };
  exits(5, await world.kugetsu(["init", "--headless", "--force"], broken));
  assert.equal(await baseId(), old);

  const running = world.spawn(["init", "--headless", "@hang", "--force"]);
  await world.model.isAsked("@hang");
  running.kill("SIGINT");
  exits(130, await running.ended);
  assert.equal(await baseId(), old);

  const { stderr: notes } = exits(0, await force());
  assert.match(notes, new RegExp(`former base, ${old}, is not deleted in opencode`));
  assert.notEqual(await baseId(), old);
  assert.ok((await sessionsOf(world)).includes(old!));
});

test("--session adopts a session that opencode has, and no other", async () => {
  const [last] = await sessionsOf(world);
  const old = await baseId();
  const adopt = (id: string, ...more: string[]) =>
    world.kugetsu(["init", "--session", id, "--force", ...more]);
  const { stderr } = exits(3, await adopt("ses_nosuchsession"));
  assert.match(stderr, /Cannot find session ses_nosuchsession in opencode\n.*session list/);
  assert.match(exits(2, await adopt("")).stderr, /Cannot adopt ""/);
  exits(5, await adopt(last!, "--dir", world.scratch.path));
  const broken = { env: { KUGETSU_OPENCODE: "/bin/false" } };
  exits(5, await world.kugetsu(["init", "--session", last!, "--force"], broken));
  assert.equal(await baseId(), old);

  exits(0, await adopt(last!));
  const { base } = await listing(world);
  assert.equal(base?.opencode_session_id, last);
  assert.deepEqual([base?.origin, base?.directory], ["adopted", world.repository]);
});

test("forks survive their base; an adopted base stays in opencode unless it is to be deleted", async () => {
  const base = await baseId();
  exits(0, await world.kugetsu(["start", refOf(1), "@say Begun."]));
  assert.match(exits(9, await world.kugetsu(["destroy", "--base"])).stderr, /not confirmed\n.* -y/);
  exits(0, await world.kugetsu(["destroy", "--base", "-y"]));
  assert.equal(await baseId(), undefined);
  exits(3, await world.kugetsu(["destroy", "--base", "-y"]));
  exits(3, await world.kugetsu(["start", refOf(2), "hello"]));
  assert.ok((await sessionsOf(world)).includes(base!));

  exits(0, await world.kugetsu(["init", "--session", base!]));
  exits(0, await world.kugetsu(["destroy", "--base", "-y", "--delete-session"]));
  assert.ok(!(await sessionsOf(world)).includes(base!));
  const continued = exits(0, await world.kugetsu(["continue", refOf(1), "@say Still here."]));
  assert.equal(continued.stdout, "Still here.\n");
  assert.equal((await sessionOf(world, 1)).state, "idle");
});
