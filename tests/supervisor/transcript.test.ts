import { test } from "node:test";
import assert from "node:assert/strict";
import { appendFile, readFile, stat } from "node:fs/promises";
import type { Line } from "../../src/supervisor/mod.ts";
import { removeTranscript, Transcript } from "../../src/supervisor/transcript.ts";
import { readTranscript } from "../../src/supervisor/transcript_reader.ts";
import { makeScratch } from "../support/scratch.ts";

const OPTIONS = { maxBytes: 1_000_000, now: () => "2026-11-24T12:00:00+00:00" };
const text = (line: Line) => "text" in line ? line.text : line.kind;

test("what was appended is there, numbered over all turns, and only for its owner to read", async () => {
  await using scratch = await makeScratch("transcript");
  const path = scratch.join("logs", "a.jsonl");
  const first = new Transcript(path, OPTIONS);
  const heard: Line[] = [];
  const silence = first.listen((line) => heard.push(line));
  first.append("one", { kind: "text", text: "a\nb" });
  silence();
  first.append("one", { kind: "step", reason: "stop" });
  first.close();
  const next = new Transcript(path, OPTIONS);
  next.append("two", { kind: "text", text: "c" });
  next.close();
  const lines = readTranscript(path);
  assert.deepEqual(lines.map((it) => [it.seq, it.turn, text(it)]), [
    [1, "one", "a\nb"],
    [2, "one", "step"],
    [3, "two", "c"],
  ]);
  assert.deepEqual(heard, lines.slice(0, 1));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("the newest lines are kept under the limit, whatever is said", async () => {
  await using scratch = await makeScratch("transcript");
  const path = scratch.join("a.jsonl");
  const transcript = new Transcript(path, { ...OPTIONS, maxBytes: 20_000 });
  for (let i = 1; i <= 1000; i++) {
    transcript.append("one", { kind: "text", text: `${i} ${"x".repeat(100)}` });
  }
  transcript.close();
  const lines = readTranscript(path);
  assert.equal(lines.at(-1)?.seq, 1000);
  assert.deepEqual(lines.map((it) => it.seq), lines.map((_, i) => 1000 - lines.length + 1 + i));
  const size = (await stat(path)).size + (await stat(scratch.join("a.older.jsonl"))).size;
  assert.ok(size <= 20_000 && lines.length > 50, `${size} bytes, ${lines.length} lines`);
  removeTranscript(path);
  assert.deepEqual(readTranscript(path), []);
});

test("a line that a crash has cut is left out, and spoils no other", async () => {
  await using scratch = await makeScratch("transcript");
  const path = scratch.join("a.jsonl");
  const before = new Transcript(path, OPTIONS);
  before.append("one", { kind: "text", text: "a" });
  before.close();
  await appendFile(path, '{"seq": 2, "time": "x", "tu');
  const transcript = new Transcript(path, OPTIONS);
  transcript.append("one", { kind: "text", text: "b" });
  transcript.append("one", { kind: "text", text: "c" });
  transcript.close();
  assert.deepEqual(readTranscript(path).map(text), ["a", "b", "c"]);
});

test("a text of megabytes is cut in the file, and handed on whole", async () => {
  await using scratch = await makeScratch("transcript");
  const path = scratch.join("a.jsonl");
  const transcript = new Transcript(path, OPTIONS);
  let heard = 0;
  transcript.listen((line) => heard = text(line).length);
  transcript.append("one", { kind: "text", text: "x".repeat(3_000_000) });
  transcript.close();
  assert.equal(heard, 3_000_000);
  assert.ok((await readFile(path)).length < 250_000);
});
