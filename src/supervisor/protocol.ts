/**
 * What a client and the supervisor say to each other. A request is one message; the reply is one message, and for
 * `follow` lines after it, until one says that it is the end. Errors cross over whole.
 */
import * as v from "valibot";
import type { ErrorParts } from "../errors.ts";
import { submissionSchema } from "./mailbox.ts";

/** Counts up when an older side could misunderstand a newer one. */
export const PROTOCOL = 1;

const signal = v.picklist(["SIGINT", "SIGTERM"]);
const answer = v.variant("kind", [
  v.object({ kind: v.literal("allow"), always: v.boolean() }),
  v.object({ kind: v.literal("deny") }),
  v.object({ kind: v.literal("text"), text: v.string() }),
]);

const request = v.intersect([
  v.object({ protocol: v.number(), version: v.string() }),
  v.variant("ask", [
    v.object({ ask: v.literal("submit"), submission: submissionSchema }),
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
    v.object({ ask: v.literal("answer"), key: v.string(), answer }),
    v.object({
      ask: v.literal("server"),
      where: v.object({ directory: v.string(), agent: v.optional(v.string()) }),
    }),
    v.object({ ask: v.literal("status") }),
    v.object({ ask: v.literal("shutdown"), stop_turns: v.boolean() }),
  ]),
]);

export type Request = v.InferOutput<typeof request>;

export function parseRequest(value: unknown): Request | undefined {
  const result = v.safeParse(request, value);
  return result.success ? result.output : undefined;
}

export type Reply = { ok: true; result: unknown } | { ok: false; error: ErrorParts };
