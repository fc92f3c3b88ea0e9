import { test } from "node:test";
import assert from "node:assert/strict";
import { linesFor } from "../../src/commands/status.ts";

const NOW = Date.parse("2026-01-02T03:04:05+00:00");
const ISSUE = {
  ...{ issue_ref: "github.com/shoko/kugetsu#14", tokens: 12, cost: 0, opencode_session_id: "s" },
  ...{ directory: "/folder", branch: null },
};

test("a person reads the state, since when, why, where, and what to run next", () => {
  const since = "2026-01-02T03:01:00+00:00";
  const lines = linesFor({ ...ISSUE, state: "failed", since, why: "no key", next: "fix it" }, NOW);
  assert.deepEqual(lines, [
    "github.com/shoko/kugetsu#14  failed for 3 min: no key",
    "  /folder; 12 tokens",
    "  next: fix it",
  ]);
});

test("what an agent does comes before why, unless it asks", () => {
  const running = { ...ISSUE, state: "running", since: null, doing: "bash ls", cost: 1.5 };
  assert.deepEqual(linesFor({ ...running, branch: "b" }, NOW), [
    "github.com/shoko/kugetsu#14  running: bash ls",
    "  /folder on b; 12 tokens, $1.50",
  ]);
  assert.match(linesFor({ ...running, behind: 1 }, NOW)[1]!, /; 1 message waits behind it$/);
  assert.match(
    linesFor({ ...running, behind: 2 }, NOW)[1]!,
    /, \$1\.50; 2 messages wait behind it$/,
  );
  assert.match(linesFor({ ...running, attached: true }, NOW)[1]!, /; somebody is attached$/);
  const ask = { id: "que_1", kind: "question" as const, what: "Which?", options: ["a", "b"] };
  const [first] = linesFor({ ...running, state: "blocked", why: "it waits", ask }, NOW);
  assert.equal(first, "github.com/shoko/kugetsu#14  blocked: it waits (a | b)");
});
