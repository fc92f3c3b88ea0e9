/** What clients may ask of the supervisor, checked as it comes in. */
import * as v from "valibot";
import { submissionSchema } from "./mailbox.ts";
import { PROTOCOL } from "./protocol.ts";

const signal = v.picklist(["SIGINT", "SIGTERM"]);
const answer = v.variant("kind", [
  v.object({ kind: v.literal("allow"), always: v.boolean() }),
  v.object({ kind: v.literal("deny") }),
  v.object({ kind: v.literal("text"), text: v.string() }),
]);

const request = v.intersect([
  v.object({
    protocol: v.number(),
    version: v.string(),
    build: v.optional(v.string()),
    /** A digest for each variable that counts (platform/environment.ts). */
    environment: v.optional(v.record(v.string(), v.string())),
  }),
  v.variant("ask", [
    v.object({ ask: v.literal("submit"), submission: submissionSchema() }),
    v.object({
      ask: v.literal("follow"),
      key: v.string(),
      turn: v.optional(v.string()),
      after: v.optional(v.number()),
    }),
    v.object({
      ask: v.literal("stop"),
      keys: v.union([v.literal("all"), v.array(v.string())]),
      signal,
    }),
    v.object({ ask: v.literal("answer"), key: v.string(), ask_id: v.string(), answer }),
    v.object({
      ask: v.literal("server"),
      where: v.object({ key: v.string(), directory: v.string(), agent: v.optional(v.string()) }),
      /** The address of the one that whoever asks has already, from another supervisor. */
      url: v.optional(v.string()),
    }),
    v.object({ ask: v.literal("status") }),
    v.object({
      ask: v.literal("shutdown"),
      turns: v.picklist(["refuse", "stop", "leave"]),
      again: v.optional(v.boolean()),
    }),
  ]),
]);

/** What is understood whatever the protocol: without these one version could not replace another. */
const ALWAYS = ["status", "shutdown"];

export type Request = v.InferOutput<typeof request>;

export function parseRequest(value: unknown): Request | undefined {
  const result = v.safeParse(request, value);
  if (!result.success) return undefined;
  const { output } = result;
  return output.protocol === PROTOCOL || ALWAYS.includes(output.ask) ? output : undefined;
}
