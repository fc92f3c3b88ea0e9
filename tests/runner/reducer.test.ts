import { describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import type { OpencodeEvent, Remark } from "../../src/runner/opencode_events.ts";
import { NOTHING_SEEN, outcomeOf, reduce, type Sight } from "../../src/runner/reducer.ts";
import type { Outcome } from "../../src/session/outcome.ts";

const sessionID = "ses_1";
const event = (it: OpencodeEvent): Sight => ({ see: "event", event: it });
const remark = (it: Remark): Sight => ({ see: "remark", remark: it });

const START = event({ type: "step_start", sessionID });
const TEXT = event({ type: "text", sessionID, part: { text: "ok" } });
const TOOL = event({
  type: "tool_use",
  sessionID,
  part: { tool: "bash", state: { status: "completed" } },
});
const finish = (reason: string) =>
  event({ type: "step_finish", sessionID, part: { reason, cost: 0 } });
const refusal = (message: string | undefined, statusCode?: number) =>
  event({ type: "error", sessionID, error: { name: "APIError", data: { message, statusCode } } });
const REJECTED = remark({ kind: "permission", permission: "bash", patterns: "rm *" });
const words = (text: string) => remark({ kind: "other", text });
const exit = (code: number | null, signal: string | null = null): Sight => ({
  see: "exit",
  code,
  signal,
});
const TROUBLE = remark({ kind: "trouble", text: "overloaded" });
const CREATED = remark({ kind: "created", session: "ses_0", directory: "/elsewhere" });
const LIMIT: Sight = { see: "limit", limit: "silence", seconds: 5 };
const CANCEL: Sight = { see: "stop", reason: "SIGINT" };

const seen = (sights: Sight[]) => sights.reduce(reduce, NOTHING_SEEN);
const outcome = (...sights: Sight[]) => outcomeOf(seen(sights));
const failed = (reason: string, detail: string) => ({ kind: "failed", reason, detail });

const DONE: [what: string, ...sights: Sight[]][] = [
  ["one step", START, TEXT, finish("stop"), exit(0)],
  ["several steps", START, TOOL, finish("tool-calls"), START, TEXT, finish("stop"), exit(0)],
  ["no words at all", START, finish("stop"), exit(0)],
  ["an exit status that says otherwise", START, TEXT, finish("stop"), exit(1)],
  ["a kill after the end", START, TEXT, finish("stop"), exit(null, "SIGTERM")],
  ["a reason of a provider's own", START, TEXT, finish("unknown"), exit(0)],
  ["an error that it mended", START, refusal("full"), START, TEXT, finish("stop"), exit(0)],
  [
    "a denied permission that it worked around",
    START,
    REJECTED,
    TOOL,
    finish("tool-calls"),
    START,
    TEXT,
    finish("stop"),
    exit(0),
  ],
];

test("a turn whose last step ended is done", () => {
  for (const [what, ...sights] of DONE) {
    assert.deepEqual(outcome(...sights), { kind: "done" }, what);
  }
});

describe("a turn is not done", () => {
  const CASES: [what: string, expected: object, ...sights: Sight[]][] = [
    [
      "when the provider refused, though opencode exits with 0",
      failed("provider", "no credit (status 402)"),
      refusal("no credit", 402),
      exit(0),
    ],
    [
      "when the provider failed in the middle, without saying much",
      failed("provider", "APIError"),
      START,
      TEXT,
      refusal(undefined),
      exit(0),
    ],
    [
      "when the provider failed and the step was closed all the same",
      failed("provider", "overloaded"),
      START,
      refusal("overloaded"),
      finish("stop"),
      exit(0),
    ],
    [
      "when the model's own end was an error",
      failed("provider", "the model ended the answer: error"),
      START,
      finish("error"),
      exit(0),
    ],
    [
      "when a filter ended the answer",
      failed("provider", "the model ended the answer: content-filter"),
      START,
      TEXT,
      finish("content-filter"),
      exit(0),
    ],
    [
      "when the answer was cut off",
      failed("output-limit", "the answer was cut off at the model's output limit"),
      START,
      TEXT,
      finish("length"),
      exit(0),
    ],
    [
      "when a permission was rejected, though opencode exits with 0",
      { kind: "blocked", detail: "it wanted the permission bash (rm *)", pending: false },
      START,
      REJECTED,
      TOOL,
      finish("tool-calls"),
      exit(0),
    ],
    [
      "when a permission without a pattern was rejected",
      { kind: "blocked", detail: "it wanted the permission doom_loop", pending: false },
      START,
      remark({ kind: "permission", permission: "doom_loop", patterns: "" }),
      finish("tool-calls"),
      exit(0),
    ],
    [
      "when the step it was in never ended",
      failed("unfinished", "opencode ended in the middle of its work"),
      START,
      TEXT,
      exit(0),
    ],
    [
      "when another step should have followed",
      failed("unfinished", "opencode ended in the middle of its work"),
      START,
      TOOL,
      finish("tool-calls"),
      exit(0),
    ],
    [
      "when opencode was killed in the middle",
      failed("killed", "opencode was ended by SIGKILL"),
      START,
      TEXT,
      exit(null, "SIGKILL"),
    ],
    [
      "when opencode was killed after a permission was denied and the turn went on",
      failed("killed", "opencode was ended by SIGKILL"),
      START,
      REJECTED,
      TOOL,
      finish("tool-calls"),
      exit(null, "SIGKILL"),
    ],
    [
      "when opencode was killed before it began",
      failed("killed", "opencode was ended by SIGSEGV"),
      exit(null, "SIGSEGV"),
    ],
    [
      "when opencode could not be started",
      failed("never-started", "opencode could not be started: spawn ENOEXEC"),
      { see: "spawn-failed", why: "spawn ENOEXEC" },
    ],
    [
      "when the agent is unknown, though opencode goes on with another",
      failed("agent-unknown", 'opencode has no agent "nobody" to run a turn'),
      remark({ kind: "agent-unknown", agent: "nobody" }),
      START,
      TEXT,
      finish("stop"),
      exit(0),
    ],
    [
      "when the session is unknown",
      failed("session-gone", "opencode no longer has the session"),
      words("Error: Session not found"),
      words("(more words)"),
      exit(1),
    ],
    [
      "when the database was locked",
      failed("database-locked", "opencode's database was locked or being migrated"),
      words("Error: database is locked"),
      exit(1),
    ],
    [
      "when two migrations met",
      failed("database-locked", "opencode's database was locked or being migrated"),
      words("Error: Unexpected error"),
      words("Failed query:"),
      words("CREATE TABLE `workspace` (`id` text PRIMARY KEY);"),
      words("params:"),
      exit(1),
    ],
    [
      "when opencode ended before any step, with words",
      failed("opencode", "opencode ended early: Error: Unexpected server error"),
      words("Error: Unexpected server error"),
      words(""),
      exit(1),
    ],
    [
      "when opencode ended before any step, in silence",
      failed("opencode", "opencode ended early: it printed nothing and exited with 0"),
      exit(0),
    ],
    [
      "when nothing was seen",
      failed("opencode", "opencode ended early: it printed nothing and exited with undefined"),
    ],
    [
      "when the first event did not come",
      { kind: "stalled", limit: "first-event", seconds: 3 },
      { see: "limit", limit: "first-event", seconds: 3 },
      exit(null, "SIGTERM"),
    ],
    [
      "when it was silent",
      { kind: "stalled", limit: "silence", seconds: 5 },
      START,
      LIMIT,
      exit(null, "SIGTERM"),
    ],
    [
      "when it was silent because of some trouble, which is told",
      { kind: "stalled", limit: "silence", seconds: 5, trouble: "overloaded" },
      START,
      TROUBLE,
      LIMIT,
      exit(null, "SIGTERM"),
    ],
    [
      "when it was silent for another reason than the trouble it had overcome",
      { kind: "stalled", limit: "silence", seconds: 5 },
      START,
      TROUBLE,
      TEXT,
      LIMIT,
      exit(null, "SIGTERM"),
    ],
    [
      "when the session was made in another folder",
      failed("wrong-folder", "opencode has the session in /elsewhere"),
      CREATED,
      { see: "misplaced", directory: "/elsewhere" },
      exit(null, "SIGTERM"),
    ],
    [
      "when it took too long",
      { kind: "timeout", seconds: 60 },
      START,
      { see: "limit", limit: "total", seconds: 60 },
      exit(null, "SIGTERM"),
    ],
    [
      "when it was cancelled, even if it ends well after that",
      { kind: "cancelled", signal: "SIGINT" },
      START,
      CANCEL,
      TEXT,
      finish("stop"),
      exit(0),
    ],
    [
      "when it was cancelled, and a limit was passed while it ended",
      { kind: "cancelled", signal: "SIGTERM" },
      { see: "stop", reason: "SIGTERM" },
      LIMIT,
      exit(null, "SIGKILL"),
    ],
    [
      "when a limit was passed, and it was cancelled while it ended",
      { kind: "stalled", limit: "silence", seconds: 5 },
      START,
      LIMIT,
      CANCEL,
      exit(null, "SIGKILL"),
    ],
  ];
  for (const [what, expected, ...sights] of CASES) {
    test(what, () => assert.deepEqual(outcome(...sights), expected));
  }
});

test("a rejection counts in whatever order the two streams of its step are read", () => {
  const steps = [START, TEXT, TOOL, finish("tool-calls")];
  for (let at = 0; at <= steps.length; at++) {
    const sights = [...steps.slice(0, at), REJECTED, ...steps.slice(at), exit(0)];
    assert.equal(outcome(...sights).kind, "blocked", `seen at place ${at}`);
  }
});

test("the session is the first one that was named, and the text the last that was said", () => {
  assert.equal(seen([CREATED, START, TEXT]).session, "ses_0");
  const other = event({ type: "text", sessionID: "ses_2", part: { text: "of a subagent" } });
  const { session, text } = seen([START, TEXT, other, exit(0)]);
  assert.deepEqual([session, text], ["ses_1", "of a subagent"]);
});

const anySight: fc.Arbitrary<Sight> = fc.oneof(
  fc.constantFrom(
    START,
    TEXT,
    TOOL,
    REJECTED,
    LIMIT,
    CANCEL,
    refusal("x", 500),
    refusal(undefined),
  ),
  fc.constantFrom("stop", "tool-calls", "length", "error", "").map(finish),
  fc.string().map(words),
  fc.constantFrom("Session not found", "database is locked", "Failed query: x").map(words),
  fc.constant(remark({ kind: "agent-unknown", agent: "x" })),
  fc.constant<Sight>({ see: "spawn-failed", why: "x" }),
  fc.constant<Sight>({ see: "limit", limit: "total", seconds: 9 }),
  fc.constantFrom(exit(0), exit(1), exit(null, "SIGKILL")),
);
const anySights = fc.array(anySight, { maxLength: 12 });

describe("for every sequence of sights", () => {
  test("there is an outcome, and what was seen before is not changed in place", () => {
    fc.assert(fc.property(anySights, (sights) => {
      const progress = sights.reduce(
        (before, sight) => Object.freeze(reduce(before, sight)),
        Object.freeze({ ...NOTHING_SEEN }),
      );
      const kinds = ["done", "failed", "blocked", "stalled", "timeout", "cancelled"];
      assert(kinds.includes(outcomeOf(progress).kind));
    }));
  });

  test("the first decision to stop is the outcome, whatever else is seen", () => {
    const decisions: [Sight, Outcome][] = [
      [CANCEL, { kind: "cancelled", signal: "SIGINT" }],
      [LIMIT, { kind: "stalled", limit: "silence", seconds: 5 }],
    ];
    const undecided = anySights.map((all) =>
      all.filter(({ see }) => see !== "limit" && see !== "stop")
    );
    fc.assert(
      fc.property(undecided, fc.constantFrom(...decisions), anySights, (before, it, after) => {
        const [decision, expected] = it;
        const { trouble: _, ...decided } = {
          trouble: "",
          ...outcome(...before, decision, ...after),
        };
        assert.deepEqual(decided, expected);
      }),
    );
  });

  test("done means that the last step ended well, that nothing failed since, and that nobody stopped it", () => {
    fc.assert(
      fc.property(anySights, (sights) => {
        if (outcome(...sights).kind !== "done") return;
        const types: string[] = sights.map((it) => it.see === "event" ? it.event.type : it.see);
        const [began, ended] = [types.lastIndexOf("step_start"), types.lastIndexOf("step_finish")];
        assert(ended > began, "its last step did not end");
        assert(types.lastIndexOf("error") <= began, "an error came after its last step began");
        for (const stopper of ["limit", "stop", "spawn-failed"]) assert(!types.includes(stopper));
      }),
      { numRuns: 2000 },
    );
  });
});
