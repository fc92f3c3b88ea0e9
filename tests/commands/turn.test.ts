import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { endLeftovers, runTurn, type TurnPlan } from "../../src/commands/turn.ts";
import { KugetsuError } from "../../src/errors.ts";
import type { Runner, TurnEvent, TurnResult } from "../../src/runner/mod.ts";
import type { Outcome } from "../../src/session/outcome.ts";
import { begun, startingRecord } from "../../src/session/state.ts";
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

const TURN = { id: "turn-1", started_at: NOW, owner: OWNER };
const SAME = {
  ...SETTINGS,
  ref: { host: "github.com", project: ["shoko", "kugetsu"], number: "14" },
  directory: "/repository",
  message: "fix it",
};
const STARTED: TurnPlan = {
  ...SAME,
  turn: { ...TURN, kind: "start" },
  record: startingRecord(REF, { ...TURN, kind: "start" }, NOW),
  session: "ses_base",
};
const CONTINUED: TurnPlan = {
  ...SAME,
  turn: { ...TURN, kind: "continue" },
  record: begun(SESSION, { ...TURN, kind: "continue" }, NOW),
  session: "ses_1",
};

/** Runs a planned turn on a stage; what it ends with is a status or an error. */
async function play(plan: TurnPlan, make: (did: (effect: string) => void) => Parts) {
  let hold!: ReturnType<typeof fakeHold>;
  const stage = makeStage((did) => {
    hold = fakeHold(did, plan === CONTINUED ? SESSION : undefined);
    return make(did);
  });
  const end = await runTurn(stage.context, hold, plan).catch((error: unknown) => error);
  return { ...stage, end };
}

const ending = (result: Partial<TurnResult>) => (did: (effect: string) => void): Parts => ({
  runner: runnerThat(did, result),
});

const failed = (reason: Extract<Outcome, { kind: "failed" }>["reason"]): Outcome => ({
  kind: "failed",
  reason,
  detail: "it broke",
});

describe("the end of a turn", () => {
  const GO_ON = `kugetsu continue "${REF}"`;
  const CASES: [outcome: Outcome, plan: TurnPlan, state: string, exit: number, next: string][] = [
    [failed("provider"), CONTINUED, "failed", 6, GO_ON],
    [failed("agent-unknown"), CONTINUED, "failed", 6, "opencode agent list"],
    [failed("model-unknown"), STARTED, "failed", 6, "opencode models"],
    [failed("session-gone"), CONTINUED, "failed", 6, `kugetsu destroy "${REF}" -y`],
    [failed("session-gone"), STARTED, "failed", 6, "kugetsu init --force"],
    [
      { kind: "blocked", detail: "it wanted bash", pending: false },
      STARTED,
      "blocked",
      7,
      `${GO_ON} --permissions allow`,
    ],
    [{ kind: "stalled", limit: "silence", seconds: 5 }, STARTED, "failed", 8, GO_ON],
    [{ kind: "timeout", seconds: 5 }, CONTINUED, "failed", 8, GO_ON],
    [{ kind: "cancelled", signal: "SIGINT" }, CONTINUED, "stopped", 130, GO_ON],
    [{ kind: "cancelled", signal: "SIGTERM" }, STARTED, "stopped", 143, GO_ON],
  ];
  for (const [outcome, plan, state, exit, next] of CASES) {
    const what = "reason" in outcome ? outcome.reason : outcome.kind;
    test(`of a ${plan.turn.kind} by "${what}" is stored, then told with what helps`, async () => {
      const { end, effects } = await play(plan, ending({ outcome }));
      assert(end instanceof KugetsuError, String(end));
      assert.deepEqual([end.exit, end.next], [exit, next]);
      assert.match(end.message, /^The turn for "github\.com\/shoko\/kugetsu#14" /);
      const session = plan === STARTED ? "ses_new" : "ses_1";
      assert.match(effects.at(-2)!, new RegExp(`^save ${state} ${session} \\(`));
      assert.equal(effects.at(-1), "release");
    });
  }

  test("is one JSON value with the whole answer, if that was asked for, and before any error", async () => {
    const blocked = { kind: "blocked", detail: "it wanted bash", pending: false } as const;
    const stage = await play(
      STARTED,
      (did) => ({ json: true, ...ending({ outcome: blocked })(did) }),
    );
    assert.deepEqual(stage.results, [{
      issue_ref: REF,
      opencode_session_id: "ses_new",
      outcome: "blocked",
      detail: "it wanted bash",
      exit: 7,
      text: "ok",
    }]);
    assert.deepEqual(stage.stdout, []);
    const well = await play(CONTINUED, (did) => ({ json: true, ...ending({})(did) }));
    assert.equal(well.end, 0);
    assert.deepEqual(well.results, [
      { issue_ref: REF, opencode_session_id: "ses_1", outcome: "done", exit: 0, text: "ok" },
    ]);
  });

  test("without a session, as JSON too, has none", async () => {
    const result = { outcome: failed("opencode"), session: undefined, text: "" };
    const { results } = await play(STARTED, (did) => ({ json: true, ...ending(result)(did) }));
    assert.equal((results[0] as Record<string, unknown>)["opencode_session_id"], null);
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

  test("is tried once more, after a moment that differs from one process to the next", async () => {
    for (const reason of ["database-locked", "never-started"] as const) {
      const { result, waits } = await withoutWaiting(() => play(STARTED, inTurn(unborn(reason))));
      assert.equal(result.end, 0);
      assert.equal(result.effects.filter((it) => it === "turn fork ses_base").length, 2);
      assert.equal(waits.length, 1);
      assert(waits[0]! >= 750 && waits[0]! <= 2250);
    }
  });

  test("is not tried a third time", async () => {
    const locked = unborn("database-locked");
    const { result } = await withoutWaiting(() => play(STARTED, inTurn(locked, locked)));
    assert(result.end instanceof KugetsuError);
    assert.equal(result.effects.filter((it) => it === "turn fork ses_base").length, 2);
    assert.equal(result.effects.at(-1), "remove");
  });

  test("is not tried again if that could do something twice, or would not help", async () => {
    const results = [{ ...unborn("database-locked"), session: "ses_new" }, unborn("provider")];
    for (const first of results) {
      const { result, waits } = await withoutWaiting(() => play(STARTED, inTurn(first)));
      assert(result.end instanceof KugetsuError);
      assert.deepEqual(waits, []);
    }
  });

  test("is not tried again once it was stopped", async () => {
    const { result, waits } = await withoutWaiting(() =>
      play(STARTED, (did) => ({
        ...inTurn(unborn("database-locked"))(did),
        context: { untilStopped: (work) => work(AbortSignal.abort("SIGINT")) },
      }))
    );
    assert(result.end instanceof KugetsuError);
    assert.deepEqual(waits, []);
  });
});

test("a turn is stopped by the signal that its command is stopped by", async () => {
  const signals: AbortSignal[] = [];
  const given = AbortSignal.abort("SIGTERM");
  await play(CONTINUED, (did) => ({
    runner: runnerThat(did, {}, (_request, _watch, signal) => signals.push(signal)),
    context: { untilStopped: (work) => work(given) },
  }));
  assert.deepEqual(signals, [given]);
});

test("what is said is shown as it comes, and a denied permission is noted", async () => {
  const events: TurnEvent[] = [
    { kind: "step", reason: "stop" },
    { kind: "tool", tool: "bash", title: "ls", state: "done" },
    { kind: "text", text: "first" },
    { kind: "permission", permission: "bash", patterns: "rm *" },
    { kind: "trouble", text: "overloaded" },
    { kind: "notice", text: "log" },
    { kind: "text", text: "second" },
  ];
  const turn: Runner["turn"] = async (request, watch) => {
    await watch.started(OPENCODE);
    for (const event of events) watch.event(event);
    return { outcome: { kind: "done" }, session: request.session, text: "second" };
  };
  const { stdout, stderr } = await play(CONTINUED, () => ({ runner: { turn } }));
  assert.deepEqual(stdout, ["first\n", "second\n"]);
  assert.deepEqual(stderr, [
    "note opencode wanted a permission and was denied: bash (rm *)",
  ]);
  const waiting = { ...CONTINUED, permissions: "wait" as const };
  assert.deepEqual((await play(waiting, () => ({ runner: { turn } }))).stderr, []);
});

test("leftovers that would not end are an error, and those that did are none", async () => {
  const { context } = makeStage(() => ({
    runner: { endLeftovers: ({ id }) => Promise.resolve(id === "turn-0" ? 0 : 2) },
  }));
  await endLeftovers(context, CUT_OFF);
  await assert.rejects(
    endLeftovers(context, { ...CUT_OFF, id: "stubborn" }),
    (error) => error instanceof KugetsuError && /2 processes of .* stubborn/.test(error.message),
  );
});
