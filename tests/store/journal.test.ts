import assert from "node:assert/strict";
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { RunningTurn, SessionRecord } from "../../src/session/record.ts";
import { parseRef } from "../../src/session/ref.ts";
import { begun as placed, ended, named, newRecord, queued } from "../../src/session/state.ts";
import { FileStore } from "../../src/store/file_store.ts";
import { Journal } from "../../src/store/journal.ts";
import { layoutOf } from "../../src/store/layout.ts";
import type { StoredEvent } from "../../src/store/mod.ts";
import { BASE } from "../support/fakes.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

/** A turn that got its place as soon as it was handed in. */
const begun = (record: SessionRecord, turn: RunningTurn, now: string) =>
  placed(queued(record, turn, now), now);
const startingRecord = (ref: string, turn: RunningTurn, now: string) =>
  placed(newRecord(ref, turn, now), now);

const REF = "github.com/shoko/kugetsu#14";
const FILE = "sessions/github.com-shoko-kugetsu-14.json";
const NOW = "2026-11-22T17:03:39+01:00";
const LATER = "2026-11-22T17:04:00+01:00";

function turn(id: string, kind: RunningTurn["kind"] = "start"): RunningTurn {
  return { id, kind, started_at: NOW, owner: { pid: 1, started: "1", boot: "1" } };
}

const STARTING = startingRecord(REF, turn("t1"), NOW);
const RUNNING = named(STARTING, "ses_1", NOW);
const IDLE = ended(RUNNING, { kind: "done" }, LATER);

/** A state folder in which no issue has been started yet. */
async function makeState(): Promise<Scratch> {
  const scratch = await makeScratch("journal");
  await scratch.write("index.json", JSON.stringify({ base: null, issues: {} }));
  return scratch;
}

function storeIn(folder: string): FileStore {
  return new FileStore(folder, () => "the test");
}

async function eventsIn(folder: string, since?: string): Promise<StoredEvent[]> {
  return await Array.fromAsync(storeIn(folder).events({ since, follow: false }));
}

/** What can be read at a glance: `begun idle>running t2`. */
function told(events: StoredEvent[]): string[] {
  return events.map(({ event, from, to, turn, outcome }) =>
    `${event} ${from}>${to}${turn ? ` ${turn}` : ""}${outcome ? ` ${outcome}` : ""}`
  );
}

async function started(folder: string): Promise<void> {
  const hold = await storeIn(folder).claim(parseRef(REF));
  for (const record of [STARTING, RUNNING, IDLE]) await hold.save(record);
  await hold.release();
}

const A_START = [
  "added null>starting t1",
  "session starting>running t1",
  "ended running>idle t1 done",
];

test("every change of an issue is told once, in order, and what is no change is not", async () => {
  await using scratch = await makeState();
  const hold = await storeIn(scratch.path).claim(parseRef(REF));
  const process = { pid: 3, started: "4", boot: "5" };
  await hold.save(STARTING);
  await hold.save({ ...STARTING, turn: { ...turn("t1"), opencode: process } });
  await hold.save(RUNNING);
  await hold.save({ ...RUNNING, directory: "/elsewhere" });
  await hold.save(IDLE);
  await hold.release();
  const next = await storeIn(scratch.path).hold(parseRef(REF));
  await next.save(begun(next.record, turn("t2", "continue"), LATER));
  const outcome = { kind: "failed", reason: "provider", detail: "no credit" } as const;
  await next.save(ended(next.record, outcome, NOW));
  await next.release();
  await (await storeIn(scratch.path).hold(parseRef(REF))).remove();
  const events = await eventsIn(scratch.path);
  assert.deepEqual(told(events), [
    ...A_START,
    "begun idle>running t2",
    "ended running>failed t2 failed",
    "removed failed>null",
  ]);
  assert.ok(events.every((it) => it.v === 1 && it.issue_ref === REF && it.file === FILE));
  assert.deepEqual(events.map((it) => it.session).slice(1), Array(5).fill("ses_1"));
  assert.equal(events[4]?.reason, "no credit");
  assert.equal(events[2]?.time, LATER);
});

test("bases are told of when they are made, replaced and removed", async () => {
  await using scratch = await makeState();
  const store = storeIn(scratch.path);
  const other = { ...BASE, opencode_session_id: "ses_2", repository: "github.com/acme/widget" };
  await store.setBase(BASE, { replace: false });
  await store.setBase({ ...BASE, opencode_session_id: "ses_other" }, { replace: true });
  await store.setBase(other, { replace: false });
  await store.removeBase("github.com/acme/widget");
  await store.removeBase();
  const events = await eventsIn(scratch.path);
  assert.deepEqual(told(events), [
    "added null>idle",
    "replaced idle>idle",
    "added null>idle",
    "removed idle>null",
    "removed idle>null",
  ]);
  assert.deepEqual(events.map((it) => it.session), [
    ...["ses_base", "ses_other", "ses_2", "ses_2", "ses_other"],
  ]);
  assert.ok(events.every((it) => it.type === "base" && it.issue_ref === null));
  assert.equal(events[2]?.repository, "github.com/acme/widget");
});

test("a reader that comes back with any cursor gets what came after it, and nothing else", async () => {
  await using scratch = await makeState();
  await started(scratch.path);
  const all = await eventsIn(scratch.path);
  for (const [index, { cursor }] of all.entries()) {
    assert.deepEqual(await eventsIn(scratch.path, cursor), all.slice(index + 1));
  }
});

describe("a change that was not told of before a crash", () => {
  const begunAgain = begun(IDLE, turn("t2", "continue"), LATER);
  const endedAgain = ended(begunAgain, { kind: "done" }, "2026-11-22T17:05:00+01:00");
  const CASES: [what: string, record: SessionRecord | undefined, expected: string[]][] = [
    ["a beginning", begunAgain, ["begun idle>running t2", "interrupted running>failed t2"]],
    ["an end", endedAgain, ["ended idle>idle t2 done"]],
    ["a removal", undefined, ["removed idle>null"]],
  ];
  for (const [what, record, expected] of CASES) {
    test(`is told by whoever reads next, once: ${what}`, async () => {
      await using scratch = await makeState();
      await started(scratch.path);
      const before = (await eventsIn(scratch.path)).at(-1)!.cursor;
      if (record) await writeFile(scratch.join(FILE), JSON.stringify(record));
      else await rm(scratch.join(FILE));
      const missed = await eventsIn(scratch.path, before);
      assert.deepEqual(told(missed), expected);
      assert.deepEqual(await eventsIn(scratch.path, missed.at(-1)!.cursor), []);
    });
  }

  test("is told before the next one, by whoever writes it", async () => {
    await using scratch = await makeState();
    await started(scratch.path);
    await writeFile(scratch.join(FILE), JSON.stringify(begunAgain));
    const hold = await storeIn(scratch.path).hold(parseRef(REF));
    await hold.save(begun(hold.record, turn("t3", "continue"), LATER));
    assert.deepEqual(told(await eventsIn(scratch.path)), [
      ...A_START,
      "begun idle>running t2",
      "interrupted running>failed t2",
      "begun failed>running t3",
    ]);
    await hold.release();
  });

  test("is told as a removal and a new start, where the issue was started again", async () => {
    await using scratch = await makeState();
    await started(scratch.path);
    await rm(scratch.join(FILE));
    const hold = await storeIn(scratch.path).claim(parseRef(REF));
    await hold.save({ ...STARTING, turn: turn("t2") });
    const events = told(await eventsIn(scratch.path));
    assert.deepEqual(events.slice(3), ["removed idle>null", "added null>starting t2"]);
    await hold.release();
  });

  test("is not told by a reader while its turn is under way: that is for whoever runs it", async () => {
    await using scratch = await makeState();
    await started(scratch.path);
    const hold = await storeIn(scratch.path).hold(parseRef(REF));
    const running = begun(hold.record, turn("t2", "continue"), LATER);
    await writeFile(scratch.join(FILE), JSON.stringify(running));
    assert.deepEqual(told(await eventsIn(scratch.path)), A_START);
    await hold.save(running);
    assert.deepEqual(told(await eventsIn(scratch.path)), [...A_START, "begun idle>running t2"]);
    await hold.release();
  });
});

test("a turn whose owner died is told as interrupted, and repairing it tells nothing more", async () => {
  await using scratch = await makeState();
  const hold = await storeIn(scratch.path).claim(parseRef(REF));
  await hold.save(STARTING);
  await hold.save(RUNNING);
  assert.equal((await eventsIn(scratch.path)).length, 2);
  await hold.release();
  const events = [...A_START.slice(0, 2), "interrupted running>failed t1"];
  assert.deepEqual(told(await eventsIn(scratch.path)), events);
  assert.equal((await storeIn(scratch.path).repair())[0]?.kind, "interrupted-turn");
  assert.deepEqual(told(await eventsIn(scratch.path)), events);
});

test("a journal begins with what there was before it, which is no change", async () => {
  await using scratch = await makeState();
  await started(scratch.path);
  await rm(scratch.join("journal"), { recursive: true });
  const first = await eventsIn(scratch.path);
  assert.deepEqual(told(first), ["standing null>idle t1 done"]);
  const hold = await storeIn(scratch.path).hold(parseRef(REF));
  await hold.remove();
  assert.deepEqual(told(await eventsIn(scratch.path, first[0]!.cursor)), ["removed idle>null"]);
});

async function newest(folder: string): Promise<string> {
  return join(folder, "journal", (await readdir(join(folder, "journal"))).sort().at(-1)!);
}

test("a line that a crash has cut costs no other line, and is told whole", async () => {
  await using scratch = await makeState();
  await started(scratch.path);
  const path = await newest(scratch.path);
  for (const cut of [1, 20, 200]) {
    await truncate(path, (await stat(path)).size - cut);
    assert.deepEqual(told(await eventsIn(scratch.path)), A_START);
    assert.match(await readFile(path, "utf8"), /^(\{.*\}\n){3}$/);
  }
  await appendFile(path, "\0\0\0");
  const hold = await storeIn(scratch.path).hold(parseRef(REF));
  await hold.remove();
  assert.deepEqual(told(await eventsIn(scratch.path)), [...A_START, "removed idle>null"]);
});

test("nobody else may read it", async () => {
  await using scratch = await makeState();
  await started(scratch.path);
  const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
  assert.equal(await mode(await newest(scratch.path)), "600");
  assert.equal(await mode(scratch.join("journal")), "700");
});

test("a journal that cannot be written costs no turn, and is made good later", async () => {
  await using scratch = await makeState();
  await scratch.write("journal", "not a folder");
  const hold = await storeIn(scratch.path).claim(parseRef(REF));
  await hold.save(STARTING);
  await hold.save(RUNNING);
  await rm(scratch.join("journal"));
  await mkdir(scratch.join("journal"));
  await hold.save(IDLE);
  await hold.release();
  assert.deepEqual(told(await eventsIn(scratch.path)), A_START);
});

describe("with small files", () => {
  const OPTIONS = { debug: () => {}, fileBytes: 1000 };

  async function fill(folder: string, turns: number): Promise<string[]> {
    const journal = new Journal(layoutOf(folder), OPTIONS);
    await mkdir(join(folder, "locks"), { recursive: true });
    const ids = Array.from({ length: turns }, (_, i) => `t${i}`);
    for (const id of ids) {
      await journal.tell(FILE, [{ record: begun(IDLE, turn(id, "continue"), LATER) }]);
    }
    return ids;
  }

  test("a reader goes from one file to the next without missing or repeating anything", async () => {
    await using scratch = await makeState();
    await started(scratch.path);
    const ids = await fill(scratch.path, 12);
    const hold = await storeIn(scratch.path).hold(parseRef(REF));
    const files = (await readdir(scratch.join("journal"))).length;
    assert.ok(files > 2 && files < 8, `${files} files`);
    const all = await eventsIn(scratch.path);
    assert.deepEqual(all.map((it) => it.turn), ["t1", "t1", "t1", ...ids]);
    for (const [index, { cursor }] of all.entries()) {
      assert.deepEqual(await eventsIn(scratch.path, cursor), all.slice(index + 1));
    }
    await hold.release();
  });

  test("the oldest go, a cursor among them is refused, and who begins anew gets the state", async () => {
    await using scratch = await makeState();
    await started(scratch.path);
    const [first] = await eventsIn(scratch.path);
    const hold = await storeIn(scratch.path).hold(parseRef(REF));
    const ids = await fill(scratch.path, 160);
    assert.equal((await readdir(scratch.join("journal"))).length, 32);
    await assert.rejects(eventsIn(scratch.path, first!.cursor), { code: "no-cursor", exit: 3 });
    const [standing, ...rest] = await eventsIn(scratch.path);
    assert.equal(standing?.event, "standing");
    const from = ids.indexOf(standing!.turn!) + 1;
    assert.ok(from > 0);
    assert.deepEqual(rest.map((it) => it.turn), ids.slice(from));
    await hold.release();
  });
});

test("a cursor of no event is refused", async () => {
  await using scratch = await makeState();
  await started(scratch.path);
  const [{ cursor }] = await eventsIn(scratch.path) as [StoredEvent];
  const beyond = cursor.replace(/\d+$/, "99999");
  const inside = cursor.replace(/\d+$/, (offset) => String(Number(offset) - 1));
  for (const bad of ["", "x", "7", beyond, inside, `${cursor}x`, `../${cursor}`]) {
    await assert.rejects(eventsIn(scratch.path, bad), { code: "bad-cursor", exit: 2 }, bad);
  }
  const other = cursor.replace(/-.{6}-/, "-zzzzzz-").replaceAll("z", "0");
  await assert.rejects(eventsIn(scratch.path, other), { code: "no-cursor", exit: 3 });
});

test("where there is nothing, there is nothing to tell, and nothing is made", async () => {
  await using scratch = await makeScratch("journal");
  assert.deepEqual(await eventsIn(scratch.join("nowhere")), []);
  assert.deepEqual(await readdir(scratch.path), []);
});

test("a follower sees what happens, from before there was a journal", async () => {
  await using scratch = await makeState();
  const following = storeIn(scratch.path).events({ follow: true });
  const seen: StoredEvent[] = [];
  const all = (async () => {
    for await (const event of following) if (seen.push(event) === 3) break;
  })();
  await started(scratch.path);
  await all;
  assert.deepEqual(told(seen), A_START);
});
