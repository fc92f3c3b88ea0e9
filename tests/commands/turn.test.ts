import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { endLeftovers, runTurn, type TurnPlan } from "../../src/commands/turn.ts";
import { errors, KugetsuError } from "../../src/errors.ts";
import type {
  Runner,
  TurnEvent,
  TurnRequest,
  TurnResult,
  TurnWatch,
} from "../../src/runner/mod.ts";
import type { Outcome } from "../../src/session/outcome.ts";
import type { SessionRecord } from "../../src/session/record.ts";
import { newRecord, queued } from "../../src/session/state.ts";
import {
  CUT_OFF,
  fakeHold,
  makeStage,
  NOW,
  OPENCODE,
  OWNER,
  type Parts,
  REF,
  runnerThat,
  SESSION,
  SETTINGS,
} from "../support/fakes.ts";
import { type FakeHost, fakeHost } from "../support/turns.ts";

const TURN = { id: "turn-1", started_at: NOW, owner: OWNER };
const SAME = {
  ...SETTINGS,
  ref: { host: "github.com", project: ["shoko", "kugetsu"], number: "14" },
  directory: "/repository",
  place: { directory: "/repository" },
  message: "fix it",
};
const STARTED: TurnPlan = {
  ...SAME,
  turn: { ...TURN, kind: "start" },
  record: newRecord(REF, { ...TURN, kind: "start" }, NOW),
  session: "ses_base",
};
const CONTINUED: TurnPlan = {
  ...SAME,
  turn: { ...TURN, kind: "continue" },
  record: queued(SESSION, { ...TURN, kind: "continue" }, NOW),
  session: "ses_1",
};

/** Runs a planned turn on a stage, in the hands of a host that notes what it is told. */
async function play(
  plan: TurnPlan,
  make: (did: (effect: string) => void) => Parts,
  { signal, onSave }: { signal?: AbortSignal; onSave?: (record: SessionRecord) => void } = {},
) {
  let hold!: ReturnType<typeof fakeHold>;
  let host!: FakeHost;
  const saved: SessionRecord[] = [];
  const stage = makeStage((did) => {
    const isStart = plan.record.opencode_session_id === null;
    hold = fakeHold(did, isStart ? undefined : plan.record, (record) => {
      onSave?.(record);
      saved.push(record);
    });
    host = fakeHost(did, signal ? { signal } : {});
    return make(did);
  });
  await runTurn(stage.context, hold, plan, host);
  const [end, ...more] = host.ends;
  assert.ok(end && more.length === 0, "it is told once how it ended");
  return { ...stage, end, events: host.events, saved };
}

const ending = (result: Partial<TurnResult>) => (did: (effect: string) => void): Parts => ({
  runner: runnerThat(did, result),
});

const failed = (reason: Extract<Outcome, { kind: "failed" }>["reason"]): Outcome => ({
  kind: "failed",
  reason,
  detail: "it broke",
});

describe("a turn that has its place", () => {
  test("is on record at every step, gives the issue back, and only then tells how it ended", async () => {
    const { effects, end } = await play(STARTED, ending({}));
    assert.deepEqual(effects, [
      "save starting -",
      "begun in /repository",
      "turn fork ses_base",
      "save starting -",
      "save running ses_new",
      "named ses_new",
      "save idle ses_new",
      "release",
      "ended done",
    ]);
    assert.deepEqual(end, { outcome: { kind: "done" }, session: "ses_new", text: "ok" });
    assert.deepEqual((await play(CONTINUED, ending({}))).effects, [
      "save running ses_1",
      "begun in /repository",
      "turn continue ses_1",
      "save running ses_1",
      "save idle ses_1",
      "release",
      "ended done",
    ]);
  });

  const CASES: [outcome: Outcome, state: string][] = [
    [failed("provider"), "failed"],
    [failed("session-gone"), "failed"],
    [failed("budget"), "failed"],
    [{ kind: "blocked", detail: "it wanted bash", pending: false }, "blocked"],
    [{ kind: "stalled", limit: "silence", seconds: 5 }, "failed"],
    [{ kind: "timeout", seconds: 5 }, "failed"],
    [{ kind: "cancelled", signal: "SIGINT" }, "stopped"],
  ];
  for (const [outcome, state] of CASES) {
    const what = "reason" in outcome ? outcome.reason : outcome.kind;
    test(`and ends by "${what}" is stored with the reason, then told`, async () => {
      for (const [plan, session] of [[STARTED, "ses_new"], [CONTINUED, "ses_1"]] as const) {
        const { effects, end, saved } = await play(plan, ending({ outcome }));
        assert.match(effects.at(-3)!, new RegExp(`^save ${state} ${session} \\(.`));
        assert.deepEqual(effects.slice(-2), ["release", `ended ${outcome.kind}`]);
        assert.deepEqual([end.outcome, end.session, end.error], [outcome, session, undefined]);
        assert.equal(saved.at(-1)?.last_turn?.id, "turn-1");
        assert.ok(!("turn" in saved.at(-1)!));
      }
    });
  }

  test("is known by its opencode, its session and its message as soon as those are known", async () => {
    const turn: Runner["turn"] = async (_request, watch) => {
      await watch.started(OPENCODE);
      await watch.named("ses_new", "msg_1");
      return { outcome: { kind: "done" }, session: "ses_new", text: "" };
    };
    const { saved } = await play(STARTED, () => ({ runner: { turn } }));
    const known = saved.map((it) => [
      it.turn?.opencode?.pid,
      it.opencode_session_id,
      it.turn?.message_id,
    ]);
    assert.deepEqual(known.slice(0, 3), [
      [undefined, null, undefined],
      [OPENCODE.pid, null, undefined],
      [OPENCODE.pid, "ses_new", "msg_1"],
    ]);
  });

  test("has a name for its message before it begins in a session that is there", async () => {
    const requests: TurnRequest[] = [];
    const { saved } = await play(CONTINUED, (did) => ({
      runner: { ...runnerThat(did, {}, (it) => requests.push(it)), newMessageId: () => "msg_1" },
    }));
    assert.deepEqual([saved[0]?.state, saved[0]?.turn?.message_id], ["running", "msg_1"]);
    assert.deepEqual(requests.map((it) => [it.messageId, it.isAgain]), [["msg_1", false]]);
  });

  test("has the name that its message gets in place of an earlier one, and each once", async () => {
    const turn: Runner["turn"] = async (_request, watch) => {
      for (const name of ["msg_1", "msg_2", "msg_2", undefined]) await watch.named("ses_1", name);
      return { outcome: { kind: "done" }, session: "ses_1", text: "" };
    };
    const { saved } = await play(CONTINUED, () => ({
      runner: { turn, newMessageId: () => "msg_1" },
    }));
    assert.deepEqual(saved.map((it) => it.turn?.message_id), ["msg_1", "msg_2", undefined]);
  });

  test("gives the runner its settings, and the name of a message that an earlier attempt may have sent", async () => {
    const requests: TurnRequest[] = [];
    const turn = { ...CONTINUED.turn, message_id: "msg_1" };
    const sent = {
      ...CONTINUED,
      ...{ turn, record: queued(SESSION, turn, NOW) },
      model: "m/x",
      debug: true,
    };
    await play(sent, (did) => ({ runner: runnerThat(did, {}, (it) => requests.push(it)) }));
    assert.deepEqual(requests, [{
      id: "turn-1",
      kind: "continue",
      session: "ses_1",
      directory: "/repository",
      message: "fix it",
      messageId: "msg_1",
      isAgain: true,
      title: undefined,
      model: "m/x",
      agent: undefined,
      permissions: "deny",
      limits: SETTINGS.limits,
      debug: true,
    }]);
  });

  test("tells what it does, and is blocked on record while it waits for an answer", async () => {
    const ask = { id: "per_1", kind: "permission", what: "bash (rm)", options: [] } as const;
    const told: TurnEvent[] = [
      { kind: "text", text: "first" },
      { kind: "asks", ask: { ...ask, options: [] } },
      { kind: "answered", id: "per_1" },
      { kind: "usage", tokens: 5, cost: 0 },
    ];
    const turn: Runner["turn"] = (request, watch) => {
      for (const event of told) watch.event(event);
      return Promise.resolve({ outcome: { kind: "done" }, session: request.session, text: "" });
    };
    const { effects, events } = await play(CONTINUED, () => ({ runner: { turn } }));
    assert.deepEqual(events, told);
    assert.deepEqual(effects.slice(2, 5), [
      "save blocked ses_1 (it wants bash (rm))",
      "save running ses_1",
      "save idle ses_1",
    ]);
  });

  test("is stopped by what stops it at its host", async () => {
    const { signal } = new AbortController();
    const signals: AbortSignal[] = [];
    await play(CONTINUED, (did) => ({
      runner: runnerThat(did, {}, (_request, _watch, signal) => signals.push(signal)),
    }), { signal });
    assert.deepEqual(signals, [signal]);
  });
});

describe("a turn that was stopped while it waited", () => {
  test("does nothing: a session says so, and of a start nothing stays", async () => {
    const signal = AbortSignal.abort("SIGTERM");
    const went = await play(CONTINUED, () => ({}), { signal });
    assert.deepEqual(went.effects, [
      "save stopped ses_1 (stopped by SIGTERM)",
      "release",
      "ended cancelled",
    ]);
    assert.deepEqual(went.end.outcome, { kind: "cancelled", signal: "SIGTERM" });
    assert.deepEqual((await play(STARTED, () => ({}), { signal })).effects, [
      "remove",
      "ended cancelled",
    ]);
  });

  test("by its budget, which it had used up before it was taken up again, says that", async () => {
    const signal = AbortSignal.abort({ budget: "it used 101 tokens" });
    const { effects, end } = await play(CONTINUED, () => ({}), { signal });
    assert.deepEqual(end.outcome, {
      kind: "failed",
      reason: "budget",
      detail: "it used 101 tokens",
    });
    assert.equal(effects[0], "save failed ses_1 (budget: it used 101 tokens)");
  });
});

describe("a turn that breaks off", () => {
  const failure = errors.noOpencode("it is not on PATH");

  test("tells the error whole, and its session is on record as failed", async () => {
    const { effects, end } = await play(CONTINUED, () => ({
      runner: { turn: () => Promise.reject(failure) },
    }));
    assert.deepEqual(end.error?.code, "no-opencode");
    assert.deepEqual([end.error?.exit, end.error?.next], [failure.exit, failure.next]);
    assert.deepEqual(effects.slice(-3), [
      `save failed ses_1 (${failure.message})`,
      "release",
      "ended failed",
    ]);
  });

  test("before it had a session leaves nothing, and with one stays on record", async () => {
    const before = await play(
      STARTED,
      () => ({ context: { runner: () => Promise.reject(failure) } }),
    );
    assert.deepEqual(before.effects.slice(-2), ["remove", "ended failed"]);
    assert.equal(before.end.session, null);
    const turn: Runner["turn"] = async (_request, watch) => {
      await watch.named("ses_new");
      throw new Error("the pipe broke");
    };
    const after = await play(STARTED, () => ({ runner: { turn } }));
    assert.match(after.effects.at(-3)!, /^save failed ses_new \(.*the pipe broke\)$/);
    assert.deepEqual([after.end.session, after.end.error?.code], ["ses_new", "internal"]);
  });

  test("because its record cannot be stored tells that, and not that it was done", async () => {
    const full = errors.unwritable("/state/x.json", new Error("full"));
    const { end } = await play(CONTINUED, ending({}), {
      onSave(record) {
        if (record.state === "idle") throw full;
      },
    });
    assert.deepEqual([end.outcome.kind, end.error?.code], ["failed", "unwritable"]);
  });
});

describe("a turn in a worktree that was made for it", () => {
  const worktree = { path: "/w/x", branch: "kugetsu/x", from: "0123", repository: "/repository" };
  const made = { worktree, directory: "/w/x", isNew: true, earlierCommits: 0, missing: [] };
  const plan = {
    ...{ ref: REF, slug: "x", folder: "/repository", id: "turn-1" },
    ...{ copy: [], setup: "npm ci", setupSeconds: 9 },
  };
  const PLACED = {
    ...STARTED,
    directory: "/w/x",
    place: { directory: "/w/x", worktree, planned: { plan, made } },
  };
  const stage =
    (setUp: () => Promise<void>, result: Partial<TurnResult> = {}) =>
    (did: (effect: string) => void): Parts => ({
      runner: runnerThat(did, result),
      workspace: {
        setUpWorktree({ plan: { setup } }) {
          did(`set up by ${setup}`);
          return setUp();
        },
        undoWorktree({ worktree: { path } }) {
          did(`undo ${path}`);
          return Promise.resolve();
        },
      },
    });

  test("gets it ready when its place has come, before opencode is asked for anything", async () => {
    const { effects } = await play(PLACED, stage(() => Promise.resolve()));
    assert.deepEqual(effects.slice(0, 4), [
      "save starting -",
      "begun in /w/x",
      "set up by npm ci",
      "turn fork ses_base",
    ]);
  });

  test("takes it back while the issue is held when it never got a session", async () => {
    const UNDONE = ["undo /w/x", "remove"];
    const failure = errors.setupFailed(REF, "it ended with exit status 1", "/log");
    const failing = await play(PLACED, stage(() => Promise.reject(failure)));
    assert.deepEqual(failing.effects.slice(-4), ["set up by npm ci", ...UNDONE, "ended failed"]);
    assert.equal(failing.end.error?.code, "setup-failed");

    const unborn = { outcome: failed("opencode"), session: undefined, text: "" };
    const early = await play(PLACED, stage(() => Promise.resolve(), unborn));
    assert.deepEqual(early.effects.slice(-3), [...UNDONE, "ended failed"]);
    assert.deepEqual([early.end.session, early.end.error], [null, undefined]);
  });

  test("is cancelled, and no error, when it is stopped while it is got ready", async () => {
    const stopper = new AbortController();
    const { effects, end } = await play(
      PLACED,
      stage(() => {
        stopper.abort("SIGINT");
        return Promise.reject(errors.startStopped(REF, "SIGINT"));
      }),
      { signal: stopper.signal },
    );
    assert.deepEqual(effects.slice(-3), ["undo /w/x", "remove", "ended cancelled"]);
    assert.equal(end.error, undefined);
  });
});

describe("a turn that did not get under way", () => {
  /** Waits of the code under test are over at once. */
  async function withoutWaiting<T>(
    work: () => Promise<T>,
  ): Promise<{ result: T; waits: number[] }> {
    const waits: number[] = [];
    const real = globalThis.setTimeout;
    globalThis.setTimeout = ((call: () => void, ms: number) => {
      waits.push(ms);
      queueMicrotask(call);
    }) as unknown as typeof setTimeout;
    try {
      return { result: await work(), waits };
    } finally {
      globalThis.setTimeout = real;
    }
  }

  /** A runner whose turns end like these, one after the other. */
  const inTurn = (...results: Partial<TurnResult>[]) => (did: (effect: string) => void): Parts => ({
    runner: {
      turn: (...call) => runnerThat(did, results.shift() ?? {}).turn!(...call),
    },
  });
  const unborn = (reason: "database-locked" | "never-started" | "provider") => ({
    outcome: failed(reason),
    session: undefined,
    text: "",
  });
  const turnsIn = (effects: string[]) => effects.filter((it) => it.startsWith("turn "));

  test("is tried once more, after a moment that differs from one turn to the next", async () => {
    for (const reason of ["database-locked", "never-started"] as const) {
      for (const [plan, turn] of [[STARTED, "fork ses_base"], [CONTINUED, "continue ses_1"]]) {
        const { result, waits } = await withoutWaiting(() =>
          play(plan as TurnPlan, inTurn(unborn(reason)))
        );
        assert.equal(result.end.outcome.kind, "done");
        assert.deepEqual(turnsIn(result.effects), [`turn ${turn}`, `turn ${turn}`]);
        assert.equal(waits.length, 1);
        assert(waits[0]! >= 750 && waits[0]! <= 2250);
      }
    }
  });

  test("is tried once more in the session that it had got, if the server ended before the message was sent", async () => {
    const first = { outcome: failed("never-started"), session: "ses_new", text: "" };
    const { result } = await withoutWaiting(() => play(STARTED, inTurn(first)));
    assert.deepEqual(turnsIn(result.effects), ["turn fork ses_base", "turn continue ses_new"]);
    assert.deepEqual([result.end.outcome.kind, result.end.session], ["done", "ses_new"]);
  });

  test("is tried once more under the name that its message had, which opencode may have got", async () => {
    const requests: TurnRequest[] = [];
    const runner = {
      async turn(request: TurnRequest, watch: TurnWatch): Promise<TurnResult> {
        requests.push(request);
        await watch.named("ses_1", "msg_7");
        const outcome = requests.length === 1 ? failed("never-started") : { kind: "done" } as const;
        return { outcome, session: "ses_1", text: "" };
      },
    };
    const known = { ...runner, newMessageId: () => "msg_8" };
    for (const [plan, first] of [[STARTED, undefined], [CONTINUED, "msg_8"]] as const) {
      const { result } = await withoutWaiting(() => play(plan, () => ({ runner: known })));
      assert.equal(result.end.outcome.kind, "done");
      assert.deepEqual(requests.splice(0).map((it) => [it.messageId, it.isAgain]), [
        [first, false],
        ["msg_7", true],
      ]);
    }
  });

  test("is not tried a third time", async () => {
    const locked = unborn("database-locked");
    const { result } = await withoutWaiting(() => play(STARTED, inTurn(locked, locked)));
    assert.equal(result.end.outcome.kind, "failed");
    assert.equal(turnsIn(result.effects).length, 2);
    assert.deepEqual(result.effects.slice(-2), ["remove", "ended failed"]);
  });

  test("is not tried again if that could do something twice, or would not help", async () => {
    const results = [{ ...unborn("database-locked"), session: "ses_new" }, unborn("provider")];
    for (const first of results) {
      const { result, waits } = await withoutWaiting(() => play(STARTED, inTurn(first)));
      assert.equal(result.end.outcome.kind, "failed");
      assert.deepEqual(waits, []);
    }
  });

  test("is not tried again once it was stopped", async () => {
    const stopper = new AbortController();
    const { result, waits } = await withoutWaiting(() =>
      play(CONTINUED, (did) => ({
        runner: runnerThat(did, unborn("database-locked"), () => stopper.abort("SIGINT")),
      }), { signal: stopper.signal })
    );
    assert.equal(turnsIn(result.effects).length, 1);
    assert.deepEqual(waits, []);
  });
});

test("leftovers that would not end are an error, those that did are none, and where it ran is told", async () => {
  const told: unknown[] = [];
  const { context } = makeStage(() => ({
    runner: {
      endLeftovers({ id, session, directory, alone }) {
        told.push({ session, directory, alone });
        return Promise.resolve(id === "turn-0" ? 0 : 2);
      },
    },
  }));
  const unborn = { session: undefined, directory: undefined, alone: false };
  const own = { session: "ses_1", directory: "/w/x", alone: true };
  await endLeftovers(context, CUT_OFF, unborn);
  await assert.rejects(
    endLeftovers(context, { ...CUT_OFF, id: "stubborn" }, own),
    (error) => error instanceof KugetsuError && /2 processes of .* stubborn/.test(error.message),
  );
  assert.deepEqual(told, [unborn, own]);
});
