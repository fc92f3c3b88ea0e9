import { test } from "node:test";
import assert from "node:assert/strict";
import { LogText } from "../../src/commands/log_text.ts";
import { timestamp } from "../../src/session/record.ts";
import type { Line, LineBody } from "../../src/supervisor/mod.ts";

/** Four minutes and five seconds past three, wherever this runs. */
const MOMENT = new Date(2026, 0, 2, 3, 4, 5);

function linesFor(...bodies: LineBody[]): string[] {
  const text = new LogText();
  return bodies.flatMap((body, i) =>
    text.linesFor({ seq: i + 1, time: timestamp(MOMENT), turn: "t", ...body } as Line)
  );
}

test("times are those of whoever reads, also where somebody in another time zone wrote them", () => {
  const inAuckland = new Date(MOMENT.getTime() + 13 * 3_600_000).toISOString().slice(0, 19);
  const accepted = { kind: "accepted", turn_kind: "start", message: "go" } as const;
  const told = (time: string) =>
    new LogText().linesFor({ seq: 1, time, turn: "t", ...accepted } as Line);
  assert.deepEqual(told(`${inAuckland}+13:00`), ["03:04:05  ── start, 2026-01-02: go"]);
  assert.equal(told("no time at all").length, 1);
});

test("each line has its time, and a longer text goes on below it", () => {
  assert.deepEqual(linesFor({ kind: "text", text: "one\n\ttwo\n" }), [
    "03:04:05  one",
    "              two",
  ]);
});

test("a tool is shown when it begins, and again only if it failed", () => {
  const tool = (title: string, state: "running" | "done" | "failed"): LineBody => {
    return { kind: "tool", tool: "bash", title, state };
  };
  assert.deepEqual(
    linesFor(tool("wait", "running"), tool("sleep 1", "done"), tool("ls", "done")),
    ["03:04:05  > bash wait", "03:04:05  > bash ls"],
  );
  assert.deepEqual(
    linesFor(tool("wait", "running"), tool("wait", "running"), tool("wait", "failed")),
    ["03:04:05  > bash wait", "03:04:05  > bash wait: failed"],
  );
});

test("the end of a turn says what it used, and the next one counts anew", () => {
  const accepted: LineBody = { kind: "accepted", turn_kind: "continue", message: "go on" };
  const ended: LineBody = { kind: "ended", outcome: { kind: "done" }, session: "s", text: "" };
  const usage: LineBody = { kind: "usage", tokens: 7, cost: 0.5 };
  assert.deepEqual(linesFor(accepted, usage, usage, ended, accepted, ended), [
    "03:04:05  ── continue, 2026-01-02: go on",
    "03:04:05  ── the turn is done; 14 tokens, $1.00",
    "03:04:05  ── continue, 2026-01-02: go on",
    "03:04:05  ── the turn is done; 0 tokens",
  ]);
});

test("what waited behind a turn that is stopped has its own words, and the turn its own tokens", () => {
  const text = new LogText();
  const cancelled = { kind: "cancelled", signal: "SIGTERM" } as const;
  const end: LineBody = { kind: "ended", outcome: cancelled, session: null, text: "" };
  const lines: [turn: string, body: LineBody][] = [
    ["one", { kind: "accepted", turn_kind: "continue", message: "first" }],
    ["one", { kind: "usage", tokens: 7, cost: 0 }],
    ["two", { kind: "accepted", turn_kind: "continue", message: "behind it" }],
    ["two", end],
    ["one", end],
  ];
  const told = lines.flatMap(([turn, body], i) =>
    text.linesFor({ seq: i + 1, time: timestamp(MOMENT), turn, ...body } as Line)
  );
  assert.deepEqual(told.slice(1), [
    "03:04:05  ── continue, 2026-01-02: behind it",
    "03:04:05  ── the turn was stopped by SIGTERM; 0 tokens",
    "03:04:05  ── the turn was stopped by SIGTERM; 7 tokens",
  ]);
});
