import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { endTurnProcesses, identify, isAlive, turnMark } from "../../src/platform/processes.ts";
import { needs } from "../support/needs.ts";
import { endProcesses } from "../support/processes.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

/** Ignores SIGTERM, and everything it starts does. */
const STUBBORN = 'trap "" TERM; while :; do sleep 0.2; done';

/** Shell scripts that carry a turn's mark. What they started and noted as a pid is ended with the block. */
async function makeStage() {
  const scratch = await makeScratch("processes");
  const children: ChildProcess[] = [];
  const noted: string[] = [];
  return {
    scratch,
    start(turnId: string | undefined, script: string): ChildProcess & { pid: number } {
      const mark = turnId === undefined ? {} : { [turnMark(turnId)]: "1" };
      const child = spawn("/bin/sh", ["-c", script], {
        cwd: scratch.path,
        env: { PATH: process.env.PATH, ...mark },
        stdio: "ignore",
        detached: true,
      });
      children.push(child);
      return child as ChildProcess & { pid: number };
    },
    /** The pid that a script writes to a file of this name. */
    async pid(name: string): Promise<number> {
      noted.push(name);
      return Number(await contentOf(scratch, name));
    },
    [Symbol.asyncDispose]: async () => {
      const pids = await Promise.all(noted.map((name) => readFile(scratch.join(name), "utf8")));
      const started = children.filter((it) => it.exitCode === null && it.signalCode === null);
      await endProcesses([...pids.map(Number), ...started.map((it) => it.pid!)]);
      await scratch[Symbol.asyncDispose]();
    },
  };
}

/** The content of a file, as soon as it has any. */
async function contentOf(scratch: Scratch, name: string): Promise<string> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const text = await readFile(scratch.join(name), "utf8").catch(() => "");
    if (text.endsWith("\n")) return text.trim();
    await new Promise((later) => setTimeout(later, 10));
  }
  throw new Error(`No script wrote ${name}`);
}

const isThere = (pid: number) => identify(pid) !== undefined;

describe("a process", () => {
  test("is known by its number, its start and the boot", () => {
    const self = identify(process.pid);
    assert(self);
    assert.equal(self.pid, process.pid);
    assert.deepEqual(identify(process.pid), self);
    assert(isAlive(self));
  });

  test("that has the number of an earlier one, or is of an earlier boot, is not that one", () => {
    const self = identify(process.pid)!;
    assert(!isAlive({ ...self, started: `${Number(self.started) - 1}` }));
    assert(!isAlive({ ...self, boot: "another" }));
  });

  test("that ended is not alive, even while nobody has taken note of it", {
    skip: needs("linux"),
  }, async () => {
    await using stage = await makeStage();
    // The shell becomes a program that never asks how its child, a process that ends at once, ended.
    stage.start(
      undefined,
      "(echo started; exec sh -c 'echo $$ > zombie') >/dev/null & exec sleep 60",
    );
    const pid = await stage.pid("zombie");
    const deadline = Date.now() + 5000;
    while (isThere(pid) && Date.now() < deadline) await new Promise((on) => setTimeout(on, 10));
    assert(existsSync(`/proc/${pid}`), "it is still in the process table");
    assert(!isThere(pid));
  });

  test("that never was is not there", () => {
    for (const pid of [0, -1, 2 ** 30, NaN]) assert.equal(identify(pid), undefined);
  });
});

describe("ending a turn", { skip: needs("linux") }, () => {
  test("ends a grandchild in a session of its own that ignores SIGTERM and lost its parent", async () => {
    await using stage = await makeStage();
    const id = crypto.randomUUID();
    const detached = `echo $$ > grandchild; ${STUBBORN}`;
    stage.start(id, `sh -c 'setsid sh -c "$1" & exit' parent '${detached}'`);
    const grandchild = await stage.pid("grandchild");
    assert.deepEqual(await endTurnProcesses(id, undefined, 100), []);
    assert(!isThere(grandchild));
  });

  test("ends opencode and what descends from it, with or without a mark", async () => {
    await using stage = await makeStage();
    const id = crypto.randomUUID();
    const script = `sh -c 'echo $$ > child; ${STUBBORN}' & wait`;
    const opencode = stage.start(undefined, script);
    const child = await stage.pid("child");
    assert.deepEqual(await endTurnProcesses(id, identify(opencode.pid), 100), []);
    assert(!isThere(child));
    assert(!isThere(opencode.pid));
  });

  test("lets a process that heeds SIGTERM finish in its own way", async () => {
    await using stage = await makeStage();
    const id = crypto.randomUUID();
    const script = `trap 'sleep 0.3; echo yes > tidied; exit 3' TERM
      echo $$ > ready; while :; do sleep 0.05; done`;
    const child = stage.start(id, script);
    await stage.pid("ready");
    const exit = once(child, "exit");
    assert.deepEqual(await endTurnProcesses(id, undefined, 10_000), []);
    assert.equal(await contentOf(stage.scratch, "tidied"), "yes");
    assert.deepEqual(await exit, [3, null]);
  });

  test("ends what is started while it ends the rest", async () => {
    await using stage = await makeStage();
    const late = `echo $$ > "$NAME"; ${STUBBORN}`;
    const script = `trap 'setsid sh -c "$LATE" & exit' TERM; echo $$ > "$NAME.ready"
      while :; do sleep 0.05; done`;
    // The moment in which one process is gone and the next not seen yet is short: once may miss it.
    for (const name of ["late1", "late2", "late3", "late4"]) {
      const id = crypto.randomUUID();
      stage.start(id, `NAME=${name}; LATE='${late}'; export NAME LATE; ${script}`);
      await stage.pid(`${name}.ready`);
      await new Promise((later) => setTimeout(later, 20));
      const ending = endTurnProcesses(id, undefined, 100);
      const pid = await stage.pid(name);
      assert.deepEqual(await ending, []);
      assert(!isThere(pid));
    }
  });

  test("touches no other turn, nor whoever now has opencode's number", async () => {
    await using stage = await makeStage();
    const id = crypto.randomUUID();
    const other = stage.start(`${id}0`, `echo $$ > other; ${STUBBORN}`);
    await stage.pid("other");
    const recycled = { ...identify(other.pid)!, started: "1" };
    assert.deepEqual(await endTurnProcesses(id, recycled, 100), []);
    assert(isThere(other.pid));
  });

  test("never ends the process that asks for it", async () => {
    const self = identify(process.pid);
    assert.deepEqual(await endTurnProcesses(crypto.randomUUID(), self, 50), []);
  });
});
