import { test } from "node:test";
import assert from "node:assert/strict";
import { Live } from "../../src/supervisor/live.ts";
import type { Ask, TurnEvent } from "../../src/runner/mod.ts";
import type { Line, LineBody, Submission } from "../../src/supervisor/mod.ts";
import { Transcript } from "../../src/supervisor/transcript.ts";
import { readTranscript } from "../../src/supervisor/transcript_reader.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { submission } from "../support/turns.ts";

const REF = "github.com/shoko/kugetsu#1";

/** A turn with a transcript of its own; each look at the clock is a minute later. */
function makeLive(scratch: Scratch, changes: Partial<Submission> = {}) {
  const path = scratch.join("a.jsonl");
  let minute = 0;
  const now = () => `12:${`${minute++}`.padStart(2, "0")}`;
  const transcript = new Transcript(path, { maxBytes: 1_000_000, now: () => "now" });
  const controller = new AbortController();
  let places = 0;
  const live = new Live({
    submission: submission({ ref: REF, ...changes }),
    key: "GitHub.com/Shoko/kugetsu#1",
    name: "a",
    transcript,
    controller,
    go: () => void places++,
    isOver: Promise.resolve(),
    now,
  });
  return {
    live,
    signal: controller.signal,
    lines: () => readTranscript(path),
    places: () => places,
  };
}

const kinds = (lines: Line[]) => lines.map((it) => it.kind);
const usage = (tokens: number, cost: number): TurnEvent => ({ kind: "usage", tokens, cost });
const tool = (state: "running" | "done" | "failed", title = "ls"): TurnEvent => ({
  ...{ kind: "tool", tool: "bash", title, state },
});
const ask: Ask = { id: "per_1", kind: "permission", what: "bash (rm)", options: [] };

test("it waits for its place, which it is given once, and tells its position until then", async () => {
  await using scratch = await makeScratch("live");
  const { live, places } = makeLive(scratch);
  assert.deepEqual([live.told(3).state, live.told(3).position], ["queued", 3]);
  assert.equal(live.repository, "github.com/shoko/kugetsu");
  live.place();
  assert.deepEqual([live.told(0).state, live.told(0).position, places()], [
    "running",
    undefined,
    1,
  ]);
});

test("it is found by its ref, and by the way in which the index spells it", async () => {
  await using scratch = await makeScratch("live");
  const { live } = makeLive(scratch);
  assert.ok(live.isOf(REF) && live.isOf("GitHub.com/Shoko/kugetsu#1"));
  assert.ok(!live.isOf("github.com/shoko/kugetsu#2"));
});

test("what it does now is the tool that runs, and nothing while the agent speaks", async () => {
  await using scratch = await makeScratch("live");
  const { live, lines } = makeLive(scratch);
  live.event(tool("running"));
  assert.equal(live.told(0).doing, "bash ls");
  live.event(tool("done"));
  assert.equal(live.told(0).doing, undefined);
  live.event(tool("running", ""));
  assert.equal(live.told(0).doing, "bash");
  live.event({ kind: "text", text: "so" });
  assert.equal(live.told(0).doing, undefined);
  assert.deepEqual(kinds(lines()), ["tool", "tool", "tool", "text"]);
});

test("it is blocked by what it asks, since then, until that very thing is answered", async () => {
  await using scratch = await makeScratch("live");
  const { live } = makeLive(scratch);
  live.place();
  live.begun("/somewhere");
  assert.equal(live.told(0).since, "12:01");
  live.event({ kind: "asks", ask });
  assert.deepEqual([live.state, live.ask, live.told(0).since], ["blocked", ask, "12:02"]);
  live.event({ kind: "answered", id: "per_0" });
  assert.equal(live.state, "blocked");
  live.event({ kind: "answered", id: "per_1" });
  assert.deepEqual([live.state, live.ask, live.told(0).since], ["running", undefined, "12:03"]);
});

test("what it uses adds up, and past its budget it is stopped with the figures", async () => {
  await using scratch = await makeScratch("live");
  const tokens = makeLive(scratch, { budget: { tokens: 100 } });
  const cost = makeLive(scratch, { budget: { cost: 0.5 } });
  const free = makeLive(scratch);
  for (const { live, signal } of [tokens, cost, free]) {
    live.event(usage(60, 0.25));
    live.event(usage(40, 0.25));
    assert.equal(signal.aborted, false, "all that it may use is not more");
    live.event(usage(1, 0.01));
    assert.deepEqual([live.told(0).tokens, live.told(0).cost], [101, 0.51]);
  }
  assert.deepEqual([tokens, cost, free].map(({ signal }) => signal.reason), [
    { budget: "it used 101 tokens, of 100 that it may use" },
    { budget: "it cost $0.51, of $0.50 that it may cost" },
    undefined,
  ]);
});

test("taken up, it tells each line once, however often the same was said, and counts each use once", async () => {
  await using scratch = await makeScratch("live");
  const before = makeLive(scratch, { id: "mine" });
  const again: TurnEvent = { kind: "text", text: "again" };
  for (const event of [again, again, usage(50, 0)]) before.live.event(event);
  const other = { ...before.lines()[0]!, turn: "other" };

  const after = makeLive(scratch, { id: "mine", budget: { tokens: 100 } });
  after.live.tookUp([...before.lines(), other, other]);
  assert.equal(after.live.told(0).tokens, 50);
  for (const event of [again, again, usage(50, 0), again]) after.live.event(event);
  assert.deepEqual(kinds(after.lines()), ["text", "text", "usage", "text"]);
  assert.deepEqual([after.live.told(0).tokens, after.signal.aborted], [50, false]);
  after.live.event(usage(51, 0));
  assert.deepEqual([after.live.told(0).tokens, after.signal.aborted], [101, true]);
});

test("taken up with its budget used up, it is stopped at once", async () => {
  await using scratch = await makeScratch("live");
  const { live, signal } = makeLive(scratch, { id: "mine", budget: { tokens: 100 } });
  const line = (body: LineBody): Line => ({ seq: 1, time: "now", turn: "mine", ...body });
  live.tookUp([line(usage(101, 0))]);
  assert.ok(live.isStopped);
  assert.deepEqual(Object.keys(signal.reason), ["budget"]);
});

test("taken up while it asks, it asks still, and the line is not told twice", async () => {
  await using scratch = await makeScratch("live");
  const before = makeLive(scratch, { id: "mine" });
  before.live.event({ kind: "asks", ask });
  const after = makeLive(scratch, { id: "mine" });
  after.live.tookUp(before.lines());
  assert.ok(after.live.needsNoPlace);
  after.live.place();
  assert.deepEqual([after.live.state, after.live.ask, after.live.isUnsure], ["blocked", ask, true]);
  after.live.event({ kind: "asks", ask });
  assert.deepEqual([after.live.state, after.live.ask, after.live.isUnsure], [
    "blocked",
    ask,
    false,
  ]);
  assert.deepEqual(kinds(after.lines()), ["asks"]);
});

test("taken up once it was answered, it is not blocked; one that is seen to go on is not either", async () => {
  await using scratch = await makeScratch("live");
  const before = makeLive(scratch, { id: "mine" });
  before.live.event(tool("running"));
  before.live.event({ kind: "asks", ask });
  const asking = makeLive(scratch, { id: "mine" });
  asking.live.tookUp(before.lines());
  asking.live.place();
  asking.live.event(tool("running"));
  assert.equal(asking.live.state, "blocked", "that was said before it asked");
  asking.live.event(tool("done"));
  assert.deepEqual([asking.live.state, asking.live.ask], ["running", undefined]);

  before.live.event({ kind: "answered", id: ask.id });
  const answered = makeLive(scratch, { id: "mine" });
  answered.live.tookUp(before.lines());
  assert.ok(!answered.live.needsNoPlace);
  answered.live.place();
  assert.deepEqual([answered.live.state, answered.live.ask], ["running", undefined]);
});
