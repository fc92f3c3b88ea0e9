import { test } from "node:test";
import assert from "node:assert/strict";
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import type { PermissionPolicy } from "../../src/runner/mod.ts";
import { Asks } from "../../src/runner/server_asks.ts";
import type { Request } from "../../src/runner/server_events.ts";

const permission = (id: string, patterns = id): Request => ({
  ...{ kind: "permission", id, permission: "read", patterns },
});
const question = (...texts: string[]): Request => ({
  kind: "question",
  id: "que_1",
  questions: texts.map((text) => ({ text, options: ["a", "b"] })),
});

/** Asks with a server that writes down its replies; `told` is what the turn hears. */
function stage(policy: PermissionPolicy = "wait", refuses = false) {
  const [told, replies]: [string[], unknown[]] = [[], []];
  const reply = (body: unknown) => {
    replies.push(body);
    return Promise.resolve(refuses ? { error: { name: "NotFound" } } : { data: true });
  };
  const client = { permission: { reply }, question: { reply, reject: reply } };
  const asks = new Asks({
    policy,
    seconds: undefined,
    client: () => client as unknown as OpencodeClient,
    denied: ({ id }) => told.push(`denied ${id}`),
    opened: ({ id, what, options }) => told.push(`opened ${id}: ${what} [${options}]`),
    answered: (id, answer) => told.push(`answered ${id} ${answer?.kind}`),
    unanswered: ({ id }) => told.push(`unanswered ${id}`),
  });
  return { asks, told, replies };
}

test("what is asked at once is shown one after the other, and each can be answered", async () => {
  const { asks, told, replies } = stage();
  for (const id of ["per_1", "per_2", "per_1"]) asks.asked(permission(id));
  assert.deepEqual(told, ["opened per_1: read (per_1) []"]);
  assert.equal(await asks.answer("per_2", { kind: "deny" }), false, "it is not shown yet");
  assert.equal(await asks.answer("per_1", { kind: "allow", always: false }), true);
  assert.deepEqual(told.slice(1), ["answered per_1 allow", "opened per_2: read (per_2) []"]);
  assert.equal(await asks.answer("per_2", { kind: "deny" }), true);
  assert.deepEqual(told.slice(3), ["answered per_2 deny"]);
  assert.deepEqual(replies, [
    { requestID: "per_1", reply: "once" },
    { requestID: "per_2", reply: "reject" },
  ]);
});

test("what somebody else has answered is not shown any more", () => {
  const { asks, told } = stage();
  for (const id of ["per_1", "per_2", "per_3"]) asks.asked(permission(id));
  asks.settled("per_2");
  asks.settled("per_1");
  assert.deepEqual(told.slice(1), ["answered per_1 undefined", "opened per_3: read (per_3) []"]);
});

test("an answer that the server does not take leaves it open", async () => {
  const { asks, told } = stage("wait", true);
  asks.asked(permission("per_1"));
  assert.equal(await asks.answer("per_1", { kind: "deny" }), false);
  assert.equal(told.length, 1);
});

test("the policy answers permissions at once; a question has no answer then", () => {
  const replyTo = (policy: PermissionPolicy, request: Request) => {
    const { asks, told, replies } = stage(policy);
    asks.asked(request);
    return [told, replies];
  };
  const id = { requestID: "per_1" };
  assert.deepEqual(replyTo("allow", permission("per_1")), [[], [{ ...id, reply: "once" }]]);
  assert.deepEqual(replyTo("deny", permission("per_1")), [["denied per_1"], [
    { ...id, reply: "reject" },
  ]]);
  assert.deepEqual(replyTo("allow", question("Which?")), [[], [{ requestID: "que_1" }]]);
});

test("a question is shown with what it offers; several are numbered, and answered a line each", async () => {
  const answersTo = async (request: Request, text: string) => {
    const { asks, told, replies } = stage();
    asks.asked(request);
    await asks.answer("que_1", { kind: "text", text });
    return [told[0], (replies[0] as { answers: string[][] }).answers];
  };
  assert.deepEqual(await answersTo(question("Which?"), "a\nor b"), [
    "opened que_1: Which? [a,b]",
    [["a\nor b"]],
  ]);
  const two = question("Which?", "Why?");
  const shown = "opened que_1: 1. Which? (a | b) 2. Why? (a | b) []";
  assert.deepEqual(await answersTo(two, "a\nso that\n"), [shown, [["a"], ["so that"]]]);
  assert.deepEqual(await answersTo(two, "both"), [shown, [["both"], ["both"]]]);
});
