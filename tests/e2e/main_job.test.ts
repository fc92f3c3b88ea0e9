/** The main job, from an empty home to an empty list again, on the real opencode. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readAsOldTool } from "../support/old_reader.ts";
import { makeWorld, type World } from "../support/opencode_home.ts";
import { digestOf } from "../support/scripted_model.ts";

const REF = "github.com/shoko/kugetsu#14";

interface Listed {
  base: { opencode_session_id: string } | null;
  sessions: { issue_ref: string; opencode_session_id: string; state: string }[];
}

async function list(world: World): Promise<Listed> {
  return JSON.parse((await world.kugetsu(["list", "--json"])).stdout);
}

test("init, start, continue, list, destroy, each with what a second try gets", async () => {
  await using world = await makeWorld();
  const succeed = async (...args: string[]) => {
    const result = await world.kugetsu(args);
    assert.equal(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
    return result.stdout;
  };
  const refuse = async (code: number, pattern: RegExp, ...args: string[]) => {
    const result = await world.kugetsu(args);
    assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, pattern);
  };

  await refuse(3, /kugetsu init/, "start", REF, "too early");
  await refuse(5, /not a terminal[^]*kugetsu init --headless/, "init");
  const base = JSON.parse(await succeed("init", "--headless", "--json"));
  assert.equal(base.directory, world.repository);
  assert.equal(base.commit, (await world.git("rev-parse", "HEAD")).trim());
  assert.match(base.opencode_version, /^\d+\.\d+\.\d+/);
  await refuse(4, /kugetsu init --force/, "init", "--headless");

  assert.equal(await succeed("start", REF, "hello"), `${digestOf("hello")}\n`);
  await refuse(4, /kugetsu continue/, "start", "GitHub.com/Shoko/Kugetsu#14", "again");
  await refuse(4, /kugetsu continue/, "start", "14", "again");
  const [started] = (await list(world)).sessions;
  assert.equal(started!.state, "idle");
  assert.notEqual(started!.opencode_session_id, base.opencode_session_id);

  const url = "https://github.com/shoko/kugetsu/issues/14#issuecomment-1";
  assert.equal(await succeed("continue", url, "and on"), `${digestOf("and on")}\n`);
  const goOn = "Continue where you left off.";
  assert.equal(await succeed("continue", REF), `${digestOf(goOn)}\n`);
  assert.deepEqual(world.model.prompts, ["hello", "and on", goOn]);
  await refuse(3, /kugetsu start/, "continue", "github.com/shoko/kugetsu#15", "who?");

  const rows = (await succeed("list")).split("\n").map((line) => line.split(/\s{2,}/));
  assert.deepEqual(rows[0], ["ISSUE_REF", "TYPE", "SESSION_ID", "CREATED", "STATE"]);
  assert.deepEqual(rows[2]!.slice(0, 3), ["(base)", "base", base.opencode_session_id]);
  assert.deepEqual(rows[3]!.slice(0, 3), [REF, "forked", started!.opencode_session_id]);
  assert.equal((await readAsOldTool(world.state)).rows.length, 1);
  assert.match(await succeed("doctor"), /is sound[^]*opencode has all 2 sessions/);
  await succeed("prune", "--force");

  await refuse(9, /not confirmed[^]*destroy .* -y/, "destroy", REF);
  await succeed("destroy", REF, "-y");
  await refuse(3, /Cannot destroy the session of/, "destroy", REF, "-y");
  const gone = await world.opencode(["export", started!.opencode_session_id]);
  assert.notEqual(gone.code, 0, "the fork is still in opencode");
  await refuse(2, /--base/, "destroy");
  await succeed("destroy", "--base", "-y");
  await refuse(3, /there is none/, "destroy", "--base", "-y");
  assert.equal((await world.opencode(["export", base.opencode_session_id])).code, 0);
  assert.deepEqual(await list(world), { base: null, bases: [], sessions: [] });
});

test("a base is adopted after a look, and replaced only by one that is recorded", async () => {
  await using world = await makeWorld();
  await world.opencode(["run", "make a session"]);
  const { stdout } = await world.opencode(["session", "list", "--format", "json"]);
  const [{ id }] = JSON.parse(stdout);
  const unknown = await world.kugetsu(["init", "--session", "ses_unknown"]);
  assert.equal(unknown.code, 3, unknown.stderr);
  assert.equal((await list(world)).base, null);
  assert.equal((await world.kugetsu(["init", "--session", id])).code, 0);
  const failing = await world.kugetsu(["init", "--force", "--headless", "@status 401"]);
  assert.equal(failing.code, 6, failing.stderr);
  assert.equal((await list(world)).base?.opencode_session_id, id);
  assert.equal((await world.kugetsu(["init", "--force", "--headless"])).code, 0);
  assert.notEqual((await list(world)).base?.opencode_session_id, id);
  const index = JSON.parse(await readFile(join(world.state, "index.json"), "utf8"));
  assert.equal((await list(world)).base?.opencode_session_id, index.base);
});
