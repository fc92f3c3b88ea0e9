import { describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseEvent, parseRemark, type Remark, usageOf } from "../../src/runner/opencode_events.ts";

/** Lines that opencode 1.18 printed, shortened. */
const LINES: [type: string, line: string][] = [
  [
    "step_start",
    '{"type":"step_start","timestamp":1,"sessionID":"ses_1","part":{"id":"prt_1","type":"step-start"}}',
  ],
  [
    "text",
    '{"type":"text","timestamp":1,"sessionID":"ses_1","part":{"type":"text","text":"ok","time":{"start":1}}}',
  ],
  [
    "reasoning",
    '{"type":"reasoning","timestamp":1,"sessionID":"ses_1","part":{"type":"reasoning","text":"hm"}}',
  ],
  [
    "tool_use",
    '{"type":"tool_use","timestamp":1,"sessionID":"ses_1","part":{"type":"tool","tool":"bash","callID":"c1",' +
    '"state":{"status":"completed","input":{"command":"ls"},"output":"","title":"ls","time":{"start":1}}}}',
  ],
  [
    "step_finish",
    '{"type":"step_finish","timestamp":1,"sessionID":"ses_1","part":{"reason":"stop",' +
    '"tokens":{"total":15,"input":10,"output":5,"cache":{"write":0,"read":0}},"cost":0}}',
  ],
  [
    "error",
    '{"type":"error","timestamp":1,"sessionID":"ses_1","error":{"name":"APIError",' +
    '"data":{"message":"no credit","statusCode":402,"isRetryable":false}}}',
  ],
  ["error", '{"type":"error","sessionID":"ses_1","error":{"name":"UnknownError"}}'],
];

describe("a line of standard output", () => {
  test("that opencode prints is the event that it says it is, of the session that it names", () => {
    for (const [type, line] of LINES) {
      const event = parseEvent(line);
      assert.equal(event?.type, type);
      assert.equal(event?.sessionID, "ses_1");
    }
  });

  test("that ends a step tells what it used, as far as that can be read", () => {
    const used = (part: object) => {
      const event = parseEvent(
        JSON.stringify({
          type: "step_finish",
          sessionID: "ses_1",
          part: { reason: "stop", ...part },
        }),
      );
      return usageOf(event!);
    };
    const tokens = { input: 10, output: 5, reasoning: 1, cache: { read: 100, write: 0 } };
    assert.deepEqual(used({ cost: 0.5, tokens }), { tokens: 16, cost: 0.5 });
    assert.deepEqual(used({ cost: "much", tokens: { output: 5, input: null } }), {
      tokens: 5,
      cost: 0,
    });
    assert.equal(used({}), undefined);
    assert.equal(usageOf(parseEvent(LINES[1]![1])!), undefined);
  });

  test("that is no event, or one that nobody uses, is nothing", () => {
    const others = [
      "",
      "Performing one time database migration, may take a few minutes...",
      "null",
      "[]",
      "{",
      '{"half',
      "{}",
      '{"type":"unheard-of","sessionID":"ses_1"}',
      '{"type":"text","sessionID":"ses_1","part":{}}',
      '{"type":"text","part":{"text":"of no session"}}',
      '{"type":"step_finish","sessionID":"ses_1","part":{"reason":7}}',
      '{"type":"error","sessionID":"ses_1","error":"words"}',
      ` ${LINES[0]![1]}`,
    ];
    for (const line of others) assert.equal(parseEvent(line), undefined, line);
  });

  test("never throws, whatever it holds", () => {
    const type = fc.constantFrom(...LINES.map(([it]) => it));
    const shaped = fc.record({
      type,
      sessionID: fc.string(),
      part: fc.object(),
      error: fc.object(),
    })
      .map((value) => JSON.stringify(value));
    const cut = fc.tuple(fc.constantFrom(...LINES), fc.nat()).map(([[, line], at]) =>
      line.slice(0, at % line.length)
    );
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), shaped, cut), (line) => {
      const event = parseEvent(line);
      assert(event === undefined || typeof event.sessionID === "string");
    }));
  });
});

describe("a line of standard error", () => {
  const REMARKS: [line: string, remark: Remark][] = [
    [
      "\x1b[93m\x1b[1m! \x1b[0mpermission requested: external_directory (/etc/*); auto-rejecting",
      { kind: "permission", permission: "external_directory", patterns: "/etc/*" },
    ],
    [
      "! permission requested: bash (echo (a) && ls); auto-rejecting",
      { kind: "permission", permission: "bash", patterns: "echo (a) && ls" },
    ],
    [
      "! permission requested: doom_loop (); auto-rejecting",
      { kind: "permission", permission: "doom_loop", patterns: "" },
    ],
    [
      '\x1b[93m\x1b[1m! \x1b[0magent "nobody" not found. Falling back to default agent',
      { kind: "agent-unknown", agent: "nobody" },
    ],
    [
      '! agent "general" is a subagent, not a primary agent. Falling back to default agent',
      { kind: "agent-unknown", agent: "general" },
    ],
    [
      "\x1b[91m\x1b[1mError: \x1b[0mSession not found",
      { kind: "other", text: "Error: Session not found" },
    ],
    ["  ", { kind: "other", text: "" }],
    ["", { kind: "other", text: "" }],
  ];

  test("is a permission, an unknown agent, or other words without their colours", () => {
    for (const [line, remark] of REMARKS) assert.deepEqual(parseRemark(line), remark);
  });

  const STAMP = "timestamp=2026-11-22T18:25:53.624Z";
  const LOG: [line: string, remark: object][] = [
    [
      `${STAMP} level=INFO run=4254 message=created id=ses_2 slug=witty-circuit version=1.18.33 ` +
      'projectID=global directory=/srv/work path="" parentID=undefined title="x directory=/etc"',
      { kind: "created", session: "ses_2", directory: "/srv/work" },
    ],
    [
      `${STAMP} level=INFO message=created id=ses_2 slug=s directory="/srv/my \\"work\\"" path=""`,
      { kind: "created", session: "ses_2", directory: '/srv/my "work"' },
    ],
    [
      `\x1b[31m${STAMP} level=ERROR run=4254 message="stream error" error.error="no \\"credit\\""\x1b[0m`,
      { kind: "trouble", text: 'no "credit"' },
    ],
    [`${STAMP} level=INFO run=4254 message=init count=1`, { kind: "log" }],
    [`${STAMP} level=ERROR run=4254 message="something else"`, { kind: "log" }],
    [`${STAMP} level=WARN message="it said message=created id=ses_9"`, { kind: "log" }],
  ];

  test("of opencode's log tells of a new session, of trouble, or is only log", () => {
    for (const [line, expected] of LOG) {
      assert.deepEqual(parseRemark(line), expected, line);
    }
  });

  test("never throws, whatever it holds", () => {
    const pieces = fc.constantFrom(
      STAMP,
      " level=ERROR ",
      " message=created id=ses_1 ",
      ' directory="',
      ' error="',
      "\\",
      '"',
      "! permission requested: ",
      "(",
      "; auto-rejecting",
    );
    const line = fc.array(fc.oneof(pieces, fc.string()), { maxLength: 8 }).map((it) => it.join(""));
    fc.assert(fc.property(line, (text) => assert(parseRemark(text).kind.length > 0)));
  });

  test("that only quotes such a line is other words", () => {
    const quotes = [
      "I saw: ! permission requested: bash (ls); auto-rejecting",
      "! permission requested: bash (ls); auto-rejecting it was",
      'no agent "nobody" not found',
    ];
    for (const line of quotes) assert.equal(parseRemark(line).kind, "other");
  });
});
