/** opencode's own interface on a session of a server that runs, and what was done in it. */
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import { errors } from "../errors.ts";
import type { AgentSession, Attended, AttendOptions, ServerDoor } from "./mod.ts";
import { credentials, NEUTRAL } from "./opencode_call.ts";
import type { OpencodeCommand } from "./opencode_command.ts";
import { parseMessages } from "./server_events.ts";
import { clientOf, wordsOf } from "./server_address.ts";
import { abortSession } from "./server_session.ts";

const ACTION = "open opencode";
const POLL_MS = 300;

/** Returns when the interface was left and, unless somebody else sees to it, no turn is under way any more. */
export async function attend(
  opencode: OpencodeCommand,
  { id, directory }: AgentSession,
  door: ServerDoor,
  { watches, seconds, waits }: AttendOptions,
  signal: AbortSignal,
): Promise<Attended> {
  const client = clientOf(door, directory);
  const before = await lastAnswer(client, id);
  const status = await open(opencode, { id, directory }, door, signal);
  if (status !== 0 && !signal.aborted) {
    throw errors.opencodeFailed(ACTION, `it ended with exit status ${status}`);
  }
  if (watches) return { kind: "nothing" };
  const deadline = Date.now() + seconds * 1000;
  let isTold = false;
  while (await isBusy(client, id)) {
    if (signal.aborted || Date.now() > deadline) {
      await abortSession(client, id);
      return { kind: "stopped", why: signal.aborted ? `${signal.reason}` : `after ${seconds} s` };
    }
    if (!isTold) waits();
    isTold = true;
    await pause(POLL_MS);
  }
  const after = await lastAnswer(client, id);
  if (!after || after.id === before?.id) return { kind: "nothing" };
  if (!after.error) return { kind: "done" };
  if (after.error.name === "MessageAbortedError") return { kind: "stopped", why: "there" };
  return { kind: "failed", why: wordsOf(after.error) };
}

/** The password goes by the environment: process arguments can be read by anybody. */
async function open(
  opencode: OpencodeCommand,
  { id, directory }: AgentSession,
  { url, password }: ServerDoor,
  signal: AbortSignal,
): Promise<number> {
  const args = ["attach", url, "--session", id, "--dir", directory];
  const child = spawn(opencode.executable(), args, {
    cwd: NEUTRAL,
    env: {
      ...opencode.environment(),
      PWD: NEUTRAL,
      ...credentials(password),
    } as NodeJS.ProcessEnv,
    stdio: "inherit",
  });
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", (error) => reject(errors.opencodeFailed(ACTION, error.message)));
      // Ended by a signal: the terminal is gone, or we are to stop. What was begun is seen to all the same.
      child.once("exit", (code) => resolve(code ?? 0));
    });
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** @throws no-opencode-session, opencode-failed */
async function lastAnswer(client: OpencodeClient, id: string) {
  const { data, error, response } = await client.session.messages({ sessionID: id, limit: 20 });
  if (response?.status === 404) {
    throw errors.noSuchOpencodeSession(id, { hint: "destroy the issue, and start it again" });
  }
  if (!data) throw errors.opencodeFailed(ACTION, wordsOf(error));
  return parseMessages(data).findLast(({ info }) => info.role === "assistant")?.info;
}

/** A server that is gone does nothing any more. */
async function isBusy(client: OpencodeClient, id: string): Promise<boolean> {
  const status = await client.session.status().then(({ data }) => data?.[id], () => undefined);
  return status !== undefined && status.type !== "idle";
}
