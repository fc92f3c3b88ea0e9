/** Where a server of ours is: a 0600 file with its address and password, all that another process needs to use it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createOpencodeClient, type OpencodeClient } from "@opencode-ai/sdk/v2/client";
import * as v from "valibot";
import { reasonOf } from "../errors.ts";
import { isAlive } from "../platform/processes.ts";
import { serversIn } from "./server_files.ts";

/**
 * A request that takes longer is given up: "could not ask" is an answer, hanging is none. A server that hangs is found
 * out and ended before that (event_hub.ts), so that what was asked of it can be asked of the next one.
 */
const REQUEST_MS = 75_000;
/** A process that only wants to use a server takes one of its own where this one is slower. */
const ANSWER_MS = 5000;

const addressSchema = v.object({
  url: v.string(),
  password: v.string(),
  id: v.string(),
  process: v.object({ pid: v.number(), started: v.string(), boot: v.string() }),
});

export type ServerAddress = v.InferOutput<typeof addressSchema>;

/** Undefined when there is none, or the file says nothing. */
export function readAddress(path: string): ServerAddress | undefined {
  try {
    return v.parse(addressSchema, JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

/** Those of them that answer. Nothing is started, ended or waited for. */
export async function answeringServers(folder: string): Promise<ServerAddress[]> {
  const found = await Promise.all(
    serversIn(folder).map(async (name) => {
      const address = readAddress(join(folder, `${name}.json`));
      return address && await answers(address, ANSWER_MS) ? address : undefined;
    }),
  );
  return found.filter((it) => it !== undefined);
}

export async function answers(address: ServerAddress, waitMs: number): Promise<boolean> {
  if (!isAlive(address.process)) return false;
  try {
    const reply = await fetch(`${address.url}/global/health`, {
      headers: headersFor(address),
      signal: AbortSignal.timeout(waitMs),
    });
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}

type Credentials = Pick<ServerAddress, "url" | "password">;

export function headersFor({ password }: Credentials): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}` };
}

/** Asks about sessions of a folder. Every request has a time limit; `stop` ends those that make nothing. */
export function clientOf(
  address: Credentials,
  directory: string,
  stop?: AbortSignal,
): OpencodeClient {
  return createOpencodeClient({
    baseUrl: address.url,
    directory,
    headers: headersFor(address),
    fetch: fetchUntil(stop) as typeof fetch,
  });
}

/** What makes something is seen through in spite of an abort: otherwise nobody would know what was made. */
function fetchUntil(stop: AbortSignal | undefined): (request: Request) => Promise<Response> {
  return (request) => {
    const late = AbortSignal.timeout(REQUEST_MS);
    const ends = stop && request.method !== "POST" ? AbortSignal.any([late, stop]) : late;
    return fetch(request, { signal: ends });
  };
}

/** What opencode says is wrong, from the error of a reply. */
export function wordsOf(error: unknown): string {
  const { data, message } = (error ?? {}) as { data?: { message?: string }; message?: string };
  return data?.message ?? message ?? reasonOf(error);
}
