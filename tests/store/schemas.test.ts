import { describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import type { SessionRecord } from "../../src/session/record.ts";
import { parseIndex, parseRecord } from "../../src/store/schemas.ts";

const OLD_RECORD = {
  type: "forked",
  issue_ref: "github.com/shoko/kugetsu#14",
  opencode_session_id: "ses_xyz789",
  created_at: "2026-03-29T18:16:10+02:00",
  state: "idle",
};

const WHO = { pid: 7, started: "70", boot: "b" };

const FULL_RECORD: SessionRecord = {
  type: "forked",
  issue_ref: "github.com/shoko/kugetsu#14",
  opencode_session_id: null,
  created_at: "2026-03-29T18:16:10+02:00",
  state: "starting",
  reason: "none",
  updated_at: "2026-03-29T18:16:10+02:00",
  directory: "/srv/repository",
  origin: "forked",
  opencode_version: "1.18.33",
  commit: "0123abc",
  turn: { id: "t2", kind: "start", started_at: "now", owner: WHO, opencode: WHO },
  last_turn: { id: "t1", outcome: "done", started_at: "then", ended_at: "later" },
};

function valueOf(text: string): unknown {
  const parsed = parseRecord(text);
  assert(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function why(parsed: ReturnType<typeof parseIndex> | ReturnType<typeof parseRecord>): string {
  assert(!parsed.ok, "it was accepted");
  return parsed.why;
}

describe("a session file", () => {
  test("of the old tool, or with every field there is, is read as it stands", () => {
    for (const record of [OLD_RECORD, FULL_RECORD]) {
      assert.deepEqual(valueOf(JSON.stringify(record)), record);
    }
  });

  test("keeps what another version wrote, at every level", () => {
    const record = {
      ...FULL_RECORD,
      queue: [1, { a: null }],
      state: "hibernating",
      turn: { ...FULL_RECORD.turn, priority: 3 },
      last_turn: { ...FULL_RECORD.last_turn, tokens: 12 },
    };
    assert.deepEqual(valueOf(JSON.stringify(record)), record);
  });

  test("that lacks a field of the old tool, or has it wrong, is damaged, and says where", () => {
    for (const field of Object.keys(OLD_RECORD)) {
      const { [field as keyof typeof OLD_RECORD]: _, ...lacking } = OLD_RECORD;
      assert.match(why(parseRecord(JSON.stringify(lacking))), new RegExp(`^${field}: `));
      const wrong = JSON.stringify({ ...OLD_RECORD, [field]: 7 });
      assert.match(why(parseRecord(wrong)), new RegExp(`^${field}: `));
    }
  });

  test("with a wrong value among the newer fields is damaged, and says where", () => {
    const wrong: [change: object, where: RegExp][] = [
      [{ directory: 1 }, /^directory: /],
      [{ origin: "stolen" }, /^origin: /],
      [{ turn: { ...FULL_RECORD.turn, owner: { pid: "7" } } }, /^turn\.owner\./],
      [{ turn: { ...FULL_RECORD.turn, kind: "stop" } }, /^turn\.kind: /],
      [{ last_turn: { ...FULL_RECORD.last_turn, outcome: "perfect" } }, /^last_turn\.outcome: /],
    ];
    for (const [change, where] of wrong) {
      assert.match(why(parseRecord(JSON.stringify({ ...FULL_RECORD, ...change }))), where);
    }
  });

  test("that is no JSON object says what it is instead", () => {
    assert.equal(why(parseRecord("")), "it is empty");
    assert.equal(why(parseRecord(" \n")), "it is empty");
    assert.equal(why(parseRecord('{"type": "for')), "it is not JSON");
    assert.equal(why(parseRecord("\0\0\0\0")), "it is not JSON");
    for (const text of ["null", "[]", "7", '"forked"']) assert(why(parseRecord(text)) !== "");
  });
});

const index = (issues: unknown, base: unknown = "ses_abc123") =>
  parseIndex(JSON.stringify({ base, issues }));

describe("an index", () => {
  test("of the old tool is read as it stands, with or without a base", () => {
    const issues = { "github.com/shoko/kugetsu#14": "github.com-shoko-kugetsu-14.json" };
    for (const base of ["ses_abc123", null]) {
      assert.deepEqual(index(issues, base), { ok: true, value: { base, issues } });
    }
  });

  test("keeps what another version wrote", () => {
    const value = { base: null, issues: {}, bases: { "github.com/a/b": "ses_1" }, version: 3 };
    assert.deepEqual(parseIndex(JSON.stringify(value)), { ok: true, value });
  });

  test("of another shape is damaged", () => {
    const others: [base: unknown, issues: unknown][] = [
      [undefined, {}],
      [7, {}],
      [{}, {}],
      [null, undefined],
      [null, null],
      [null, 7],
      [null, "x.json"],
      [null, []],
      [null, ["x.json"]],
      [null, { "a.b/c/d#1": null }],
      [null, { "a.b/c/d#1": 7 }],
      [null, { "a.b/c/d#1": ["x.json"] }],
      [null, { "a.b/c/d#1": {} }],
    ];
    for (const [base, issues] of others) {
      assert(!parseIndex(JSON.stringify({ base, issues })).ok, JSON.stringify({ base, issues }));
    }
    for (const text of ["", "{", "null", "[]", "7"]) assert(!parseIndex(text).ok, text);
  });

  test("that names anything but a file of the sessions folder is damaged", () => {
    const names = [
      "../index.json",
      "../../etc/x.json",
      "/etc/x.json",
      "a/b.json",
      "a\\b.json",
      "..\\x.json",
      ".hidden.json",
      "..json",
      ".json",
      "",
      ".",
      "..",
      "x",
      "x.txt",
      "x.json.tmp",
      "x.json/",
      "x\0.json",
      `${"x".repeat(251)}.json`, // 256 bytes, one more than a file system takes
      `${"é".repeat(126)}.json`,
    ];
    for (const name of names) {
      const parsed = index({ "a.b/c/d#1": "good.json", "github.com/shoko/kugetsu#14": name });
      assert(!parsed.ok, JSON.stringify(name));
    }
  });

  test("may name a file as long as a file system takes", () => {
    assert(index({ "a.b/c/d#1": `${"x".repeat(250)}.json` }).ok);
  });

  test("with keys that mean something to the language harms nothing", () => {
    const text = '{"base":null,"__proto__":{"polluted":1},"issues":' +
      '{"__proto__":"p.json","constructor":"c.json","toString":"t.json"}}';
    const parsed = parseIndex(text);
    assert(parsed.ok);
    assert.equal(parsed.value.base, null);
    assert.equal(Object.getPrototypeOf(parsed.value.issues), Object.prototype);
    assert(!("polluted" in parsed.value));
    assert(!("polluted" in {}));
    for (const hostile of ['{"__proto__":{}}', '{"__proto__":"../x.json"}']) {
      assert(!parseIndex(`{"base":null,"issues":${hostile}}`).ok, hostile);
    }
  });
});

test("whatever a file holds, it is read or said to be damaged in words", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json({ maxDepth: 3 }),
    fc.object({ key: fc.constantFrom(...Object.keys(FULL_RECORD), "base", "issues", "__proto__") })
      .map((value) => JSON.stringify(value)),
  );
  fc.assert(fc.property(texts, (text) => {
    for (const parsed of [parseRecord(text), parseIndex(text)]) {
      if (!parsed.ok) assert(parsed.why.length > 0);
    }
  }));
});
