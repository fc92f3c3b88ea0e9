/** What is asked of opencode's server about one session. A server that does not answer rejects with its own error. */
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { TurnRequest } from "./mod.ts";
import { wordsOf } from "./server_address.ts";

/** How long opencode gets to end a turn by itself. */
const GRACE_MS = 3000;
/** What a turn does between its beginning and its message takes less, unless there is something to wait for. */
const FRESH_MS = 1000n;

/** What opencode says of a session that it does not have. */
export const NO_SESSION = "Session not found";

/** What the server answered in place of what was wanted. */
export class ServerSaid extends Error {}

/** A session, and the folder that the server says it is in. */
export interface Placed {
  id: string;
  directory: string;
}

/** @throws ServerSaid */
export async function forkSession(client: OpencodeClient, from: string): Promise<Placed> {
  return wanted(await client.session.fork({ sessionID: from }));
}

/** @throws ServerSaid */
export async function folderOf(client: OpencodeClient, session: string): Promise<string> {
  return wanted(await client.session.get({ sessionID: session })).directory;
}

/** Moves a session; whether it is there then has to be read back. @throws ServerSaid */
export async function moveSession(
  client: OpencodeClient,
  session: string,
  directory: string,
): Promise<void> {
  const destination = { directory };
  const moved = await client.experimental.controlPlane.moveSession({
    sessionID: session,
    destination,
  });
  if (moved.error) refuse(moved);
}

/** Whether there is such an agent: opencode would go on with another one. */
export async function knowsAgent(client: OpencodeClient, agent: string): Promise<boolean> {
  const { data } = await client.app.agents();
  return !data || data.some((it) => it.name === agent && it.mode !== "subagent");
}

/** Sends a message. With ids of ours for it and its part, sending it again changes nothing. @throws ServerSaid */
export async function sendMessage(
  client: OpencodeClient,
  session: string,
  messageID: string,
  { message, agent, model }: Pick<TurnRequest, "message" | "agent" | "model">,
): Promise<void> {
  const sent = await client.session.promptAsync({
    sessionID: session,
    messageID,
    parts: [{ id: messageID.replace(/^msg/, "prt"), type: "text", text: message }],
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model: modelOf(model) }),
  });
  if (sent.error) refuse(sent);
}

/** Tells opencode to end what a session does, and waits a while for it. A server that does not answer is no obstacle. */
export async function abortSession(client: OpencodeClient, session: string): Promise<void> {
  const deadline = Date.now() + GRACE_MS;
  const aborted = client.session.abort({ sessionID: session }).catch(() => undefined);
  await Promise.race([aborted, pause(GRACE_MS)]);
  while (Date.now() < deadline && await isBusy(client, session)) await pause(50);
}

/**
 * An id in opencode's own form. It sorts behind all messages that were made before now, in this very millisecond too,
 * and before those of the next one.
 */
export function newMessageId(): string {
  const chance = randomBytes(14).toString("base64").replaceAll(/[^0-9A-Za-z]/g, "0").slice(0, 14);
  return `msg_${timeNow().toString(16).padStart(12, "0")}${chance}`;
}

/** Whether such an id was made just now, so that nobody has said anything since. */
export function isFresh(messageId: string): boolean {
  const made = BigInt(`0x${messageId.slice("msg_".length).slice(0, 12)}`);
  const age = timeNow() - made;
  return age >= 0n && age < FRESH_MS * 0x1000n;
}

/** In opencode's ids: milliseconds, and a counter that begins anew with each. */
function timeNow(): bigint {
  return (BigInt(Date.now()) * 0x1000n + 0xfffn) & 0xffff_ffff_ffffn;
}

/** The id of what was said last in a session; undefined where nothing was, or it cannot be told. */
export async function newestMessage(
  client: OpencodeClient,
  session: string,
): Promise<string | undefined> {
  const { data } = await client.session.messages({ sessionID: session, limit: 1 });
  return data?.at(-1)?.info.id;
}

async function isBusy(client: OpencodeClient, session: string): Promise<boolean> {
  const asked = client.session.status().then(({ data }) => data?.[session], () => undefined);
  const status = await Promise.race([asked, pause(GRACE_MS, undefined)]);
  return status !== undefined && status.type !== "idle";
}

function modelOf(model: string): { providerID: string; modelID: string } {
  const [providerID, ...rest] = model.split("/");
  return { providerID: providerID!, modelID: rest.join("/") };
}

interface ServerReply<T> {
  data?: T | undefined;
  error?: unknown;
  response?: { status: number } | undefined;
}

function wanted<T>(reply: ServerReply<T>): T {
  return reply.data ?? refuse(reply);
}

function refuse({ error, response }: ServerReply<unknown>): never {
  if (!response) throw error;
  throw new ServerSaid(response.status === 404 ? NO_SESSION : wordsOf(error));
}
