/**
 * Asking a forge: with the token for its own host only, patient where it asks for a moment, and with errors that say
 * what helps.
 */
import type { ForgeContext, ForgeProblem } from "../src/api/mod.ts";

export interface Reply {
  status: number;
  headers: Headers;
  json: unknown;
}

export interface Api {
  /** Where paths begin. */
  base: string;
  /** Sent to that host alone. */
  token: string | undefined;
}

interface Request {
  method?: "GET" | "POST" | "PUT" | "PATCH";
  body?: unknown;
}

/** How long one request may take; a little less than the call may, so that it can be said what was waited for. */
const REQUEST_MS = 15_000;
const SHARE_OF_CALL = 0.9;
/** A pause that a forge asks for is made if it is no longer. */
const LONGEST_PAUSE_MS = 20_000;
const MOST_REDIRECTS = 4;
const MOST_TRIES = 3;
const MOST_PAGES = 50;
const MOST_BYTES = 16 * 1024 * 1024;

export function problem(message: string, kind?: ForgeProblem): Error {
  return Object.assign(new Error(message), kind ? { kind } : {});
}

/** The reply, whatever its status. @throws problem for what is no answer to the question */
export async function request(
  context: ForgeContext,
  api: Api,
  path: string,
  request: Request = {},
): Promise<Reply> {
  let url = new URL(/^https?:/.test(path) ? path : api.base + path);
  let redirects = 0;
  for (let tries = 1;;) {
    const reply = await send(context, api, url, request);
    const { status, headers } = reply;
    const target = REDIRECTS.includes(status) ? headers.get("location") : null;
    if (target !== null) {
      await reply.body?.cancel();
      if (++redirects > MOST_REDIRECTS) throw problem("it redirects without end", "unreachable");
      url = redirected(url, target, request);
      continue;
    }
    const pause = pauseBefore(reply, tries);
    if (pause === undefined) return { status, headers, json: await readJson(reply, context) };
    await reply.body?.cancel();
    if (pause > LONGEST_PAUSE_MS || tries >= MOST_TRIES) throw limited(context.host, pause);
    tries++;
    context.log.info(`${context.host} asks for a pause of ${Math.ceil(pause / 1000)} s`);
    await sleep(pause, context.signal);
  }
}

/** All pages of a list. */
export async function pages(context: ForgeContext, api: Api, path: string): Promise<unknown[]> {
  const all: unknown[] = [];
  let next: string | undefined = path;
  for (let page = 0; next !== undefined && page < MOST_PAGES; page++) {
    const reply = await request(context, api, next);
    if (reply.status !== 200) throw refusal(context, api, reply.status);
    if (!Array.isArray(reply.json)) throw problem("its list of comments is no list");
    all.push(...reply.json);
    next = nextPage(reply, api);
  }
  if (next !== undefined) context.log.warn(`only the first ${all.length} comments were read`);
  return all;
}

/** What a status that is no success means, as far as the status alone can tell. */
export function refusal({ host }: ForgeContext, { token }: Api, status: number): Error {
  if (status === 401) {
    return problem(
      token === undefined
        ? `${host} wants a token, and there is none`
        : `${host} does not accept the token`,
      "no-permission",
    );
  }
  if (status === 403) {
    const who = token === undefined ? "without a token" : "with this token";
    return problem(`${host} does not allow it ${who}`, "no-permission");
  }
  if (status === 404) return problem(`${host} has no such issue`, "not-found");
  if (status === 410) return problem("the issue was deleted", "gone");
  if (status === 423) return problem("the repository is archived", "no-permission");
  if (status >= 500) return problem(`${host} is in trouble: it answered ${status}`, "unreachable");
  return problem(`${host} answered ${status}`);
}

const REDIRECTS = [301, 302, 303, 307, 308];

async function send(
  context: ForgeContext,
  { base, token }: Api,
  url: URL,
  { method = "GET", body }: Request,
): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json", "user-agent": "kugetsu" };
  if (token !== undefined && url.origin === new URL(base).origin) {
    headers.authorization = `Bearer ${token}`;
  }
  if (body !== undefined) headers["content-type"] = "application/json";
  const limit = AbortSignal.timeout(Math.min(REQUEST_MS, context.limitMs * SHARE_OF_CALL));
  try {
    return await context.fetch(url, {
      method,
      headers,
      redirect: "manual",
      signal: AbortSignal.any([limit, context.signal]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    const late = limit.aborted || context.signal.aborted;
    const why = late ? "it did not answer in time" : reasonOf(cause);
    throw problem(`${url.host} cannot be reached: ${why}`, "unreachable");
  }
}

/** Where it leads. A change must not be sent elsewhere, and nothing goes from https to http. */
function redirected(from: URL, target: string, { method = "GET" }: Request): URL {
  const to = URL.parse(target, from);
  if (!to || !/^https?:$/.test(to.protocol)) {
    throw problem("it redirects to nowhere", "unreachable");
  }
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw problem(`${from.host} redirects to an address that is not https`, "unreachable");
  }
  if (method !== "GET" && to.origin !== from.origin) {
    throw problem(`${from.host} redirects to ${to.host}, where nothing is posted`, "unreachable");
  }
  return to;
}

/** How long to wait before asking again, in milliseconds; undefined for an answer. */
function pauseBefore({ status, headers }: Response, tries: number): number | undefined {
  if ([502, 503, 504].includes(status) && tries < MOST_TRIES) return 300 * tries;
  const after = headers.get("retry-after");
  const spent = ["x-ratelimit-remaining", "ratelimit-remaining"]
    .some((name) => headers.get(name) === "0");
  if (status !== 429 && !(status === 403 && (after !== null || spent))) return undefined;
  if (after !== null && /^\d+$/.test(after)) return Number(after) * 1000;
  const reset = headers.get("x-ratelimit-reset") ?? headers.get("ratelimit-reset");
  if (reset === null || !/^\d+$/.test(reset)) return 1000 * tries;
  return Math.max(0, Number(reset) * 1000 - Date.now()) + 500;
}

function limited(host: string, pause: number): Error {
  const when = new Date(Date.now() + pause).toISOString().slice(0, 19);
  return problem(`${host} takes no more requests until ${when}Z`, "rate-limited");
}

async function readJson(reply: Response, { host }: ForgeContext): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of reply.body ?? []) {
      size += chunk.length;
      if (size > MOST_BYTES) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw problem(`${host} broke off its answer: ${reasonOf(cause)}`, "unreachable");
  }
  if (size > MOST_BYTES) throw problem(`${host} sent more than 16 MB`);
  const text = new TextDecoder().decode(concat(chunks, size));
  try {
    return text.trim() === "" ? undefined : JSON.parse(text);
  } catch {
    if (!reply.ok) return undefined; // the status says enough
    throw problem(`${host} sent something that is not JSON: is it a page to log in on?`);
  }
}

function concat(chunks: Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/**
 * From the header Link. A forge behind a proxy or a tunnel may call itself otherwise than it was called: the page is
 * asked of where the others came from.
 */
function nextPage({ headers }: Reply, { base }: Api): string | undefined {
  const [, target] = /<([^>]+)>\s*;[^,]*rel="?next"?/.exec(headers.get("link") ?? "") ?? [];
  const url = target === undefined ? undefined : URL.parse(target, base);
  return url ? new URL(url.pathname + url.search, base).href : undefined;
}

/** The variable that the runtime reads. */
const OWN_AUTHORITY = "Deno" in globalThis ? "DENO_CERT" : "NODE_EXTRA_CA_CERTS";

function reasonOf(error: unknown): string {
  const { message, code, cause } = error as { message: string; code?: string; cause?: Error };
  const text = [cause?.message ?? message, code].filter(Boolean).join(" ");
  return /certificate|self.signed|UnknownIssuer|CERT_/i.test(text)
    ? `its certificate is not trusted; an authority of your own goes into ${OWN_AUTHORITY}`
    : text;
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(
        problem("the time for this was over while waiting for its rate limit", "rate-limited"),
      );
    }, { once: true });
  });
}
