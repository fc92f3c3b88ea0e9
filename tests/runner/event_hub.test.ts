import { test } from "node:test";
import assert from "node:assert/strict";
import { EventHub } from "../../src/runner/event_hub.ts";
import { until } from "../support/until.ts";

/** A server whose streams the test writes to and breaks. */
function makeServer() {
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  let serving = true;
  const heard: string[] = [];
  const hub = new EventHub({
    source: (signal) => {
      if (!serving) return Promise.reject(new Error("refused"));
      return Promise.resolve(
        new ReadableStream<Uint8Array>({
          start(controller) {
            streams.push(controller);
            signal.addEventListener("abort", () => controller.error(signal.reason));
          },
        }),
      );
    },
    isServing: () => Promise.resolve(serving),
    onGone: () => {
      heard.push("cleared away");
      return Promise.resolve();
    },
  });
  const listen = (session: string) =>
    hub.listen(session, {
      event: (event) => {
        const words = event.kind === "retry" ? ` (${event.why})` : "";
        heard.push(`${session}: ${event.kind} of ${event.session}${words}`);
      },
      missed: () => heard.push(`${session}: missed`),
      gone: () => heard.push(`${session}: gone`),
    });
  const send = (text: string) => streams.at(-1)!.enqueue(new TextEncoder().encode(text));
  return { hub, heard, listen, send, streams, die: () => serving = false };
}

const event = (type: string, properties: object) =>
  `data: ${JSON.stringify({ payload: { type, properties } })}\n\n`;

test("each hears of its own session and of those that work for it, and of no other", async () => {
  const { hub, heard, listen, send } = makeServer();
  await hub.ready();
  listen("ses_a");
  const silence = listen("ses_b");
  send(event("session.idle", { sessionID: "ses_a" }));
  send(event("session.created", { sessionID: "ses_a1", info: { parentID: "ses_a" } }));
  send(event("session.created", { sessionID: "ses_a2", info: { parentID: "ses_a1" } }));
  send(event("session.idle", { sessionID: "ses_a2" }));
  send(event("session.idle", { sessionID: "ses_c" }));
  silence();
  send(event("session.idle", { sessionID: "ses_b" }));
  send(event("session.idle", { sessionID: "ses_a" }));
  await until("all is heard", () => heard.length === 5);
  hub.close();
  assert.deepEqual(heard, [
    "ses_a: idle of ses_a",
    "ses_a: created of ses_a1",
    "ses_a: created of ses_a2",
    "ses_a: idle of ses_a2",
    "ses_a: idle of ses_a",
  ]);
});

test("an event may come in pieces, in the middle of a character too; what is no event is passed over", async () => {
  const { hub, heard, listen, streams, send } = makeServer();
  await hub.ready();
  listen("ses_a");
  send(": a remark\n\ndata: no json\n\ndata: {}\n\n");
  const bytes = new TextEncoder().encode(
    event("session.status", {
      sessionID: "ses_a",
      status: { type: "retry", message: "später 月" },
    }),
  );
  for (const byte of bytes) streams.at(-1)!.enqueue(Uint8Array.of(byte));
  await until("it is heard", () => heard.length === 1);
  hub.close();
  assert.deepEqual(heard, ["ses_a: retry of ses_a (später 月)"]);
});

test("a stream that breaks is opened again, and everybody is told to look for what was missed", async () => {
  const { hub, heard, listen, streams, send } = makeServer();
  await hub.ready();
  listen("ses_a");
  streams[0]!.error(new Error("reset"));
  await until("it is opened again", () => streams.length === 2);
  send(event("session.idle", { sessionID: "ses_a" }));
  await until("it is heard", () => heard.length === 2);
  hub.close();
  assert.deepEqual(heard, ["ses_a: missed", "ses_a: idle of ses_a"]);
});

test("the folder of a session is known as it was read and told since, until something may have been missed", async () => {
  const { hub, streams, send } = makeServer();
  hub.wasIn("ses_a", "/too/early");
  await hub.ready();
  assert.equal(hub.folderOf("ses_a"), undefined);
  hub.wasIn("ses_a", "/one");
  assert.equal(hub.folderOf("ses_a"), "/one");
  send(event("session.next.moved", { sessionID: "ses_a", location: { directory: "/two" } }));
  await until("it is heard", () => hub.folderOf("ses_a") === "/two");
  send(event("session.deleted", { sessionID: "ses_a", info: { directory: "/two" } }));
  await until("it is heard", () => hub.folderOf("ses_a") === undefined);
  hub.wasIn("ses_a", "/three");
  streams[0]!.error(new Error("reset"));
  await until("it is opened again", () => streams.length === 2);
  assert.equal(hub.folderOf("ses_a"), undefined);
  hub.close();
});

test("a server that serves no longer is gone: what is left is cleared away, then everybody is told, once", async () => {
  const { hub, heard, listen, streams, die } = makeServer();
  await hub.ready();
  listen("ses_a");
  listen("ses_b");
  die();
  streams[0]!.close();
  await until("all are told", () => heard.length === 3);
  await new Promise((later) => setTimeout(later, 50));
  assert.deepEqual(heard, ["cleared away", "ses_a: gone", "ses_b: gone"]);
  hub.close();
});
