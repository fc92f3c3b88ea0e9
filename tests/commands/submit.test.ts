import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { submissionOf, submitTurn } from "../../src/commands/submit.ts";
import { errors, KugetsuError, partsOf } from "../../src/errors.ts";
import type { Outcome } from "../../src/session/outcome.ts";
import { parseRef } from "../../src/session/ref.ts";
import type { Accepted, Line, LineBody, Supervisor, TurnEnd } from "../../src/supervisor/mod.ts";
import { makeStage, NOW, type Parts, REF, SESSION, SETTINGS } from "../support/fakes.ts";
import { submission } from "../support/turns.ts";
import { assertFits } from "../support/json_schema.ts";

const ACCEPTED: Accepted = { key: REF, turn: "turn-1", ahead: 0, again: false };
const DONE: TurnEnd = { outcome: { kind: "done" }, session: "ses_1", text: "ok" };

/** A supervisor that accepts a turn and tells these lines of it. */
function supervisorThat(
  did: (effect: string) => void,
  lines: LineBody[],
  accepted: Partial<Accepted> = {},
): Partial<Supervisor> {
  return {
    submit({ kind, ref }) {
      did(`submit ${kind} ${ref}`);
      return Promise.resolve({ ...ACCEPTED, ...accepted });
    },
    async *follow({ key, turn }) {
      did(`follow ${turn} of ${key}`);
      yield* lines.map((line, at) => ({ seq: at + 1, time: NOW, turn: "turn-1", ...line }) as Line);
    },
    stop(keys, signal) {
      did(`stop ${keys} by ${signal}`);
      return Promise.resolve([{ key: REF, left: [] }]);
    },
  };
}

/** Hands a turn in; what it ends with is a status or an error. */
async function play(
  kind: "start" | "continue",
  lines: LineBody[],
  { parts = {}, accepted, detach }: {
    parts?: Partial<Parts>;
    accepted?: Partial<Accepted>;
    detach?: boolean;
  } = {},
) {
  const stage = makeStage((did) => ({
    supervisor: supervisorThat(did, lines, accepted),
    ...parts,
  }));
  const end = await submitTurn(stage.context, submission({ kind, ref: REF }), { detach }).catch(
    (error: unknown) => error,
  );
  return { ...stage, end };
}

const ended = (end: Partial<TurnEnd>): LineBody[] => [{ kind: "ended", ...DONE, ...end }];
const failed = (reason: Extract<Outcome, { kind: "failed" }>["reason"]): Outcome => ({
  kind: "failed",
  reason,
  detail: "it broke",
});

test("what a turn is made of comes from flags and settings", async () => {
  const { context } = makeStage(() => ({}));
  const flags = { worktree: true, from: "v1", key: "once", base: "default" as const };
  assert.deepEqual(await submissionOf(context, "start", parseRef(REF), flags), {
    id: "turn-1",
    kind: "start",
    ref: REF,
    started_at: new Date(NOW).toISOString(),
    model: undefined,
    agent: undefined,
    permissions: "deny",
    limits: SETTINGS.limits,
    budget: {},
    caps: {},
    runner: "server",
    place: { ...SETTINGS.worktree, demanded: true, from: "v1" },
    key: "once",
    base: "default",
  });
});

describe("the end of a turn", () => {
  const GO_ON = `kugetsu continue "${REF}"`;
  const CASES: [outcome: Outcome, kind: "start" | "continue", exit: number, next: string][] = [
    [failed("provider"), "continue", 6, GO_ON],
    [failed("budget"), "start", 6, GO_ON],
    [failed("agent-unknown"), "continue", 6, "opencode agent list"],
    [failed("model-unknown"), "start", 6, "opencode models"],
    [failed("session-gone"), "continue", 6, `kugetsu destroy "${REF}" -y`],
    [
      { kind: "blocked", detail: "it wanted bash", pending: false },
      "start",
      7,
      `${GO_ON} --permissions allow`,
    ],
    [{ kind: "stalled", limit: "silence", seconds: 5 }, "start", 8, GO_ON],
    [{ kind: "timeout", seconds: 5 }, "continue", 8, GO_ON],
    [{ kind: "cancelled", signal: "SIGINT" }, "continue", 130, GO_ON],
    [{ kind: "cancelled", signal: "SIGTERM" }, "start", 143, GO_ON],
  ];
  for (const [outcome, kind, exit, next] of CASES) {
    const what = "reason" in outcome ? outcome.reason : outcome.kind;
    test(`of a ${kind} by "${what}" is told with what helps`, async () => {
      const { end } = await play(kind, ended({ outcome }));
      assert(end instanceof KugetsuError, String(end));
      assert.deepEqual([end.exit, end.next], [exit, next]);
      assert.match(end.message, /^The turn for "github\.com\/shoko\/kugetsu#14" /);
    });
  }

  test("that is no matter of the agent's is the error itself", async () => {
    const error = partsOf(errors.noOpencode("it is not on PATH"));
    const { end, results } = await play(
      "start",
      ended({ outcome: failed("kugetsu"), session: null, error }),
      { parts: { json: true } },
    );
    assert(end instanceof KugetsuError, String(end));
    assert.deepEqual(partsOf(end), error);
    assert.deepEqual(results, []);
  });

  test("is one JSON value with the whole answer, if that was asked for, and before any error", async () => {
    const outcome = { kind: "blocked", detail: "it wanted bash", pending: false } as const;
    const lines: LineBody[] = [{ kind: "text", text: "ok" }, ...ended({ outcome })];
    const stage = await play("start", lines, { parts: { json: true } });
    assert.deepEqual(stage.results, [{
      issue_ref: REF,
      opencode_session_id: "ses_1",
      outcome: "blocked",
      detail: "it wanted bash",
      pending: false,
      exit: 7,
      text: "ok",
    }]);
    assert.deepEqual(stage.stdout, []);
    await assertFits("turn", stage.results[0]);
    const well = await play("continue", ended({}), { parts: { json: true } });
    assert.equal(well.end, 0);
    assert.deepEqual(well.results, [
      { issue_ref: REF, opencode_session_id: "ses_1", outcome: "done", exit: 0, text: "ok" },
    ]);
  });

  test("without a session has none in JSON, and is told with what helps", async () => {
    const end = { outcome: failed("opencode"), session: null };
    const stage = await play("start", ended(end), { parts: { json: true } });
    assert.equal((stage.results[0] as Record<string, unknown>)["opencode_session_id"], null);
    assert.equal((stage.end as KugetsuError).next, `kugetsu retry "${REF}"`);
    const orphan = await play("start", ended({ ...end, outcome: failed("session-gone") }));
    assert.equal((orphan.end as KugetsuError).next, "kugetsu init --force");
  });

  test("is not waited for where a question cannot be answered, and the session is told", async () => {
    const ask = { id: "a1", kind: "permission" as const, what: "bash (ls)", options: [] };
    const { results, end } = await play("continue", [{ kind: "asks", ask }], {
      parts: {
        json: true,
        store: { find: () => Promise.resolve({ key: REF, record: SESSION }) },
      },
    });
    assert.equal((end as KugetsuError).code, "turn-asks");
    await assertFits("turn", results[0]);
    const { opencode_session_id: session, pending } = results[0] as Record<string, unknown>;
    assert.deepEqual([session, pending], ["ses_1", true]);
  });

  test("that is not on record is not taken for a good one", async () => {
    const { end } = await play("start", [{ kind: "text", text: "so" }]);
    assert(end instanceof KugetsuError);
    assert.deepEqual([end.code, end.exit], ["turn-unknown", 5]);
  });

  test("of a turn that was accepted before is told as such, before what became of it", async () => {
    const lines: LineBody[] = [{ kind: "text", text: "ok" }, ...ended({})];
    const { end, stderr, stdout } = await play("continue", lines, { accepted: { again: true } });
    assert.deepEqual([end, stdout], [0, ["ok\n"]]);
    assert.deepEqual(stderr, [`note ${REF}: it was accepted before; no new turn begins.`]);
  });

  test("that was accepted so long ago that nothing is kept of it is no error", async () => {
    const { end, stderr } = await play("start", [], { accepted: { again: true } });
    assert.equal(end, 0);
    assert.match(stderr.at(-1)!, /^note It was accepted before: /);
  });
});

describe("a turn that runs by itself", () => {
  test("is not followed once it is accepted, and how to is said", async () => {
    const { end, effects, stdout, stderr } = await play("start", [], { detach: true });
    assert.equal(end, 0);
    assert.deepEqual(effects, [`submit start ${REF}`]);
    assert.deepEqual(stdout, [`${REF}\n`]);
    assert.deepEqual(stderr, [`note It runs. To follow it: kugetsu logs -f "${REF}"`]);
    const said = async (accepted: Partial<Accepted>) =>
      (await play("start", [], { detach: true, accepted })).stderr[0];
    assert.match((await said({ ahead: 1 }))!, /^note It runs after another turn\. /);
    assert.match((await said({ ahead: 3 }))!, /^note It runs after 3 other turns\. /);
    assert.match((await said({ again: true }))!, /^note It was accepted before: kugetsu logs -f /);
  });

  test("is one JSON value too", async () => {
    const accepted = { ahead: 2, again: true };
    const { results } = await play("continue", [], {
      ...{ detach: true, accepted, parts: { json: true } },
    });
    assert.deepEqual(results, [{ issue_ref: REF, turn: "turn-1", ...accepted }]);
  });

  test("and is refused is no turn", async () => {
    const refusing = { submit: () => Promise.reject(errors.turnRunning(REF, "the supervisor")) };
    const { end, stdout } = await play("continue", [], {
      ...{ detach: true, parts: { supervisor: refusing } },
    });
    assert.equal((end as KugetsuError).code, "turn-running");
    assert.deepEqual(stdout, []);
  });
});

describe("a command that is stopped", () => {
  const stopped = { outcome: { kind: "cancelled", signal: "SIGINT" } } as const;

  test("before its turn was accepted stops that turn, which it then follows to its end", async () => {
    for (const detach of [false, true]) {
      const untilStopped: Parts["context"] = {
        untilStopped: (work) => work(AbortSignal.abort("SIGINT")),
      };
      const { end, effects } = await play("start", ended(stopped), {
        ...{ detach, parts: { context: untilStopped } },
      });
      assert.equal((end as KugetsuError).exit, 130);
      assert.deepEqual(effects, [
        `submit start ${REF}`,
        `stop ${REF} by SIGINT`,
        `follow turn-1 of ${REF}`,
      ]);
    }
  });

  test("while it follows its turn stops that", async () => {
    const stopper = new AbortController();
    const { effects } = await play("start", [], {
      parts: {
        context: { untilStopped: (work) => work(stopper.signal) },
        supervisor: {
          submit: () => Promise.resolve(ACCEPTED),
          async *follow() {
            const asked = new Promise<void>((resolve) => stops = resolve);
            stopper.abort("SIGTERM");
            await asked;
            yield { seq: 1, time: NOW, turn: "turn-1", kind: "ended", ...DONE, ...stopped };
          },
          stop(keys, signal) {
            assert.deepEqual([keys, signal], [[REF], "SIGTERM"]);
            stops();
            return Promise.resolve([{ key: REF, left: [] }]);
          },
        },
      },
    });
    assert.deepEqual(effects, []);
  });
  let stops = () => {};
});
