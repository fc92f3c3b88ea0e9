import { test } from "node:test";
import assert from "node:assert/strict";
import { argumentsAreText, textOf, textOfFile } from "../../src/cli/input.ts";
import { needs } from "../support/needs.ts";
import { makeScratch } from "../support/scratch.ts";

const MEBIBYTE = 1024 * 1024;

/** A stream that tells how much of it was taken. */
function streamOf(chunks: Iterable<Uint8Array>) {
  const taken = { bytes: 0 };
  async function* stream() {
    for (const chunk of chunks) {
      taken.bytes += chunk.length;
      yield await Promise.resolve(chunk);
    }
  }
  return { taken, stream: stream() };
}

test("text comes as it is, wherever it was cut into pieces", async () => {
  const text = "\ufeff漢字\r\n\0";
  const bytes = new TextEncoder().encode(text);
  const { stream } = streamOf([...bytes].map((byte) => Uint8Array.of(byte)));
  assert.equal(await textOf(stream, "standard input"), text);
});

test("what is no text, or more than anybody reads, is refused by name", async () => {
  const odd = streamOf([Uint8Array.of(0x63, 0xe9)]).stream;
  await assert.rejects(textOf(odd, "standard input"), { code: "no-text", exit: 2 });
  await using scratch = await makeScratch("input");
  const most = await scratch.write("most", "x".repeat(8 * MEBIBYTE));
  assert.equal((await textOfFile(most, "most")).length, 8 * MEBIBYTE);
  const more = await scratch.write("more", "x".repeat(8 * MEBIBYTE + 1));
  const tooMuch = { code: "too-much-text", exit: 2, message: /"more": it has more than 8 MiB/ };
  await assert.rejects(textOfFile(more, "more"), tooMuch);
});

test("a stream without an end is not read to it", async () => {
  function* endless() {
    for (;;) yield new Uint8Array(MEBIBYTE);
  }
  const { stream, taken } = streamOf(endless());
  await assert.rejects(textOf(stream, "standard input"), { code: "too-much-text" });
  assert.equal(taken.bytes, 9 * MEBIBYTE);
});

test("a file that cannot be read is named as it was typed", async () => {
  await using scratch = await makeScratch("input");
  const missing = textOfFile(scratch.join("missing"), "../missing");
  await assert.rejects(missing, { code: "unreadable-file", message: /"\.\.\/missing"/ });
  await assert.rejects(textOfFile(scratch.path, "."), { code: "unreadable-file" });
});

test("the arguments of this process are text", { skip: needs("linux") }, async () => {
  assert.equal(await argumentsAreText(), true);
});
