/** The lines that `opencode run --format json` prints, as far as we use them. Source: opencode 1.18. */
import * as v from "valibot";
import type { Usage } from "../session/record.ts";
import type { TurnEvent } from "./mod.ts";

/** What cannot be read of it must not hide that the step is over. */
const amount = v.optional(v.fallback(v.number(), 0), 0);
const tokens = v.looseObject({ input: amount, output: amount, reasoning: amount });

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
    part: v.looseObject({ reason: v.string(), tokens: v.optional(tokens), cost: amount }),
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
  | { kind: "trouble"; text: string }
  /** The rest of the log, which opencode keeps in files of its own. */
  | { kind: "log" }
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
  if (!/ level=ERROR /.test(log)) return { kind: "log" };
  const error = / error(?:\.error)?="((?:[^"\\]|\\.)*)"/.exec(log)?.[1];
  return error === undefined ? { kind: "log" } : { kind: "trouble", text: unquote(error)! };
}

function unquote(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return text;
  }
}

/** Tokens and cost of a step that ended. */
export function usageOf(event: OpencodeEvent): Usage | undefined {
  if (event.type !== "step_finish" || !event.part.tokens) return undefined;
  const { cost, tokens: { input, output, reasoning } } = event.part;
  return { tokens: input + output + reasoning, cost };
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
