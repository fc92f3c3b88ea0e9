/** The lines that `opencode run --format json` prints, as far as we use them. Source: opencode 1.18. */
import * as v from "valibot";
import type { TurnEvent } from "./mod.ts";

const tokens = v.looseObject({ input: v.optional(v.number()), output: v.optional(v.number()) });

const event = v.variant("type", [
  v.looseObject({ type: v.literal("step_start"), sessionID: v.string() }),
  v.looseObject({
    type: v.literal("text"),
    sessionID: v.string(),
    part: v.looseObject({ text: v.string() }),
  }),
  v.looseObject({ type: v.literal("reasoning"), sessionID: v.string() }),
  v.looseObject({
    type: v.literal("tool_use"),
    sessionID: v.string(),
    part: v.looseObject({
      tool: v.string(),
      state: v.looseObject({
        status: v.string(),
        title: v.optional(v.string()),
        error: v.optional(v.string()),
        input: v.optional(v.record(v.string(), v.unknown())),
      }),
    }),
  }),
  v.looseObject({
    type: v.literal("step_finish"),
    sessionID: v.string(),
    part: v.looseObject({ reason: v.string(), tokens: v.optional(tokens) }),
  }),
  v.looseObject({
    type: v.literal("error"),
    sessionID: v.string(),
    error: v.looseObject({
      name: v.string(),
      data: v.optional(
        v.looseObject({
          message: v.optional(v.string()),
          statusCode: v.optional(v.number()),
        }),
      ),
    }),
  }),
]);

export type OpencodeEvent = v.InferOutput<typeof event>;

/** The event in a line; undefined for a line that is none, or of a kind that we do not use. */
export function parseEvent(line: string): OpencodeEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return parseEventObject(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** The same for a value that was read already. */
export function parseEventObject(value: unknown): OpencodeEvent | undefined {
  const result = v.safeParse(event, value);
  return result.success ? result.output : undefined;
}

/** What opencode tells on standard error: remarks in words, and its log, which is asked for with --print-logs. */
export type Remark =
  | { kind: "permission"; permission: string; patterns: string }
  | { kind: "agent-unknown"; agent: string }
  /** A session was made: in a fork, the first is the fork itself, seconds before the first event. */
  | { kind: "created"; session: string; directory: string }
  /** Something went wrong that opencode may try again. */
  | { kind: "trouble"; text: string; log: string }
  | { kind: "log"; log: string }
  | { kind: "other"; text: string };

// deno-lint-ignore no-control-regex
const COLOURS = /\x1b\[[0-9;]*m/g;

export function parseRemark(line: string): Remark {
  const text = line.replaceAll(COLOURS, "").trim();
  const permission = /^!\s*permission requested: (\S+) \((.*)\); auto-rejecting$/.exec(text);
  if (permission) {
    return { kind: "permission", permission: permission[1]!, patterns: permission[2]! };
  }
  const agent = /^!\s*agent "(.*)" (?:not found|is a subagent)/.exec(text);
  if (agent) return { kind: "agent-unknown", agent: agent[1]! };
  return /^timestamp=\S+ level=/.test(text) ? parseLog(text) : { kind: "other", text };
}

function parseLog(log: string): Remark {
  const created =
    /^timestamp=\S+ level=\S+ (?:run=\S+ )?message=created id=(ses_\w+) .*? directory=(?:"((?:[^"\\]|\\.)*)"|(\S+))/
      .exec(
        log,
      );
  if (created) {
    const [, session, quoted, bare] = created;
    return { kind: "created", session: session!, directory: unquote(quoted) ?? bare! };
  }
  if (!/ level=ERROR /.test(log)) return { kind: "log", log };
  const error = / error(?:\.error)?="((?:[^"\\]|\\.)*)"/.exec(log)?.[1];
  return error === undefined
    ? { kind: "log", log }
    : { kind: "trouble", text: unquote(error)!, log };
}

function unquote(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return text;
  }
}

/** What the watch is told of an event, if anything. */
export function tellable(event: OpencodeEvent): TurnEvent | undefined {
  switch (event.type) {
    case "text":
      return { kind: "text", text: event.part.text };
    case "tool_use": {
      const { tool, state } = event.part;
      const failed = state.status === "error";
      return { kind: "tool", tool, title: state.title ?? "", state: failed ? "failed" : "done" };
    }
    case "step_finish":
      return { kind: "step", reason: event.part.reason };
    case "step_start":
    case "reasoning":
    case "error":
      return undefined;
  }
}
