import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { Line, LineBody } from "../../src/supervisor/mod.ts";
import { Transcripts } from "../../src/supervisor/transcripts.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const makeTranscripts = (scratch: Scratch) =>
  new Transcripts((name) => scratch.join(`${name}.jsonl`), {
    maxBytes: 1_000_000,
    now: () => "now",
  });
const text = (text: string) => ({ kind: "text", text }) as const;
const END: LineBody = { kind: "ended", outcome: { kind: "done" }, session: null, text: "" };

test("one issue's transcript is open once, until the last who uses it has given it back", async () => {
  await using scratch = await makeScratch("transcripts");
  const transcripts = makeTranscripts(scratch);
  assert.equal(transcripts.areUsed, false);
  const first = transcripts.open("a");
  assert.equal(transcripts.open("a"), first);
  assert.notEqual(transcripts.open("b"), first);
  for (const name of ["a", "b", "none"]) transcripts.release(name);
  assert.equal(transcripts.areUsed, true);
  assert.equal(transcripts.open("a"), first);
  transcripts.release("a");
  transcripts.release("a");
  assert.equal(transcripts.areUsed, false);
  assert.ok(!existsSync(scratch.join("a.jsonl")), "looking alone makes no file");
});

test("a line by nobody who keeps writing is numbered among the others, and leaves nothing open", async () => {
  await using scratch = await makeScratch("transcripts");
  const transcripts = makeTranscripts(scratch);
  const open = transcripts.open("a");
  open.append("one", text("x"));
  transcripts.append("a", "two", END);
  open.append("one", text("y"));
  transcripts.release("a");
  assert.equal(transcripts.areUsed, false);
  assert.deepEqual(transcripts.read("a").map((it) => [it.seq, it.turn]), [
    [1, "one"],
    [2, "two"],
    [3, "one"],
  ]);
  assert.deepEqual(transcripts.read("none"), []);
});

test("a turn is followed from its first line to its last, stored or new, without those of others", async () => {
  await using scratch = await makeScratch("transcripts");
  const transcripts = makeTranscripts(scratch);
  transcripts.append("a", "one", text("x"));
  const lines: Line[] = [];
  const { signal } = new AbortController();
  const following = transcripts.follow("a", { turn: "one" }, (line) => lines.push(line), signal);
  transcripts.append("a", "two", END);
  transcripts.append("a", "one", text("y"));
  transcripts.append("a", "one", END);
  await following;
  assert.deepEqual(lines.map((it) => it.seq), [1, 3, 4]);
  assert.equal(transcripts.areUsed, false);
});

test("an issue is followed from a number on, over the ends of turns, until whoever follows leaves", async () => {
  await using scratch = await makeScratch("transcripts");
  const transcripts = makeTranscripts(scratch);
  for (const turn of ["one", "two"]) transcripts.append("a", turn, END);
  const heard: number[] = [];
  const left = new AbortController();
  const following = transcripts.follow(
    "a",
    { after: 1 },
    ({ seq }) => heard.push(seq),
    left.signal,
  );
  transcripts.append("a", "three", text("x"));
  assert.equal(transcripts.areUsed, true);
  left.abort();
  await following;
  transcripts.append("a", "three", END);
  assert.deepEqual([heard, transcripts.areUsed], [[2, 3], false]);
});

test("one who has left already hears what is stored, and nothing else", async () => {
  await using scratch = await makeScratch("transcripts");
  const transcripts = makeTranscripts(scratch);
  transcripts.append("a", "one", text("x"));
  const heard: number[] = [];
  await transcripts.follow("a", {}, ({ seq }) => heard.push(seq), AbortSignal.abort());
  assert.deepEqual(heard, [1]);
});

test("whoever was told lines that a full disk did not take hears what comes after them", async () => {
  await using scratch = await makeScratch("transcripts");
  const transcripts = makeTranscripts(scratch);
  transcripts.append("a", "one", text("stored"));
  const lines: Line[] = [];
  const following = transcripts.follow(
    "a",
    { turn: "one", after: 40 },
    (line) => lines.push(line),
    new AbortController().signal,
  );
  transcripts.append("a", "one", text("next"));
  transcripts.append("a", "one", END);
  await following;
  assert.deepEqual(lines.map((it) => it.seq), [41, 42]);
});
