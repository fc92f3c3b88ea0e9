/** Turns under way: who comes second is told so, and nothing that belongs to one is taken for waste. */
import assert from "node:assert/strict";
import { readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { FileStore } from "../../src/store/file_store.ts";
import { parseRef } from "../../src/session/ref.ts";
import { named, newRecord } from "../../src/session/state.ts";
import { startScript } from "../support/engines.ts";
import { indexOf, makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const REF = "github.com/shoko/kugetsu#14";
const FILE = "github.com-shoko-kugetsu-14.json";
const NOW = "2026-11-22T17:03:39+01:00";

test("a second turn of an issue is refused, naming who holds the first", async () => {
  await using lab = await makeStateFolder();
  await lab.standIn.does("stall");
  const first = lab.spawn(["start", REF, "do it"]);
  await until(async () => (await stateIn(lab)) === "running");
  for (const args of [["start", REF, "x"], ["continue", REF], ["destroy", REF, "-y"]]) {
    const { code, stderr } = await lab.kugetsu(args);
    assert.equal(code, 4, stderr);
  }
  const { stderr: told } = await lab.kugetsu(["destroy", REF, "-y"]);
  const [, holder] = /held by pid (\d+) \(kugetsu start/.exec(told) ?? [];
  assert.ok(holder && Number(holder) !== first.pid, told);

  first.kill("SIGKILL");
  await first.ended;
  assert.equal(await stateIn(lab), "running", "a turn outlives the command that asked for it");
  process.kill(Number(holder), "SIGKILL");
  await until(async () => (await stateIn(lab)) === "failed");
  await lab.standIn.does("say ok");
  const { code, stderr } = await lab.kugetsu(["continue", REF]);
  assert.equal(code, 0, stderr);
  assert.equal(await stateIn(lab), "idle");
  assert.deepEqual(await readdir(join(lab.state, "locks", "turns")), []);
});

test("neither prune nor the doctor touches a start that is under way, whatever it has got to", async () => {
  await using lab = await makeStateFolder();
  const store = new FileStore(lab.state, () => "the test");
  await lab.standIn.addSession("ses_new", lab.scratch.path);
  const hold = await store.claim(parseRef(REF));
  await assertLeftAlone(lab, []);
  const turn = {
    id: "1",
    kind: "start" as const,
    started_at: NOW,
    owner: { pid: 1, started: "1", boot: "1" },
  };
  const record = newRecord(REF, turn, NOW);
  await hold.save(record);
  await assertLeftAlone(lab, [FILE]);
  assert.equal((await lab.kugetsu(["continue", REF])).code, 4);

  // Somebody holds the store lock, so that the session is in its file and not yet in the index.
  const storeLock = join(lab.state, "locks", "store.lock");
  const blocker = startScript("bun", "store/workers/lock.ts", [storeLock, "take", "0", "stay"]);
  await using _ = blocker;
  await blocker.sees(/taken/);
  const saved = hold.save(named(record, "ses_new", NOW));
  await until(async () => (await readdir(join(lab.state, "sessions"))).includes(FILE));
  assert.deepEqual((await lab.json<{ orphans: unknown[] }>(["prune"])).orphans, []);
  assert.deepEqual((await indexOf(lab.state)).issues, {});
  const pruned = lab.kugetsu(["prune", "--force"]);
  blocker.kill("SIGKILL");
  await saved;
  assert.equal((await pruned).code, 0);
  await assertLeftAlone(lab, [FILE]);
  assert.deepEqual((await indexOf(lab.state)).issues, { [REF]: FILE });
  await hold.save({ ...named(record, "ses_new", NOW), state: "idle", turn: undefined });
  await hold.release();
  assert.equal((await lab.kugetsu(["continue", REF])).code, 0);
});

/** The state of the only issue, as `list` has it. */
async function stateIn(lab: StateFolder): Promise<string | undefined> {
  const { sessions } = await lab.json<{ sessions: { state: string }[] }>(["list"]);
  return sessions[0]?.state;
}

async function assertLeftAlone(lab: StateFolder, files: string[]): Promise<void> {
  for (const args of [["prune"], ["prune", "--force"], ["doctor"], ["doctor", "--fix"]]) {
    const { code, stdout, stderr } = await lab.kugetsu(args);
    assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
  }
  const found = (await readdir(join(lab.state, "sessions"))).filter((name) => name !== "base.json");
  assert.deepEqual(found, files);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !await isSo();) {
    assert.ok(Date.now() < deadline, "it took too long");
    await new Promise((later) => setTimeout(later, 20));
  }
}

test("a turn lock is given back where the record behind it cannot be read", async () => {
  await using lab = await makeStateFolder();
  const { code, stderr } = await lab.kugetsu(["start", REF, "do it"]);
  assert.equal(code, 0, stderr);
  await rm(join(lab.state, "sessions", FILE));
  await symlink(FILE, join(lab.state, "sessions", FILE)); // which leads nowhere, for ever
  const store = new FileStore(lab.state, () => "me");
  for (const take of ["claim", "hold", "resume", "hold"] as const) {
    await assert.rejects(store[take](parseRef(REF)), { code: "unreadable" });
  }
  assert.deepEqual(await readdir(join(lab.state, "locks", "turns")), []);
});
