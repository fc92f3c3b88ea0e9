/** The examples of a forge: its plugin asks a server on loopback, which says what the example brings. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as v from "valibot";
import type { ForgeExample, IssueRef } from "../api/mod.ts";
import { formatRef, parseRef } from "../session/ref.ts";
import type { Driver } from "./driver.ts";
import { issue, posted } from "./forges.ts";
import { type Hello, type PluginFailure, read } from "./protocol.ts";

/** What it gives, with the forge's own address in it. @throws Error that says what is wrong */
export async function tryForge(
  driver: Driver,
  said: Hello,
  example: ForgeExample,
  limitMs: number,
): Promise<unknown> {
  const ref = parseRef("issue" in example ? example.issue : example.comment);
  const own = `https://${ref.host}`;
  await using server = await serve(example.replies, own);
  const about = { forge: forgeFor(said, ref), host: ref.host, base: server.base, configured: true };
  const [method, options] = "issue" in example
    ? ["issue", example.since === undefined ? {} : { since: example.since }] as const
    : ["comment", { body: example.body, replace: example.replace }] as const;
  try {
    const answer = await driver.ask({ method, params: { ...about, ref, options }, limitMs });
    if (server.asked.length === 0) throw new Error("it asked nothing of context.base");
    const valid = method === "issue"
      ? read(issue, answer, "its answer")
      : read(posted, answer, "its answer");
    return JSON.parse(JSON.stringify(valid).replaceAll(server.base, own));
  } catch (error) {
    const { message, kind } = error as PluginFailure;
    if (kind !== undefined && kind === example.fails) return { fails: kind };
    const missing = server.missing.length === 0
      ? ""
      : `; the example brings no reply to ${server.missing.join(", ")}`;
    throw new Error(message + missing);
  }
}

function forgeFor({ forges }: Hello, ref: IssueRef): string {
  const found = forges.find((it) => it.hosts.includes(ref.host)) ?? forges[0];
  if (found) return found.name;
  throw new Error(`it has no forge that could be asked for ${formatRef(ref)}`);
}

/** What a server can be made to say. */
const replies = v.record(
  v.string(),
  v.object({
    status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)), 200),
    headers: v.optional(
      v.record(
        v.pipe(v.string(), v.regex(/^[\w-]+$/)),
        v.pipe(v.string(), v.regex(/^[ -~]*$/)),
      ),
      {},
    ),
    json: v.optional(v.unknown(), {}),
  }),
);

/** Requests are `GET /path`, or `/path` for short; with a query only where the example names one. */
async function serve(brought: unknown, own: string) {
  const known = new Map(
    Object.entries(read(replies, brought, "what its example has as replies")).map((
      [request, reply],
    ) => [
      request.startsWith("/") ? `GET ${request}` : request,
      reply,
    ]),
  );
  const [asked, missing]: string[][] = [[], []];
  let base = "";
  const server = createServer((request, response) => {
    const whole = `${request.method} ${request.url}`;
    const reply = known.get(whole) ?? known.get(whole.split("?")[0]!);
    asked!.push(whole);
    if (!reply) missing!.push(whole);
    const { status, headers, json } = reply ?? { status: 404, headers: {}, json: {} };
    // What the forge says of itself leads back here.
    const here = (value: unknown) => JSON.stringify(value).replaceAll(own, base);
    request.resume();
    response.writeHead(status, { connection: "close", ...JSON.parse(here(headers)) });
    response.end(here(json));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    base,
    asked: asked!,
    missing: missing!,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
