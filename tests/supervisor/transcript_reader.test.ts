import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdir } from "node:fs/promises";
import type { Line } from "../../src/supervisor/mod.ts";
import { newestFirst, readTranscript } from "../../src/supervisor/transcript_reader.ts";
import { makeScratch } from "../support/scratch.ts";

const lineOf = (seq: number, text: string) =>
  ({ seq, time: "2026-11-24T12:00:00+00:00", turn: "one", kind: "text", text }) as Line;
const stored = (lines: Line[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

test("lines come newest first, out of both files, wherever a block of bytes begins", async () => {
  await using scratch = await makeScratch("transcript");
  const [path, older] = [scratch.join("a.jsonl"), "a.older.jsonl"];
  // Some longer than what is read at once; of two, three and four bytes a character.
  const texts = fc.tuple(fc.constantFrom("x", "ü", "月", "\u{1F319}", "\n"), fc.nat(50_000))
    .map(([character, count]) => character.repeat(count));
  await fc.assert(
    fc.asyncProperty(fc.array(texts, { maxLength: 12 }), fc.nat(12), async (texts, cut) => {
      const lines = texts.map((text, i) => lineOf(i + 1, text));
      await scratch.write(older, stored(lines.slice(0, cut)));
      await scratch.write("a.jsonl", stored(lines.slice(cut)));
      assert.deepEqual([...newestFirst(path)], lines.toReversed());
      assert.deepEqual(readTranscript(path), lines);
    }),
    { numRuns: 30 },
  );
});

test("what is no line is left out, and no more is read than is asked for", async () => {
  await using scratch = await makeScratch("transcript");
  const path = await scratch.write("a.jsonl", `${stored([lineOf(1, "a")])}\n{}\n{"seq": 2, "ti`);
  assert.deepEqual(readTranscript(path), [lineOf(1, "a")]);
  assert.deepEqual(readTranscript(scratch.join("none.jsonl")), []);
  // A newest line is found although the file before it cannot be read.
  await mkdir(scratch.join("a.older.jsonl"));
  const [newest] = newestFirst(path);
  assert.deepEqual(newest, lineOf(1, "a"));
  assert.throws(() => readTranscript(path), { code: "unreadable", message: /older\.jsonl/ });
});

test("lines of a file that became the older one while it was read are told once; those behind a number alone", async () => {
  await using scratch = await makeScratch("transcript");
  const lines = [1, 2, 3, 4].map((seq) => lineOf(seq, "x"));
  const path = await scratch.write("a.jsonl", stored(lines));
  await scratch.write("a.older.jsonl", stored(lines));
  assert.deepEqual(readTranscript(path), lines);
  assert.deepEqual(readTranscript(path, { after: 2 }), lines.slice(2));
  assert.deepEqual(readTranscript(path, { after: 4 }), []);
});
