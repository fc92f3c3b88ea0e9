import { test } from "node:test";
import assert from "node:assert/strict";
import { clearTraces } from "../../src/commands/gc_traces.ts";
import { errors } from "../../src/errors.ts";
import { parseRef } from "../../src/session/ref.ts";
import type { Named } from "../../src/store/mod.ts";
import type { Trace } from "../../src/supervisor/mod.ts";
import { fakeHold, makeStage, NOW, SESSION } from "../support/fakes.ts";

const DAY = 24 * 3600 * 1000;
const at = (days: number) => Date.parse(NOW) - days * DAY;
const key = (number: number) => `github.com/a/b#${number}`;

function numberOf(issue: Named): string {
  return (typeof issue === "string" ? parseRef(issue) : issue).number;
}

function trace(name: string, changes: Partial<Trace> = {}): Trace {
  return { name, key: undefined, changed: at(40), isOpen: false, ...changes };
}

/** Issues 1 to 3 are in the index: over, at work, and over but taken the moment that it is to be cleared. */
function stageWith(issues: Trace[]) {
  return makeStage((did) => ({
    store: {
      list: () =>
        Promise.resolve({
          base: undefined,
          hasCutOff: false,
          sessions: [
            { key: key(1), record: SESSION },
            { key: key(2), record: { ...SESSION, state: "running" }, holder: "pid 1" },
            { key: key(3), record: SESSION },
          ],
        }),
      nameOf: (issue) => Promise.resolve(`n${numberOf(issue)}`),
      resume(issue) {
        const number = numberOf(issue);
        if (number === "3") return Promise.reject(errors.turnRunning(key(3), "pid 9"));
        did(`hold ${number}`);
        return Promise.resolve(fakeHold(did, SESSION));
      },
    },
    traces: {
      issues: () => issues,
      remove: (name) => did(`remove ${name}`),
      logs: () => [{ path: "/old.log", changed: at(31) }, { path: "/new.log", changed: at(29) }],
      removeLog: (path) => did(`remove ${path}`),
    },
  }));
}

test("only what is old and over goes, with the issue held", async () => {
  const { context, effects } = stageWith([
    trace("n1"),
    trace("n2"),
    trace("n3"),
    trace("gone", { key: key(7) }),
    trace("nameless"),
    trace("young", { changed: at(29) }),
    trace("accepted", { key: key(8), isOpen: true }),
    trace("damaged", { isOpen: true, why: "it cannot be read" }),
  ]);
  const { traces, logs } = await clearTraces(context, false);
  assert.deepEqual(effects, [
    ...["hold 1", "remove n1", "release"],
    ...["hold 7", "remove gone", "release"],
    ...["remove nameless", "remove /old.log"],
  ]);
  assert.deepEqual(traces.map(({ issue_ref, cleared }) => [issue_ref, cleared]), [
    [key(1), true],
    [key(3), false],
    [key(7), true],
    ["nameless", true],
    ["damaged", false],
  ]);
  assert.match(traces[1]!.why!, /held by pid 9/);
  assert.deepEqual(logs, [{ log: "/old.log", cleared: true }]);
});

test("a dry run only tells", async () => {
  const { context, effects } = stageWith([trace("n1"), trace("gone", { key: key(7) })]);
  const { traces, logs } = await clearTraces(context, true);
  assert.deepEqual(effects, []);
  assert.deepEqual(traces.map(({ cleared }) => cleared), [false, false]);
  assert.deepEqual(logs, [{ log: "/old.log", cleared: false }]);
});
