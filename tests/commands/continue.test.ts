import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { continueSession } from "../../src/commands/continue.ts";
import { errors, KugetsuError } from "../../src/errors.ts";
import type { TurnRequest } from "../../src/runner/mod.ts";
import type { SessionRecord } from "../../src/session/record.ts";
import {
  anyFolder,
  CUT_OFF,
  makeStage,
  NOW,
  OPENCODE,
  opencodeWith,
  REF,
  runnerThat,
  SESSION,
  storeWith,
} from "../support/fakes.ts";

type Make = Parameters<typeof makeStage>[0];

/** All that is needed to continue, with some of it changed. */
const stageWith = (change: Make = () => ({})) =>
  makeStage((did) => ({
    store: storeWith(did, { stored: SESSION }),
    workspace: anyFolder(did),
    runner: runnerThat(did),
    ...change(did),
  }));

describe("continuing", () => {
  test("writes down that a turn runs before it runs, and gives the session back", async () => {
    const { context, effects, stdout } = stageWith();
    assert.equal(await continueSession(context, REF, "go on", {}), 0);
    assert.deepEqual(effects, [
      `hold ${REF}`,
      "folder /repository",
      "save running ses_1",
      "turn continue ses_1",
      "save running ses_1",
      "save idle ses_1",
      "release",
    ]);
    assert.deepEqual(stdout, ["ok\n"]);
  });

  test("goes on in the session's folder, with the message or with words of its own", async () => {
    const requests: TurnRequest[] = [];
    const { context } = stageWith((did) => ({
      store: { hold: storeWith(did, { stored: { ...SESSION, directory: "/its/own" } }).hold! },
      runner: runnerThat(did, {}, (it) => requests.push(it)),
    }));
    await continueSession(context, REF, "go on", {});
    assert.deepEqual(
      requests.map(({ directory, message }) => [directory, message]),
      [["/its/own", "go on"]],
    );
    const again = stageWith((did) => ({ runner: runnerThat(did, {}, (it) => requests.push(it)) }));
    await continueSession(again.context, REF, undefined, {});
    assert.equal(requests[1]?.message, "Continue where you left off.");
  });

  test("asks opencode where a session is that the old tool has made, and remembers it", async () => {
    const { directory: _, ...old } = SESSION;
    const saved: SessionRecord[] = [];
    const { context, effects } = stageWith((did) => ({
      store: storeWith(did, { stored: old, onSave: (record) => saved.push(record) }),
      sessions: opencodeWith(did, { id: "ses_1", directory: "/old" }),
    }));
    assert.equal(await continueSession(context, REF, "go on", {}), 0);
    assert.deepEqual(effects.slice(0, 3), [`hold ${REF}`, "find ses_1", "folder /old"]);
    assert(saved.length > 0 && saved.every(({ directory }) => directory === "/old"));
  });

  test("first ends what a turn that was cut off has left running", async () => {
    const { context, effects } = stageWith((did) => ({
      store: storeWith(did, { stored: { ...SESSION, state: "running", turn: CUT_OFF } }),
    }));
    assert.equal(await continueSession(context, REF, "go on", {}), 0);
    assert.deepEqual(effects.slice(1, 5), [
      "folder /repository",
      "end leftovers of turn-0",
      "save running ses_1",
      "turn continue ses_1",
    ]);
  });

  test("does not begin while processes of a turn that was cut off are alive", async () => {
    const { context, effects } = stageWith((did) => ({
      store: storeWith(did, { stored: { ...SESSION, turn: CUT_OFF } }),
      runner: { endLeftovers: () => Promise.resolve(2) },
    }));
    await assert.rejects(
      continueSession(context, REF, "go on", {}),
      (error) => error instanceof KugetsuError && error.code === "leftovers-alive",
    );
    assert.deepEqual(effects, [`hold ${REF}`, "folder /repository", "release"]);
  });
});

describe("nothing is held", () => {
  test("for a ref that is none, a bad setting or an empty message", async () => {
    const bad = stageWith(() => ({
      config: {
        settings() {
          throw errors.badSetting("model", "x", "no");
        },
      },
    }));
    const good = stageWith();
    const calls: [code: string, call: Promise<number>][] = [
      ["bad-ref", continueSession(good.context, "x", "go on", {})],
      ["empty-message", continueSession(good.context, REF, "", {})],
      ["bad-setting", continueSession(bad.context, REF, "go on", {})],
    ];
    for (const [code, call] of calls) {
      await assert.rejects(call, (error) => error instanceof KugetsuError && error.code === code);
    }
    assert.deepEqual([...good.effects, ...bad.effects], []);
  });

  test("for an issue without a session", async () => {
    const { context } = stageWith((did) => ({ store: storeWith(did) }));
    await assert.rejects(
      continueSession(context, REF, "go on", {}),
      (error) => error instanceof KugetsuError && error.code === "no-session" && error.exit === 3,
    );
  });
});

describe("a turn that never ran changes nothing", () => {
  const failure = errors.noOpencode("it is not on PATH");
  const fail = () => {
    throw failure;
  };
  const before: SessionRecord = { ...SESSION, state: "blocked", reason: "it wanted bash" };
  const CASES: [what: string, change: Make, effects: string[]][] = [
    ["when its folder is gone", () => ({ workspace: { folder: fail } }), []],
    ["when opencode lost the session", (did) => ({
      store: storeWith(did, { stored: { ...before, directory: undefined } }),
      sessions: { find: fail },
    }), []],
    ["when opencode is not there", (did) => ({ runner: { ...runnerThat(did), turn: fail } }), [
      "save running ses_1",
      "save blocked ses_1 (it wanted bash)",
    ]],
    ["when there is no runner", () => ({ context: { runner: fail } }), [
      "save running ses_1",
      "save blocked ses_1 (it wanted bash)",
    ]],
  ];
  for (const [what, change, between] of CASES) {
    test(what, async () => {
      const { context, effects } = stageWith((did) => ({
        store: storeWith(did, { stored: before }),
        ...change(did),
      }));
      await assert.rejects(continueSession(context, REF, "go on", {}), failure);
      const [first, ...rest] = effects.filter((it) => !it.startsWith("folder"));
      assert.equal(first, `hold ${REF}`);
      assert.deepEqual(rest, [...between, "release"]);
    });
  }

  test("but one that broke off is on record as failed", async () => {
    const { context, effects } = stageWith((did) => ({
      store: storeWith(did, { stored: before }),
      runner: {
        async turn(_request, watch) {
          await watch.started(OPENCODE);
          throw new Error("the pipe broke");
        },
      },
    }));
    await assert.rejects(continueSession(context, REF, "go on", {}), /the pipe broke/);
    assert.deepEqual(effects.slice(-2), ["save failed ses_1 (the pipe broke)", "release"]);
  });
});

test("a turn's record has when it began, and the next one's has how it ended", async () => {
  const saved: SessionRecord[] = [];
  const { context } = stageWith((did) => ({
    store: storeWith(did, { stored: SESSION, onSave: (record) => saved.push(record) }),
  }));
  await continueSession(context, REF, "go on", {});
  assert.deepEqual([saved[0]?.turn?.kind, saved[0]?.turn?.started_at], ["continue", NOW]);
  const last = saved.at(-1)!;
  assert(!("turn" in last));
  assert.equal(last.last_turn?.outcome, "done");
});
