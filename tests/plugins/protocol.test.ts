import { test } from "node:test";
import assert from "node:assert/strict";
import {
  declaredBy,
  type Hello,
  parseLine,
  PluginFailure,
  sameDeclaration,
} from "../../src/plugins/protocol.ts";

const HELLO = { type: "hello", name: "acme", apiVersion: 1 };

test("what a plugin leaves out of its hello is empty", () => {
  const { env, forges, hooks, examples } = parseLine(JSON.stringify(HELLO)) as Hello;
  assert.deepEqual({ env, forges, hooks, examples }, {
    env: [],
    forges: [],
    hooks: {},
    examples: [],
  });
});

test("a line that is not of the protocol is refused in words that help", () => {
  const refused: [line: string, why: RegExp][] = [
    ["hello", /printed "hello", which is not JSON; what is for people goes to standard error/],
    ["[]", /not understood/],
    ['{"type":"hullo"}', /not understood: type/],
    [JSON.stringify({ ...HELLO, apiVersion: 2 }), /it is for version 2; this kugetsu has 1/],
    [JSON.stringify({ ...HELLO, name: "../x" }), /a name is up to 40 lower-case letters/],
    [JSON.stringify({ ...HELLO, env: ["A B"] }), /no variable's name/],
    [JSON.stringify({ ...HELLO, hooks: { "pre-stat": {} } }), /there is no hook "pre-stat"/],
    [
      JSON.stringify({ ...HELLO, forges: [{ name: "a", hosts: ["https://x"] }] }),
      /it is not a host/,
    ],
    ['{"type":"result"}', /id/],
  ];
  for (const [line, why] of refused) {
    assert.throws(() => parseLine(line), (error) => {
      assert(error instanceof PluginFailure);
      assert.match(error.message, why);
      return true;
    });
  }
});

test("a declaration is the same in another order, and another with one wish more", () => {
  const declared = (more: object) =>
    declaredBy(parseLine(JSON.stringify({ ...HELLO, ...more })) as Hello);
  const one = declared({ env: ["A", "B"], hooks: { outcome: {}, "pre-start": {} } });
  assert(
    sameDeclaration(one, declared({ env: ["B", "A"], hooks: { "pre-start": {}, outcome: {} } })),
  );
  const others = [
    { env: ["A", "C"], hooks: { outcome: {}, "pre-start": {} } },
    { env: ["A", "B", "C"], hooks: { outcome: {}, "pre-start": {} } },
    { env: ["A", "B"], hooks: { outcome: {} } },
    { env: ["A", "B"], hooks: { outcome: {}, "pre-start": { order: "first" } } },
    { env: ["A", "B"], hooks: { outcome: {}, "pre-start": {} }, comments: true },
    { env: ["A", "B"], hooks: { outcome: {}, "pre-start": {} }, forges: [{ name: "x" }] },
  ];
  for (const other of others) assert(!sameDeclaration(one, declared(other)));
});
