import { describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import stringWidth from "string-width";
import { makeVisible, renderTable } from "../../src/cli/table.ts";

const linesOf = (text: string) => text.split("\n").slice(0, -1);

async function table(header: string[], rows: string[][], columns?: number): Promise<string[]> {
  return linesOf(await renderTable(header, rows, columns));
}

describe("a table", () => {
  test("has its columns as wide as their widest cell, and a rule below its header", async () => {
    assert.deepEqual(await table(["REF", "STATE"], [["a.b/c/d#1", "idle"], ["x", "running"]]), [
      "REF        STATE",
      "──────────────────",
      "a.b/c/d#1  idle",
      "x          running",
    ]);
  });

  test("without rows is its header", async () => {
    assert.deepEqual(await table(["REF", "STATE"], []), ["REF  STATE", "──────────"]);
  });

  test("is aligned by what a terminal shows, not by how long the text is", async () => {
    const lines = await table(["NAME", "X"], [["日本", "x"], ["🐟é👩‍👩‍👧", "x"], ["abcdefg", "x"]]);
    assert.deepEqual(lines, [
      "NAME     X",
      "──────────",
      "日本     x",
      "🐟é👩‍👩‍👧    x",
      "abcdefg  x",
    ]);
    const places = lines.slice(2).map((line) => stringWidth(line.slice(0, line.indexOf("x"))));
    assert.deepEqual(places, [9, 9, 9]);
  });

  test("is cut to the columns there are, its widest column first, and says so with …", async () => {
    const row = ["github.com/shoko/kugetsu#14", "ses_123", "idle"];
    assert.deepEqual(await table(["REF", "ID", "STATE"], [row], 30), [
      "REF             ID       STATE",
      "──────────────────────────────",
      "github.com/sh…  ses_123  idle",
    ]);
  });

  test("is not cut in the middle of a wide character", async () => {
    assert.deepEqual(await table(["N", "X"], [["日本語日本語", "x"]], 11), [
      "N         X",
      "───────────",
      "日本語…   x",
    ]);
    assert.deepEqual(await table(["N", "X"], [["日本語日本語", "x"]], 10), [
      "N        X",
      "──────────",
      "日本語…  x",
    ]);
  });

  test("keeps four columns of each cell, however narrow the terminal is", async () => {
    assert.deepEqual(await table(["REF", "ID"], [["github.com", "ses_123"]], 1), [
      "REF   ID",
      "──────────",
      "git…  ses…",
    ]);
  });

  test("shows what a cell hides", async () => {
    assert.deepEqual((await table(["A", "B"], [["a\nb", "\u202Eevil"]])).slice(2), [
      "a\\u{000a}b  \\u{202e}evil",
    ]);
  });

  test("of thousands of rows is drawn in a moment", async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => [`github.com/a/b#${i}`, "日", "idle"]);
    const began = performance.now();
    const lines = await table(["REF", "X", "STATE"], rows, 80);
    assert.equal(lines.length, 20_002);
    assert(performance.now() - began < 5000);
  });
});

const cell = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.array(fc.constantFrom("日", "é", "👩‍👩‍👧", "🇩🇪", "a", " ", "\t", "\u202e"), { maxLength: 12 })
    .map((parts) => parts.join("")),
);
// deno-lint-ignore no-control-regex
const DRIVING = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
const NARROWEST = 4 * 3 + 2 * 2;

describe("whatever the cells hold", () => {
  const rows = fc.array(fc.tuple(cell, cell, cell), { maxLength: 6 });

  test("no line is wider than the terminal, if there is room for four columns a cell", async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: NARROWEST, max: 100 }), async (cells, columns) => {
        for (const line of await table(["ONE", "TWO", "THREE"], cells, columns)) {
          assert(stringWidth(line) <= columns, `${stringWidth(line)} > ${columns}: ${line}`);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("there is one line for each row, with nothing in it that could drive a terminal", async () => {
    await fc.assert(fc.asyncProperty(rows, async (cells) => {
      const lines = await table(["ONE", "TWO", "THREE"], cells);
      assert.equal(lines.length, cells.length + 2);
      for (const line of lines) assert(!DRIVING.test(line), line);
    }));
  });

  test("without a terminal's width nothing is lost", async () => {
    await fc.assert(fc.asyncProperty(rows, async (cells) => {
      const lines = await table(["ONE", "TWO", "THREE"], cells);
      cells.forEach((row, i) => {
        for (const text of row) assert(lines[i + 2]!.includes(makeVisible(text)), text);
      });
    }));
  });
});

describe("making text visible", () => {
  test("leaves plain ASCII and every script as it is", () => {
    const plain = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");
    for (const text of [plain, "", "日本語 Ünïcödé עברית العربية हिन्दी", "👩‍👩‍👧 🇩🇪"]) {
      assert.equal(makeVisible(text), text);
    }
  });

  test("writes out what moves the cursor, hides something or turns the direction", () => {
    const treacherous: Record<string, string> = {
      "\0": "\\u{0000}",
      "\t": "\\u{0009}",
      "\n": "\\u{000a}",
      "\r": "\\u{000d}",
      "\x1b[2J": "\\u{001b}[2J",
      "\x7f": "\\u{007f}",
      "\x9b": "\\u{009b}",
      "\u00ad": "\\u{00ad}",
      "\u061c": "\\u{061c}",
      "\u200b": "\\u{200b}",
      "\u200e": "\\u{200e}",
      "\u2028": "\\u{2028}",
      "\u202e": "\\u{202e}",
      "\u2066": "\\u{2066}",
      "\ufeff": "\\u{feff}",
    };
    for (const [text, shown] of Object.entries(treacherous)) {
      assert.equal(makeVisible(`a${text}b`), `a${shown}b`);
    }
  });

  test("twice is as good as once", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.equal(makeVisible(makeVisible(text)), makeVisible(text));
    }));
  });
});
