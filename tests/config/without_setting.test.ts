import { test } from "node:test";
import assert from "node:assert/strict";
import { findNodeAtLocation, parseTree } from "jsonc-parser";
import { withoutSetting } from "../../src/config/without_setting.ts";

function without(text: string, name: string): string {
  const root = parseTree(text, [], { allowTrailingComma: true })!;
  return withoutSetting(text, findNodeAtLocation(root, name.split("."))!.parent!);
}

const CASES: [what: string, text: string, expected: string][] = [
  ["alone", '{ "model": "x" }', "{ }"],
  ["alone on its line", '{\n  "model": "x"\n}\n', "{\n}\n"],
  ["the first", '{\n  // Top\n  "model": "x",\n  "b": 1\n}', '{\n  // Top\n  "b": 1\n}'],
  ["the last", '{\n  "b": 1, // b\n  // Top\n  "model": "x"\n}', '{\n  "b": 1 // b\n  // Top\n}'],
  ["the last with a comma", '{\n  "b": 1,\n  "model": "x",\n}', '{\n  "b": 1,\n}'],
  ["in the middle", '{\n  "a": 1,\n\n  "model": "x",\n  "b": 1\n}', '{\n  "a": 1,\n\n  "b": 1\n}'],
  ["with its own comment", '{\n  "model": "x", // why\n  "b": 1\n}', '{\n  "b": 1\n}'],
  ["with one before the comma", '{\n  "model": "x" /* why */,\n  "b": 1\n}', '{\n  "b": 1\n}'],
  ["on a line with others", '{ "a": 1, "model": "x", "b": 1 }', '{ "a": 1, "b": 1 }'],
  ["at the end of a line", '{ "a": 1, "model": "x" }', '{ "a": 1 }'],
  ["behind the brace", '{ "model": "x",\n  "b": 1 }', '{\n  "b": 1 }'],
  ["with the comma below", '{\n  "model": "x"\n  , "b": 1\n}', '{\n   "b": 1\n}'],
  [
    "with the ends of lines of another system",
    '{\r\n  "model": "x",\r\n  "b": 1\r\n}',
    '{\r\n  "b": 1\r\n}',
  ],
  ["with commas in comments", '{ "model": "x" /* a, b */, // c, d\n "b": 1 }', '{\n "b": 1 }'],
];

for (const [what, text, expected] of CASES) {
  test(`a setting that stands ${what} is taken out, and the rest stays`, () => {
    assert.equal(without(text, "model"), expected);
  });
}

test("a setting in a group is taken out of it", () => {
  const text = '{\n  "limits": {\n    "total": "1h",\n    "silence": "2m"\n  }\n}';
  assert.equal(without(text, "limits.total"), text.replace('    "total": "1h",\n', ""));
  assert.equal(without(text, "limits.silence"), text.replace(',\n    "silence": "2m"', ""));
});
