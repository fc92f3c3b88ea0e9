/** The locks: one holder at a time, whatever happens to it, under both runtimes and between them. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { holderOf, isHeld, lock, tryLock } from "../../src/store/lock.ts";
import { type Engine, ENGINES, startScript } from "../support/engines.ts";
import { needs } from "../support/needs.ts";
import { endProcesses } from "../support/processes.ts";
import { endOf } from "../support/running.ts";
import { makeScratch } from "../support/scratch.ts";

const PAIRS = ENGINES.flatMap((a) => ENGINES.map((b): [Engine, Engine] => [a, b]));

for (const [holder, taker] of PAIRS) {
  test(`a lock held under ${holder} is not taken under ${taker}, and freed by kill -9`, async () => {
    await using scratch = await makeScratch("lock");
    const path = scratch.join("a.lock");
    await using held = await startHolder(holder, path);
    assert.equal(await take(taker, path, 200), "busy");
    await endProcesses([held.pid]);
    assert.equal(await take(taker, path, 0), "taken");
  });
}

for (const engine of ENGINES) {
  test(`a lock is not lost to the garbage collector under ${engine}`, async () => {
    await using scratch = await makeScratch("lock");
    const path = scratch.join("a.lock");
    await using held = await startHolder(engine, path);
    await held.sees(/collected/);
    assert.equal(await tryLock(path, "me"), undefined);
  });

  test(`a lock is not lost when its own process looks at it again under ${engine}`, async () => {
    await using scratch = await makeScratch("lock");
    const path = scratch.join("a.lock");
    await using held = await startHolder(engine, path, ["poke", "say", "poked"]);
    await held.sees(/poked/);
    assert.equal(await tryLock(path, "me"), undefined, "poking freed the lock");
    assert.equal(await isHeld(path), true);
    assert.doesNotMatch(held.stdout(), /not held|twice/);
  });
}

test("who looks never keeps a taker from the lock, however slowly it looks", async () => {
  await using scratch = await makeScratch("lock");
  const path = scratch.join("a.lock");
  (await tryLock(path, "me"))?.release();
  // A process that looks can be put to sleep by the kernel in the middle of it.
  const looker = new DatabaseSync(path, { readOnly: true });
  looker.exec("BEGIN; SELECT 1 FROM sqlite_schema");
  setTimeout(() => looker.close(), 500);
  const taken = await tryLock(path, "me");
  assert.ok(taken, "a look was taken for a holder");
  taken.release();
});

test("takers succeed every time while others look without a pause", async () => {
  await using scratch = await makeScratch("lock");
  const path = scratch.join("a.lock");
  let looks = 0;
  let over = false;
  const look = async () => {
    for (; !over; looks++) {
      await isHeld(path);
      await new Promise((later) => setTimeout(later, 0));
    }
  };
  const lookers = [look(), look()];
  try {
    for (let i = 0; i < 200; i++) {
      const taken = await tryLock(path, "me");
      assert.ok(taken, `take ${i} failed after ${looks} looks`);
      assert.equal(await isHeld(path), true);
      taken.release({ remove: i % 2 === 0 });
      assert.equal(await isHeld(path), false);
    }
  } finally {
    over = true;
    await Promise.all(lookers);
  }
});

/** Where SQLite may not write, it opens for reading only, and then says yes to every exclusive transaction. */
const REFUSALS = {
  "cannot be written is refused, not shared": { orders: ["take", "0"], calls: "2" },
  "cannot be opened is refused": { orders: ["take", "0"], calls: "2..3" },
  "cannot be looked at is not taken for a free one": { orders: ["look"], calls: "1+" },
};

for (const [what, { orders, calls }] of Object.entries(REFUSALS)) {
  test(`a lock whose file ${what}`, { skip: needs("strace") }, async () => {
    await using scratch = await makeScratch("lock");
    const [path, log] = [scratch.join("a.lock"), scratch.join("calls")];
    (await tryLock(path, "me"))?.release();
    const fault = ["-P", path, "-o", log, "-e", `inject=openat:error=EACCES:when=${calls}`];
    const under = ["strace", ...fault, "--"];
    await using worker = startScript("bun", "store/workers/lock.ts", [path, ...orders], under);
    const { stdout, stderr } = await endOf(worker, 30_000);
    assert.match(await readFile(log, "utf8"), /INJECTED/);
    assert.equal(stdout, "");
    assert.ok(stderr.includes(path), stderr);
  });
}

test("a lock names its holder, and removes its files when asked", async () => {
  await using scratch = await makeScratch("lock");
  const path = scratch.join("a.lock");
  const taken = await lock(path, 0, "pid 1 (kugetsu start)");
  assert.equal(holderOf(path), "pid 1 (kugetsu start)");
  taken?.release({ remove: true });
  taken?.release({ remove: true });
  assert.deepEqual(await readdir(scratch.path), []);
  assert.equal(holderOf(path), "another process");
  assert.equal(await isHeld(path), false);
});

async function startHolder(engine: Engine, path: string, orders: string[] = []) {
  const held = startScript(engine, "store/workers/lock.ts", [path, "take", "0", ...orders, "stay"]);
  await held.sees(/taken/);
  return held;
}

async function take(engine: Engine, path: string, waitMs: number): Promise<string> {
  await using taker = startScript(engine, "store/workers/lock.ts", [path, "take", `${waitMs}`]);
  return (await endOf(taker, 30_000)).stdout.trim();
}
