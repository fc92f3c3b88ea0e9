import { test } from "node:test";
import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import fc from "fast-check";
import { readLines } from "../../src/platform/lines.ts";

const MEBIBYTE = 1024 * 1024;

/** The lines of a stream that gives its content in these chunks. */
async function linesOf(chunks: Iterable<Uint8Array>): Promise<string[]> {
  const lines: string[] = [];
  await readLines(Readable.from(chunks, { objectMode: false }), (line) => lines.push(line));
  return lines;
}

const linesOfText = (text: string) => linesOf([Buffer.from(text)]);

test("a stream is split at its line ends, and what is empty is left out", async () => {
  const cases: [text: string, lines: string[]][] = [
    ["", []],
    ["one", ["one"]],
    ["one\n", ["one"]],
    ["one\ntwo", ["one", "two"]],
    ["one\r\ntwo\r\n", ["one", "two"]],
    ["\n\none\n\n", ["one"]],
    ["a\rb\n", ["a\rb"]],
    ["  one  \n\ttwo", ["  one  ", "\ttwo"]],
    ["日本\n🐟\n", ["日本", "🐟"]],
  ];
  for (const [text, lines] of cases) assert.deepEqual(await linesOfText(text), lines);
});

test("however a stream is cut into chunks, its lines are the same", async () => {
  const text = fc.array(
    fc.oneof(fc.constantFrom("\n", "\r\n", "\r", "日", "🐟", "é"), fc.string({ maxLength: 8 })),
    { maxLength: 30 },
  ).map((parts) => parts.join(""));
  const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 20 });
  await fc.assert(fc.asyncProperty(text, cuts, async (whole, at) => {
    const bytes = Buffer.from(whole);
    const edges = [0, ...at.map((cut) => Math.min(cut, bytes.length)), bytes.length]
      .sort((a, b) => a - b);
    const chunks = edges.slice(1).map((end, i) => bytes.subarray(edges[i]!, end))
      .filter((chunk) => chunk.length > 0);
    assert.deepEqual(await linesOf(chunks), await linesOf([bytes]));
  }));
});

test("a line that is too long is dropped whole, and the ones around it are not", async () => {
  const mebibyte = new Uint8Array(MEBIBYTE).fill(120);
  const end = Buffer.from("\nafter\n");
  const tooLong = [Buffer.from("before\n"), ...Array(17).fill(mebibyte), end];
  assert.deepEqual(await linesOf(tooLong), ["before", "after"]);
  const longest = [...Array(16).fill(mebibyte), end];
  assert.deepEqual((await linesOf(longest)).map((line) => line.length), [16 * MEBIBYTE, 5]);
  const unended = [Buffer.from("before\n"), ...Array(17).fill(mebibyte)];
  assert.deepEqual(await linesOf(unended), ["before"]);
});

test("lines are given when they are there, not when the stream ends", async () => {
  const stream = new PassThrough();
  const lines: string[] = [];
  const over = readLines(stream, (line) => lines.push(line));
  stream.write("one\ntw");
  await new Promise((later) => setImmediate(later));
  assert.deepEqual(lines, ["one"]);
  stream.end("o");
  await over;
  assert.deepEqual(lines, ["one", "two"]);
});

test("a stream that breaks off is over, and its last words count", async () => {
  for (const error of [undefined, new Error("broken pipe")]) {
    const stream = new PassThrough();
    const lines: string[] = [];
    const over = readLines(stream, (line) => lines.push(line));
    stream.write("one\nlast words");
    await new Promise((later) => setImmediate(later));
    stream.destroy(error);
    await over;
    assert.deepEqual(lines, ["one", "last words"]);
  }
});
