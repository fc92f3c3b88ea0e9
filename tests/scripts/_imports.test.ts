import { test } from "node:test";
import assert from "node:assert/strict";
import { findImports } from "../../scripts/_imports.ts";

test("every form of import is found, with its line", () => {
  const source = [
    'import "./effect.ts";',
    'import one from "./one.ts";',
    "import {",
    "  two,",
    "  type Three,",
    '} from "./two.ts";',
    'import * as four from "npm-name";',
    'import type { Five } from "./five.ts";',
    'import data from "./data.json" with { type: "json" };',
    'export * from "./six.ts";',
    'export type { Seven } from "./seven.ts";',
    "async function lazy() {",
    '  return await import("./eight.ts");',
    "}",
    'type Nine = import("./nine.ts").Nine;',
  ].join("\n");
  assert.deepEqual(
    findImports(source).map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly]),
    [
      ["./effect.ts", 1, false],
      ["./one.ts", 2, false],
      ["./two.ts", 6, false],
      ["npm-name", 7, false],
      ["./five.ts", 8, true],
      ["./data.json", 9, false],
      ["./six.ts", 10, false],
      ["./seven.ts", 11, true],
      ["./eight.ts", 13, false],
      ["./nine.ts", 15, false],
    ],
  );
});

test("what only looks like an import is left alone", () => {
  const source = [
    "/**",
    ' * import { a } from "./comment.ts";',
    " */",
    '// import { a } from "./comment.ts";',
    'export const from = "./constant.ts";',
    'export type Word = "import" | "from";',
    "export const list = Array.from(words);",
    'const text = "import(\\"./text.ts\\")";',
    "const computed = await import(path);",
  ].join("\n");
  assert.deepEqual(findImports(source), []);
});
