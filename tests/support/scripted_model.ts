/**
 * An OpenAI-compatible model on loopback that does what the last user message tells it to, so that
 * every outcome of a real opencode turn can be produced on demand.
 *
 * Orders are lines of the message that begin with `@`; each request of the same turn takes the next
 * one (a turn asks again after every tool call), and when they are used up the model says `done`:
 *
 * | order | what the model does |
 * |---|---|
 * | `@say TEXT` | streams TEXT and ends |
 * | `@tool NAME JSON` | calls the tool NAME with the arguments JSON |
 * | `@note TEXT @tool NAME JSON` | streams TEXT, and makes that call in the same answer |
 * | `@repeat COUNT NAME JSON` | makes that call COUNT times in one answer |
 * | `@cut TEXT` | streams TEXT and says that it reached its output limit |
 * | `@status CODE` | answers with that HTTP status |
 * | `@hang` | accepts the request and never answers |
 * | `@slow MS TEXT` | streams TEXT word by word, MS milliseconds apart |
 *
 * A message without orders is answered with its own length and digest (`bytes=… sha256=…`), which is how
 * tests see that a message arrived byte for byte. A request without tools is opencode asking for a title.
 * `GET /page` answers with a short text, for tools that fetch something from the web.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "./until.ts";

/** What became of a tool that the model called. */
export interface ToolResult {
  tool: string;
  /** What opencode told the model: the tool's output, or why it was not run. */
  text: string;
}

/** A running model. `url` ends in `/v1`; `prompts` holds the last user message of every request, in order. */
export interface ScriptedModel {
  readonly url: string;
  readonly prompts: string[];
  /** The name under which the model was asked, for each of those. */
  readonly names: string[];
  /** Of all calls so far whose result opencode has sent back, in the order in which it did. */
  readonly results: ToolResult[];
  /** Resolves once the model is asked with a message that begins so. */
  isAsked(beginning: string): Promise<void>;
  close(): Promise<void>;
}

interface ChatMessage {
  role: string;
  content: string | { type: string; text?: string }[] | null;
  tool_calls?: { id: string; function: { name: string } }[];
  tool_call_id?: string;
}

interface ChatRequest {
  model: string;
  stream?: boolean;
  tools?: unknown[];
  messages: ChatMessage[];
}

/** What the model has been told so far. */
interface Seen {
  prompts: string[];
  names: string[];
  results: Map<string, ToolResult>;
}

/** Starts the model on a free loopback port. */
export async function startScriptedModel(): Promise<ScriptedModel> {
  const seen: Seen = { prompts: [], names: [], results: new Map() };
  const server = createServer((request, response) => {
    answer(request, response, seen).catch((error) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    prompts: seen.prompts,
    names: seen.names,
    get results() {
      return [...seen.results.values()];
    },
    isAsked: (beginning) =>
      until(`the model is asked ${beginning}`, () => {
        return seen.prompts.some((prompt) => prompt.startsWith(beginning));
      }),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, seen: Seen) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.url === "/page") return void response.end("A page of the scripted model.\n");
  if (!request.url?.endsWith("/chat/completions")) return void response.writeHead(404).end();
  const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as ChatRequest;
  if (!body.tools?.length) return say(response, "A title");

  const lastUser = body.messages.findLastIndex((message) => message.role === "user");
  noteResults(body.messages.slice(lastUser), seen.results);
  const prompt = textOf(body.messages[lastUser]);
  seen.prompts.push(prompt);
  seen.names.push(body.model);
  const orders = prompt.split("\n").filter((line) => line.startsWith("@"));
  const stepsTaken = body.messages.slice(lastUser).filter((m) => m.role === "assistant").length;
  const order = orders[stepsTaken];
  if (order === undefined) return say(response, orders.length ? "done" : digestOf(prompt));

  const [verb, ...words] = order.split(" ");
  const rest = words.join(" ");
  if (verb === "@say") return say(response, rest);
  if (verb === "@status") return refuse(response, Number(rest));
  if (verb === "@hang") return;
  if (verb === "@slow") return saySlowly(response, Number(words[0]), words.slice(1));
  if (verb === "@tool") return callTool(response, 1, words[0]!, words.slice(1).join(" "));
  if (verb === "@repeat") {
    return callTool(response, Number(words[0]), words[1]!, words.slice(2).join(" "));
  }
  const note = /^@note (.*) @tool (\S+) (.*)$/.exec(order);
  if (note) return callTool(response, 1, note[2]!, note[3]!, note[1]);
  if (verb === "@cut") return say(response, rest, "length");
  throw new Error(`The scripted model does not know the order "${order}"`);
}

/** Each request repeats what the turn has done so far, so a result is known by the id of its call. */
function noteResults(messages: ChatMessage[], results: Map<string, ToolResult>): void {
  const tools = new Map(
    messages.flatMap((it) => it.tool_calls ?? []).map((call) => [call.id, call.function.name]),
  );
  for (const message of messages) {
    const id = message.role === "tool" ? message.tool_call_id : undefined;
    if (id) results.set(id, { tool: tools.get(id) ?? "?", text: textOf(message) });
  }
}

function textOf(message: ChatMessage | undefined): string {
  const content = message?.content ?? "";
  if (typeof content === "string") return content;
  return content.map((part) => part.text ?? "").join("");
}

/** What it answers to a message without orders. */
export function digestOf(text: string): string {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return `bytes=${Buffer.byteLength(text)} sha256=${sha256}`;
}

function refuse(response: ServerResponse, status: number) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message: `scripted ${status}`, type: "scripted" } }));
}

function say(response: ServerResponse, text: string, reason = "stop") {
  open(response);
  delta(response, { role: "assistant", content: text });
  finish(response, reason);
}

async function saySlowly(response: ServerResponse, pause: number, words: string[]) {
  open(response);
  for (const word of words) {
    delta(response, { role: "assistant", content: `${word} ` });
    await new Promise((later) => setTimeout(later, pause));
    if (response.destroyed) return;
  }
  finish(response, "stop");
}

function callTool(
  response: ServerResponse,
  count: number,
  name: string,
  json: string,
  note?: string,
) {
  open(response);
  if (note) delta(response, { role: "assistant", content: note });
  const calls = Array.from({ length: count }, (_, index) => ({
    index,
    id: `call_${crypto.randomUUID()}`,
    type: "function",
    function: { name, arguments: json },
  }));
  delta(response, { role: "assistant", tool_calls: calls });
  finish(response, "tool_calls");
}

function open(response: ServerResponse) {
  response.writeHead(200, { "content-type": "text/event-stream" });
}

function delta(response: ServerResponse, fields: Record<string, unknown>) {
  write(response, { choices: [{ index: 0, delta: fields, finish_reason: null }] });
}

function finish(response: ServerResponse, reason: string) {
  write(response, {
    choices: [{ index: 0, delta: {}, finish_reason: reason }],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  });
  response.end("data: [DONE]\n\n");
}

function write(response: ServerResponse, fields: Record<string, unknown>) {
  const chunk = { id: "scripted", object: "chat.completion.chunk", created: 0, model: "scripted" };
  response.write(`data: ${JSON.stringify({ ...chunk, ...fields })}\n\n`);
}
