import { describe, mock, test } from "node:test";
import assert from "node:assert/strict";
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import type { MessageInfo } from "../../src/runner/server_events.ts";
import { Reconciler } from "../../src/runner/server_reconciler.ts";

const OWN = "ses_1";
const SENT = "msg_2";

/** What the server has stored. */
interface Stored {
  busy?: boolean;
  messages?: object[];
  permissions?: object[];
  /** Called each time that it has told all it asks. */
  heard?(): void;
  /** Whether it does not tell what questions there are. */
  isDeaf?: boolean;
  /** Answers only once this is over. */
  answersAfter?: Promise<void>;
}

const answer = (id: string, fields: object = {}) => ({
  info: { id, sessionID: OWN, role: "assistant", time: { created: 1, completed: 2 }, ...fields },
  parts: [{ id: `prt_of_${id}`, sessionID: OWN, messageID: id, type: "text", text: "Done." }],
});

/** Plays a scene on a clock that stands still until it is told to go on; returns what the reconciler told, in order. */
async function scene(
  stored: Stored,
  play: (it: { reconciler: Reconciler; wait(ms: number): Promise<void> }) => Promise<void>,
  { hasFailed = false, hearsAll = true } = {},
): Promise<string[]> {
  const told: string[] = [];
  let now = 0;
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const clock = mock.method(performance, "now", () => now);
  const data = async (value: unknown) => {
    await stored.answersAfter;
    return { data: value };
  };
  const client = {
    session: {
      status: () => data({ [OWN]: { type: stored.busy ? "busy" : "idle" } }),
      messages: () => data(stored.messages ?? []),
    },
    permission: { list: () => data(stored.permissions ?? []) },
    question: { list: () => stored.isDeaf ? Promise.resolve({ error: "500" }) : data([]) },
  } as unknown as OpencodeClient;
  const reconciler = new Reconciler({
    ...{ client, session: OWN, messageID: SENT, hearsAll },
    message: ({ id }) => told.push(id),
    part: ({ id }) => told.push(id),
    asked: ({ id }) => told.push(id),
    heard: () => stored.heard?.(),
    hasFailed: () => hasFailed,
    repeat: () => Promise.resolve(void told.push("repeat")),
    over: () => told.push("over"),
  });
  // What the server answers comes through a few promises.
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const wait = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      now += 100;
      mock.timers.tick(100);
      await settle();
    }
  };
  try {
    await play({ reconciler, wait });
    reconciler.stop();
    const before = told.length;
    await wait(120_000);
    assert.equal(told.length, before, "it told something after it was stopped");
  } finally {
    mock.timers.reset();
    clock.mock.restore();
  }
  return told;
}

test("what came after the message is told, and that the turn is over; by itself, should no event come", async () => {
  const stored = { messages: [answer("msg_1"), answer("msg_3")] };
  const asked = await scene(stored, async ({ reconciler, wait }) => {
    reconciler.look();
    await wait(0);
    await wait(100);
  });
  assert.deepEqual(asked, ["msg_3", "prt_of_msg_3", "over"]);
  const alone = await scene(stored, ({ wait }) => wait(3100));
  assert.deepEqual(alone, ["msg_3", "prt_of_msg_3", "over"]);
});

test("an answer to what was said before the message is none of the turn's", async () => {
  const stored = { messages: [answer("msg_3", { parentID: "msg_1" })] };
  const told = await scene(stored, ({ wait }) => wait(4000));
  assert.deepEqual(told, ["repeat"]);
  stored.messages.push(answer("msg_4", { parentID: SENT }));
  assert.deepEqual(await scene(stored, ({ wait }) => wait(3100)), [
    "msg_4",
    "prt_of_msg_4",
    "over",
  ]);
});

test("a session that is busy, or has stored half an answer, is not over", async () => {
  const told = await scene({ busy: true, messages: [answer("msg_3")] }, ({ wait }) => wait(9900));
  assert.deepEqual(told, ["msg_3", "prt_of_msg_3"]);
  const half = { messages: [answer("msg_3", { time: { created: 1 } })] };
  assert.ok(!(await scene(half, ({ wait }) => wait(50_000))).includes("over"));
});

test("only what the session itself asks for is told, and nothing once it is idle", async () => {
  const permission = (id: string, sessionID: string) => ({
    ...{ id, sessionID, permission: "bash", patterns: ["ls"] },
  });
  const permissions = [permission("per_1", OWN), permission("per_2", "ses_9"), { id: "per_3" }];
  const told = await scene({ busy: true, permissions }, ({ wait }) => wait(3100));
  assert.deepEqual(told, ["per_1"]);
  assert.deepEqual(await scene({ permissions }, ({ wait }) => wait(3000)), []);
});

test("that all it asks was told is said after that, busy or idle, and not where it could not be asked", async () => {
  for (const busy of [true, false]) {
    const heard = mock.fn();
    await scene({ busy, heard }, ({ wait }) => wait(3100));
    assert.equal(heard.mock.callCount(), 1);
  }
  const heard = mock.fn();
  await scene({ busy: true, heard, isDeaf: true }, ({ wait }) => wait(3100));
  assert.equal(heard.mock.callCount(), 0);
});

test("a message that was not heard is sent again once; without any answer the turn is over in the end", async () => {
  const upTo = (ms: number) => scene({}, ({ wait }) => wait(ms));
  assert.deepEqual(await upTo(3000), []);
  assert.deepEqual(await upTo(59_000), ["repeat"]);
  assert.deepEqual(await upTo(70_100), ["repeat", "over"]);
});

test("a turn that met an error is given time to put its last message away, and no message is repeated", async () => {
  const stored: Stored = { messages: [answer("msg_3", { time: { created: 1 } })] };
  const told = await scene(stored, async ({ wait }) => {
    await wait(3500);
    stored.messages = [answer("msg_3")];
    await wait(200);
  }, { hasFailed: true });
  assert.equal(told.at(-1), "over");
  assert.ok(!told.includes("repeat"));
  const never = await scene({}, ({ wait }) => wait(8200), { hasFailed: true });
  assert.deepEqual(never, ["over"]);
  assert.deepEqual(await scene({}, ({ wait }) => wait(7900), { hasFailed: true }), []);
});

test("an answer that comes after it was stopped is not told", async () => {
  const answers = Promise.withResolvers<void>();
  const stored = { messages: [answer("msg_3")], answersAfter: answers.promise };
  const told = await scene(stored, async ({ reconciler, wait }) => {
    reconciler.look();
    await wait(100);
    reconciler.stop();
    answers.resolve();
    await wait(100);
  });
  assert.deepEqual(told, []);
});

describe("an idle session", () => {
  const whole = { parentID: SENT, ...answer("msg_3").info, finish: "stop" } as MessageInfo;
  /** What is told when the stream has told these of the answer, before it told that the session is idle. */
  const idleAfter = (
    heard: MessageInfo[],
    options: { hasFailed?: boolean; hearsAll?: boolean } = {},
    before: (reconciler: Reconciler) => void = () => {},
  ) =>
    scene(
      { messages: [answer("msg_3")] },
      async ({ reconciler, wait }) => {
        for (const info of heard) reconciler.toldMessage(info);
        before(reconciler);
        reconciler.idle();
        await wait(100);
        reconciler.stop();
      },
      options,
    );
  const LOOKED = ["msg_3", "prt_of_msg_3", "over"];

  test("after an answer that the stream has told whole is over, without a look at what is stored", async () => {
    assert.deepEqual(await idleAfter([whole]), ["over"]);
    const user = { ...whole, id: SENT, role: "user" } as const;
    assert.deepEqual(await idleAfter([whole, user]), ["over"]);
  });

  test("is looked at where the stream has told less than that, or something else", async () => {
    assert.deepEqual(await idleAfter([]), LOOKED);
    assert.deepEqual(await idleAfter([{ ...whole, time: { created: 1 } }]), LOOKED);
    assert.deepEqual(await idleAfter([{ ...whole, error: { name: "APIError" } }]), LOOKED);
    assert.deepEqual(await idleAfter([{ ...whole, finish: undefined }]), LOOKED);
    // An answer to what came before the message, or to what somebody else has said since.
    assert.deepEqual(await idleAfter([{ ...whole, parentID: "msg_1" }]), LOOKED);
    const calls = { id: "prt_1", sessionID: OWN, messageID: whole.id, type: "tool" };
    assert.deepEqual(await idleAfter([whole], {}, (it) => it.toldPart(calls)), LOOKED);
    const earlier = { ...calls, messageID: "msg_2a" };
    assert.deepEqual(await idleAfter([whole], {}, (it) => it.toldPart(earlier)), ["over"]);
    assert.deepEqual(await idleAfter([whole], { hasFailed: true }), LOOKED);
    assert.deepEqual(await idleAfter([whole], { hearsAll: false }), LOOKED);
    assert.deepEqual(await idleAfter([whole], {}, (it) => it.missed()), [...LOOKED, ...LOOKED]);
  });
});
