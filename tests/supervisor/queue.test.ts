import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { defaultParallel, pick, type Waiting } from "../../src/supervisor/queue.ts";

const ids = (turns: Waiting[]) => turns.map((it) => it.id).join("");
const waiting = (...turns: string[]) => turns.map((it) => ({ id: it[0]!, repository: it[1]! }));

test("first come, first served, until the host is full", () => {
  const turns = waiting("ax", "by", "cx", "dz");
  assert.equal(ids(pick(turns, [], { host: 3, repository: 9 })), "abc");
  assert.equal(ids(pick(turns, ["x", "y"], { host: 3, repository: 9 })), "a");
  assert.equal(ids(pick(turns, ["x", "y", "z"], { host: 3, repository: 9 })), "");
});

test("a repository at its cap is passed over, and does not hold up the others", () => {
  const turns = waiting("ax", "bx", "cx", "dy", "ez");
  assert.equal(ids(pick(turns, ["x"], { host: 4, repository: 2 })), "ade");
  assert.equal(ids(pick(turns, ["x", "x"], { host: 9, repository: 2 })), "de");
});

const repository = fc.constantFrom("x", "y", "z");
const anyQueue = fc.record({
  turns: fc.array(repository, { maxLength: 30 }).map((all) =>
    all.map((it, i) => ({ id: `${i}`, repository: it }))
  ),
  running: fc.array(repository, { maxLength: 10 }),
  caps: fc.record({
    host: fc.integer({ min: 1, max: 12 }),
    repository: fc.integer({ min: 1, max: 5 }),
  }),
});

test("for every queue: no cap is passed, none is overtaken in its repository, and no place stays free that somebody may take", () => {
  fc.assert(fc.property(anyQueue, ({ turns, running, caps }) => {
    const picked = pick(turns, running, caps);
    const now = [...running, ...picked.map((it) => it.repository)];
    const count = (wanted: string) => now.filter((it) => it === wanted).length;
    if (picked.length > 0) assert.ok(now.length <= caps.host);
    for (const turn of picked) assert.ok(count(turn.repository) <= caps.repository);
    const left = turns.filter((it) => !picked.includes(it));
    for (const turn of left) {
      const free = now.length < caps.host && count(turn.repository) < caps.repository;
      assert.ok(!free, `${turn.id} could run`);
      const overtaken = picked.some((it) =>
        it.repository === turn.repository && Number(it.id) > Number(turn.id)
      );
      assert.ok(!overtaken, `${turn.id} was overtaken`);
    }
  }));
});

test("how many turns run at once comes from cores and memory, and is never none", () => {
  assert.equal(defaultParallel(2, 24e9), 8);
  assert.equal(defaultParallel(64, 256e9), 32);
  assert.equal(defaultParallel(8, 4e9), 10);
  assert.equal(defaultParallel(1, 0.5e9), 1);
});
