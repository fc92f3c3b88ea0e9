import { test } from "node:test";
import assert from "node:assert/strict";
import { TurnView } from "../../src/commands/turn_view.ts";
import type { PermissionPolicy } from "../../src/runner/mod.ts";
import type { Line, LineBody } from "../../src/supervisor/mod.ts";
import { makeStage, NOW, REF } from "../support/fakes.ts";

/** Shows these lines; `shown` is what stood on the terminal's last line, in order. */
function show(
  lines: LineBody[],
  { permissions = "deny", ahead = 0, json = false }: {
    permissions?: PermissionPolicy;
    ahead?: number;
    json?: boolean;
  } = {},
) {
  const { context, stdout, stderr } = makeStage(() => ({ json }));
  const shown: string[] = [];
  const progress = {
    show: (text: string) => void shown.push(text),
    around: (write: () => void) => write(),
    stop: () => void shown.push("-"),
  };
  const output = { ...context.output, progress: () => progress };
  const view = new TurnView({ ...context, output }, permissions);
  view.waiting(ahead);
  lines.forEach((line, at) =>
    view.line(REF, { seq: at + 1, time: NOW, turn: "turn-1", ...line } as Line)
  );
  view.stop();
  return { stdout, stderr, shown };
}

const SAID: LineBody[] = [
  { kind: "accepted", turn_kind: "start", message: "fix it" },
  { kind: "begun", directory: "/repository" },
  { kind: "session", session: "ses_1" },
  { kind: "step", reason: "stop" },
  { kind: "tool", tool: "bash", title: "ls", state: "running" },
  { kind: "tool", tool: "bash", title: "ls", state: "failed" },
  { kind: "text", text: "first" },
  { kind: "usage", tokens: 5, cost: 0 },
  { kind: "permission", permission: "bash", patterns: "rm *" },
  { kind: "trouble", text: "overloaded" },
  { kind: "notice", text: "log" },
  { kind: "said", level: "note", text: "kugetsu/x has a commit" },
  { kind: "said", level: "warning", text: "acme is slow" },
  { kind: "gap" },
  { kind: "text", text: "second" },
  { kind: "ended", outcome: { kind: "done" }, session: "ses_1", text: "second" },
];

test("what is said is shown as it comes, and a denied permission is noted", () => {
  const { stdout, stderr, shown } = show(SAID);
  assert.deepEqual(stdout, ["first\n", "second\n"]);
  assert.deepEqual(stderr, [
    "note opencode wanted a permission and was denied: bash (rm *)",
    "note kugetsu/x has a commit",
    "warn acme is slow",
  ]);
  assert.deepEqual(shown, [
    "waiting for opencode",
    "waiting for opencode",
    "bash ls",
    "failed: bash ls",
    "thinking",
    "trying again after: overloaded",
    "thinking",
    "-",
  ]);
});

test("an answer that is asked for as JSON is not shown before its end", () => {
  assert.deepEqual(show(SAID, { json: true }).stdout, []);
});

test("a permission that ends the turn is told by the error alone", () => {
  const denied: LineBody = { kind: "permission", permission: "bash", patterns: "rm *" };
  assert.deepEqual(show([denied], { permissions: "wait" }).stderr, []);
});

test("how many turns come first is shown", () => {
  assert.equal(show([], { ahead: 1 }).shown[0], "waiting: a turn is before it");
  assert.equal(show([], { ahead: 7 }).shown[0], "waiting: 7 turns are before it");
});

test("what kugetsu does for the turn is said as it was", () => {
  const levels = ["note", "warning", "debug"] as const;
  const { stderr } = show(levels.map((level) => ({ kind: "said", level, text: `a ${level}` })));
  assert.deepEqual(stderr, ["note a note", "warn a warning"], "debug is for --debug alone");
});

test("what waits for an answer is noted, with how to give it", () => {
  const ask = (kind: "permission" | "question", what: string): LineBody => ({
    kind: "asks",
    ask: { id: "1", kind, what, options: [] },
  });
  const { stderr, shown } = show([
    ask("permission", "bash (rm)"),
    { kind: "answered", id: "1" },
    ask("question", "Which one?"),
  ], { permissions: "wait" });
  assert.match(stderr[0]!, /waits for an answer: bash \(rm\);.*--allow or --deny.*kugetsu answer /);
  assert.match(stderr[1]!, /waits for an answer: Which one\?;.*with your words/);
  assert.deepEqual(shown.slice(1, 4), [
    "waiting for an answer: bash (rm)",
    "answered",
    "waiting for an answer: Which one?",
  ]);
});
