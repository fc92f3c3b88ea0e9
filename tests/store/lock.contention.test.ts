/** The lock under contention, and the same without it: a test of a lock must be able to fail. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ENGINES, startScript } from "../support/engines.ts";
import { endProcesses } from "../support/processes.ts";
import { rounds } from "../support/rounds.ts";
import { endOf } from "../support/running.ts";
import { makeScratch } from "../support/scratch.ts";

const PROCESSES = rounds(16, 64);
const ENTRIES = 20;

test("processes of both runtimes that share a lock lose no entry", async () => {
  assert.equal(await entriesAfter({ locked: true }), PROCESSES * ENTRIES);
});

test("the same processes without the lock do lose entries", async () => {
  assert.ok(await entriesAfter({ locked: false }) < PROCESSES * ENTRIES);
});

async function entriesAfter({ locked }: { locked: boolean }): Promise<number> {
  await using scratch = await makeScratch("contention");
  const file = scratch.join("index.json");
  await writeFile(file, "{}");
  const workers = Array.from({ length: PROCESSES }, (_, i) => {
    const args = [file, locked ? scratch.join("a.lock") : "-", `process-${i}`, `${ENTRIES}`];
    return startScript(ENGINES[i % ENGINES.length]!, "store/workers/enter.ts", args);
  });
  try {
    const results = await Promise.all(workers.map((worker) => endOf(worker, 120_000)));
    for (const { code, stderr } of results) assert.equal(code, 0, stderr);
  } finally {
    await endProcesses(workers.filter((one) => one.isRunning()).map((one) => one.pid));
  }
  return Object.keys(JSON.parse(await readFile(file, "utf8"))).length;
}
