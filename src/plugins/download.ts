/** A plugin from the web: one file, over https. */
import { writeFileSync } from "node:fs";
import { errors } from "../errors.ts";
import { SCRIPT } from "./launch.ts";

const MOST_BYTES = 4 * 1024 * 1024;
const LIMIT_MS = 60_000;
const MOST_REDIRECTS = 5;

/** @throws bad-plugin, and what writing fails with */
export async function download(address: string, path: string): Promise<void> {
  const url = URL.parse(address);
  const refuse = (why: string) => errors.badPlugin(address, why);
  if (!url) throw refuse("it is not a web address");
  if (!isSafe(url)) throw refuse("only https addresses are taken");
  if (!SCRIPT.test(url.pathname)) {
    throw refuse("only one .ts or .js file can be had from an address");
  }
  let reply: Response;
  let bytes: Uint8Array;
  try {
    reply = await follow(url, AbortSignal.timeout(LIMIT_MS));
    bytes = await upTo(reply, MOST_BYTES);
  } catch (cause) {
    throw refuse((cause as Error).message);
  }
  if (!reply.ok) throw refuse(`the server answered ${reply.status}`);
  writeFileSync(path, bytes, { mode: 0o600 });
}

/** By hand, so that nothing is asked over a way where it could be changed, not even for where to go on. */
async function follow(url: URL, signal: AbortSignal): Promise<Response> {
  let at = url;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const reply = await fetch(at, { signal, redirect: "manual" });
    const target = reply.status >= 300 && reply.status < 400 && reply.headers.get("location");
    if (!target) return reply;
    await reply.body?.cancel();
    const next = URL.parse(target, at);
    if (!next || !isSafe(next) || (at.protocol === "https:" && next.protocol !== "https:")) {
      throw new Error("it leads to an address that is not https");
    }
    at = next;
  }
  throw new Error("it redirects without end");
}

/** What never leaves the machine needs no https. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" ||
    (protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname));
}

async function upTo(reply: Response, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of reply.body ?? []) {
    size += chunk.length;
    if (size > most) throw new Error("it has more than 4 MB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
