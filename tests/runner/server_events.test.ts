import { test } from "node:test";
import assert from "node:assert/strict";
import {
  eventOfPart,
  parseMessages,
  parseRequest,
  parseServerEvent,
  type Part,
  runningTool,
} from "../../src/runner/server_events.ts";

const event = (type: string, properties: object) =>
  parseServerEvent(JSON.stringify({ directory: "/x", payload: { id: "evt_1", type, properties } }));
const part = (fields: object) =>
  ({ id: "prt_1", sessionID: "ses_1", messageID: "msg_1", ...fields }) as unknown as Part;

test("events of a session are read, whatever else they hold; those of none are passed over", () => {
  const session = "ses_1";
  const request = { id: "per_1", sessionID: session, permission: "bash", patterns: ["rm *", "ls"] };
  const question = { question: "Which?", options: [{ label: "a" }, { label: "b" }] };
  const cases: [string, object, unknown][] = [
    ["session.idle", {}, { kind: "idle" }],
    ["session.status", { status: { type: "busy" } }, { kind: "other" }],
    ["session.status", { status: { type: "retry", message: "busy" } }, {
      kind: "retry",
      why: "busy",
    }],
    ["session.created", { info: { parentID: "ses_0" } }, { kind: "created", parent: "ses_0" }],
    ["session.created", { info: {} }, { kind: "other" }],
    ["session.updated", { info: { directory: "/w" } }, { kind: "placed", directory: "/w" }],
    ["session.next.moved", { location: { directory: "/w" } }, { kind: "placed", directory: "/w" }],
    ["session.deleted", { info: { directory: "/w" } }, { kind: "placed", directory: undefined }],
    ["permission.asked", request, {
      kind: "asked",
      request: { kind: "permission", id: "per_1", permission: "bash", patterns: "rm *, ls" },
    }],
    ["question.asked", { id: "que_1", questions: [question] }, {
      kind: "asked",
      request: {
        kind: "question",
        id: "que_1",
        questions: [{ text: "Which?", options: ["a", "b"] }],
      },
    }],
    ["permission.replied", { requestID: "per_1" }, { kind: "answered", id: "per_1" }],
    ["session.error", { error: { name: "APIError", data: { message: "no" } } }, {
      kind: "error",
      error: { name: "APIError", data: { message: "no" } },
    }],
    ["file.edited", { file: "a" }, { kind: "other" }],
  ];
  for (const [type, properties, expected] of cases) {
    const told = event(type, { sessionID: session, ...properties });
    assert.deepEqual(told, { session, ...expected as object }, type);
  }
  for (
    const data of ["", "{}", "[", '{"payload": {"type": "server.heartbeat", "properties": {}}}']
  ) {
    assert.equal(parseServerEvent(data), undefined);
  }
});

test("a part is told as opencode run would print it, once it is complete", () => {
  const text = { type: "text", text: "so" };
  assert.equal(eventOfPart(part({ ...text, time: { start: 1 } })), undefined);
  assert.equal(eventOfPart(part({ ...text, time: { start: 1, end: 2 } }))?.type, "text");
  const tool = (status: string) =>
    part({ type: "tool", tool: "bash", state: { status, input: { command: "ls" } } });
  for (const status of ["pending", "running"]) assert.equal(eventOfPart(tool(status)), undefined);
  for (const status of ["completed", "error"]) {
    assert.equal(eventOfPart(tool(status))?.type, "tool_use");
  }
  assert.equal(eventOfPart(part({ type: "step-start" }))?.type, "step_start");
  assert.equal(eventOfPart(part({ type: "step-finish", reason: "stop" }))?.type, "step_finish");
  for (const type of ["snapshot", "patch", "file", "toString"]) {
    assert.equal(eventOfPart(part({ type })), undefined);
  }
});

test("a running tool says what it is about, and a step what it used", () => {
  const running = (state: object) =>
    part({ type: "tool", tool: "read", state: { status: "running", ...state } });
  assert.deepEqual(runningTool(running({ title: "a.ts", input: {} })), {
    tool: "read",
    title: "a.ts",
  });
  assert.deepEqual(runningTool(running({ input: { filePath: "/a.ts" } })), {
    tool: "read",
    title: "/a.ts",
  });
  assert.deepEqual(runningTool(running({ input: { filePath: 7 } })), { tool: "read", title: "" });
  assert.equal(
    runningTool(part({ type: "tool", tool: "read", state: { status: "completed" } })),
    undefined,
  );
});

test("lists are read as far as they are lists of what we know", () => {
  const info = { id: "msg_1", sessionID: "ses_1", role: "assistant", time: { created: 1 } };
  const listed = [{ info, parts: [] }, { info }, null];
  assert.deepEqual(parseMessages(listed).map((it) => it.info.id), ["msg_1"]);
  assert.deepEqual(parseMessages({ error: "no" }), []);
  assert.equal(parseRequest({ id: "per_1" }), undefined);
});
