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
  v.object({
    protocol: v.number(),
    version: v.string(),
    build: v.optional(v.string()),
    /** A digest for each variable that counts (platform/environment.ts). */
    environment: v.optional(v.record(v.string(), v.string())),
  }),
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

export type Reply =
  | {
    ok: true;
    result: unknown;
    /** The supervisor's version, where it is another build than whoever asks. */
    other?: string | undefined;
    /** The names of the variables that it has otherwise than whoever asks. */
    changed?: string[] | undefined;
  }
  | { ok: false; error: ErrorParts };

/** In place of the reply to a submission: it had nothing to do, and makes room for the build that asks. */
export interface MakesRoom {
  ends: true;
}
