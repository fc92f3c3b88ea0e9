import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { continueSession } from "../../src/commands/continue.ts";
import { errors, KugetsuError } from "../../src/errors.ts";
import type { TurnRequest } from "../../src/runner/mod.ts";
import type { SessionRecord } from "../../src/session/record.ts";
import {
  anyFolder,
  CUT_OFF,
  type makeStage,
  NOW,
  OPENCODE,
  opencodeWith,
  REF,
  runnerThat,
  SESSION,
  storeWith,
} from "../support/fakes.ts";
import { makeTurnStage } from "../support/supervisor.ts";
import { until } from "../support/until.ts";

type Make = Parameters<typeof makeStage>[0];

/** All that is needed to continue, with some of it changed. */
const stageWith = (change: Make = () => ({})) =>
  makeTurnStage((did) => ({
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
      "save queued ses_1",
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
    assert.deepEqual(effects.slice(1, 6), [
      "end leftovers of turn-0 in /repository",
      "folder /repository",
      "save queued ses_1",
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
    assert.deepEqual(effects, [`hold ${REF}`, "release"]);
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

describe("a turn that cannot run", () => {
  const failure = errors.noOpencode("it is not on PATH");
  const fail = () => {
    throw failure;
  };
  const before: SessionRecord = { ...SESSION, state: "blocked", reason: "it wanted bash" };
  const [QUEUED, BEGUN, FAILED] = [
    "save queued ses_1",
    "save running ses_1",
    `save failed ses_1 (${failure.message})`,
  ];
  const CASES: [what: string, change: Make, effects: string[]][] = [
    ["changes nothing when its folder is gone", () => ({ workspace: { folder: fail } }), []],
    ["changes nothing when opencode lost the session", (did) => ({
      store: storeWith(did, { stored: { ...before, directory: undefined } }),
      sessions: { find: fail },
    }), []],
    [
      "has failed when opencode is not there",
      (did) => ({ runner: { ...runnerThat(did), turn: fail } }),
      [QUEUED, BEGUN, FAILED],
    ],
    ["has failed when there is no runner", () => ({ context: { runner: fail } }), [QUEUED, FAILED]],
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

  test("to its end is on record as failed", async () => {
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
    assert.deepEqual(effects.slice(-2), [
      "save failed ses_1 (Something went wrong inside kugetsu: the pipe broke)",
      "release",
    ]);
  });
});

test("a second turn is refused while one runs, and --queue lets it wait for the end of that", async () => {
  const messages: string[] = [];
  const first = Promise.withResolvers<void>();
  const { context, keeper } = stageWith((did) => ({
    runner: {
      async turn(request, watch, signal) {
        messages.push(request.message);
        if (request.message === "one") await first.promise;
        return await runnerThat(did).turn!(request, watch, signal);
      },
    },
    context: { newId: () => crypto.randomUUID() },
  }));
  const one = continueSession(context, REF, "one", {});
  await until("the first runs", () => messages.length === 1);
  await assert.rejects(continueSession(context, REF, "two", {}), { code: "turn-running", exit: 4 });
  assert.equal(await continueSession(context, REF, "three", { queue: true, detach: true }), 0);
  assert.deepEqual(messages, ["one"]);
  first.resolve();
  assert.equal(await one, 0);
  await until("all is over", () => keeper.isIdle);
  assert.deepEqual(messages, ["one", "three"]);
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
