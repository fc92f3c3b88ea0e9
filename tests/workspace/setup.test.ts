import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { KugetsuError } from "../../src/errors.ts";
import { identify } from "../../src/platform/processes.ts";
import { makeRepository, SLUG } from "../support/repository.ts";
import { needs } from "../support/needs.ts";

const failedWith = (message: RegExp) => (error: unknown) => {
  assert(error instanceof KugetsuError, String(error));
  assert.equal(error.code, "setup-failed");
  assert.match(error.message, message);
  return true;
};

test("setup runs in the worktree after the files were copied, and what it says is in the log", async () => {
  await using it = await makeRepository();
  await it.scratch.write("clone/.env", "KEY=1\n");
  const setup = "cat .env; pwd >&2; touch done";
  const { worktree } = await it.make({ copy: [".env"], setup });
  assert.ok(existsSync(join(worktree.path, "done")));
  const log = join(it.state, "logs", `${SLUG}.setup.log`);
  assert.equal(await readFile(log, "utf8"), `KEY=1\n${worktree.path}\n`);
  assert.equal((await stat(log)).mode & 0o777, 0o600);
});

test("a setup that takes too long is ended with all that it started, sessions of their own too", {
  skip: needs("linux"),
}, async () => {
  await using it = await makeRepository();
  const file = it.scratch.join("pids");
  const setup =
    `setsid sh -c 'trap "" TERM; echo $$ >>${file}; sleep 600' & echo $$ >>${file}; sleep 600`;
  await assert.rejects(it.make({ setup, setupSeconds: 1 }), failedWith(/took longer than 1 s/));
  const pids = (await readFile(file, "utf8")).trim().split("\n").map(Number);
  assert.equal(pids.length, 2);
  assert.deepEqual(pids.filter((pid) => identify(pid)), []);
});

test("a setup that is stopped is ended, and its worktree taken back", async () => {
  await using it = await makeRepository();
  const stopper = new AbortController();
  setTimeout(() => stopper.abort("SIGINT"), 300);
  const made = it.make({ setup: "sleep 600" }, stopper.signal);
  await assert.rejects(
    made,
    (error) =>
      error instanceof KugetsuError && error.code === "start-stopped" && error.exit === 130,
  );
  assert.ok(!existsSync(it.places.worktree(SLUG)));
});

test("of a long output the beginning and the end are kept", async () => {
  await using it = await makeRepository();
  const setup = "echo first; head -c 8000000 /dev/zero | tr '\\0' x; echo; echo last";
  await it.make({ setup });
  const log = await readFile(it.places.log(SLUG), "utf8");
  assert.ok(log.length < 1.2 * 1024 * 1024, `${log.length}`);
  assert.match(log, /^first\nx/);
  assert.match(log, /x\n… \d+ bytes left out …\nx+\nlast\n$/);
});
