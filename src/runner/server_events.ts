/** What opencode's server tells: its event stream and its messages, as far as we use them. Source: opencode 1.18. */
import * as v from "valibot";
import { type OpencodeEvent, parseEventObject } from "./opencode_events.ts";

const errorShape = v.looseObject({
  name: v.string(),
  data: v.optional(
    v.looseObject({ message: v.optional(v.string()), statusCode: v.optional(v.number()) }),
  ),
});
const messageInfo = v.looseObject({
  id: v.string(),
  sessionID: v.string(),
  role: v.picklist(["user", "assistant"]),
  parentID: v.optional(v.string()),
  time: v.looseObject({ created: v.number(), completed: v.optional(v.number()) }),
  error: v.optional(errorShape),
  /** Where the agent works: told before the model is asked. */
  path: v.optional(v.looseObject({ cwd: v.string() })),
  /** Why the model stopped, in an answer that is whole. */
  finish: v.optional(v.string()),
});
const part = v.looseObject({
  id: v.string(),
  sessionID: v.string(),
  messageID: v.string(),
  type: v.string(),
});
const serverMessage = v.looseObject({ info: messageInfo, parts: v.array(part) });
const permissionRequest = v.looseObject({
  id: v.string(),
  sessionID: v.string(),
  permission: v.string(),
  patterns: v.array(v.string()),
});
const questionRequest = v.looseObject({
  id: v.string(),
  sessionID: v.string(),
  questions: v.array(v.looseObject({
    question: v.string(),
    options: v.optional(v.array(v.looseObject({ label: v.string() })), []),
    multiple: v.optional(v.boolean()),
  })),
});

export type MessageInfo = v.InferOutput<typeof messageInfo>;
export type Part = v.InferOutput<typeof part>;

/** Whether a message came after another one, and answers nothing that was said before it. */
export function comesAfter({ id, parentID = id }: MessageInfo, messageId: string): boolean {
  return id > messageId && parentID >= messageId;
}

/** A message with its parts, as the server lists them. */
export interface ServerMessage {
  info: MessageInfo;
  parts: Part[];
}

/** Something that opencode wants to know from a human before it goes on. */
export type Request =
  | { kind: "permission"; id: string; permission: string; patterns: string }
  | { kind: "question"; id: string; questions: { text: string; options: string[] }[] };

/**
 * One event of the stream. `placed`: where a session is, undefined of one that was deleted. `delta`: a part grows.
 * `other` says nothing of the agent.
 */
export type ServerEvent =
  & { session: string }
  & (
    | { kind: "created"; parent: string }
    | { kind: "placed"; directory: string | undefined }
    | { kind: "message"; message: MessageInfo }
    | { kind: "part"; part: Part }
    | { kind: "retry"; why: string }
    | { kind: "idle" }
    | { kind: "error"; error: v.InferOutput<typeof errorShape> }
    | { kind: "asked"; request: Request }
    | { kind: "answered"; id: string }
    | { kind: "delta" }
    | { kind: "other" }
  );

const envelope = v.looseObject({
  payload: v.looseObject({
    type: v.string(),
    properties: v.looseObject({ sessionID: v.optional(v.string()) }),
  }),
});

/** The event in the data of one server-sent event; undefined for what is of no session. */
export function parseServerEvent(data: string): ServerEvent | undefined {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return undefined;
  }
  const { success, output } = v.safeParse(envelope, json);
  if (!success) return undefined;
  const { type, properties } = output.payload;
  const session = properties.sessionID;
  if (session === undefined) return undefined;
  return { session, ...(detailsOf(type, properties) ?? { kind: "other" }) };
}

type Details = ServerEvent extends infer E ? E extends ServerEvent ? Omit<E, "session"> : never
  : never;

function detailsOf(type: string, properties: Record<string, unknown>): Details | undefined {
  switch (type) {
    case "session.updated":
    case "session.next.moved": {
      const where = properties.location ?? properties.info;
      const now = read(v.looseObject({ directory: v.string() }), where);
      return now && { kind: "placed", directory: now.directory };
    }
    case "session.deleted":
      return { kind: "placed", directory: undefined };
    case "session.created": {
      const made = read(v.looseObject({ parentID: v.string() }), properties.info);
      return made && { kind: "created", parent: made.parentID };
    }
    case "message.updated": {
      const message = read(messageInfo, properties.info);
      return message && { kind: "message", message };
    }
    case "message.part.updated": {
      const found = read(part, properties.part);
      return found && { kind: "part", part: found };
    }
    case "message.part.delta":
      return { kind: "delta" };
    case "session.status": {
      const status = read(
        v.looseObject({ type: v.literal("retry"), message: v.string() }),
        properties.status,
      );
      return status && { kind: "retry", why: status.message };
    }
    case "session.idle":
      return { kind: "idle" };
    case "session.error": {
      const error = read(errorShape, properties.error);
      return error && { kind: "error", error };
    }
    case "permission.asked":
    case "question.asked": {
      const request = requestOf(properties);
      return request && { kind: "asked", request };
    }
    case "permission.replied":
    case "question.replied":
    case "question.rejected": {
      const reply = read(v.looseObject({ requestID: v.string() }), properties);
      return reply && { kind: "answered", id: reply.requestID };
    }
  }
  return undefined;
}

/** A pending request, from an event or from the server's lists; with the session that it is of. */
export function parseRequest(value: unknown): { session: string; request: Request } | undefined {
  const session = read(v.looseObject({ sessionID: v.string() }), value)?.sessionID;
  const request = requestOf(value);
  return session !== undefined && request ? { session, request } : undefined;
}

function requestOf(value: unknown): Request | undefined {
  const permission = read(permissionRequest, value);
  if (permission) {
    const patterns = permission.patterns.join(", ");
    return { kind: "permission", id: permission.id, permission: permission.permission, patterns };
  }
  const question = read(questionRequest, value);
  return question && {
    kind: "question",
    id: question.id,
    questions: question.questions.map((it) => ({
      text: it.question,
      options: it.options.map((option) => option.label),
    })),
  };
}

/** The messages that the server lists, oldest first; what is no message is left out. */
export function parseMessages(value: unknown): ServerMessage[] {
  const listed = read(v.array(v.unknown()), value) ?? [];
  return listed.flatMap((it) => read(serverMessage, it) ?? []);
}

/**
 * What `opencode run` would have printed for a part, once the part is complete: one reducer reads both. Undefined
 * for a part that is not complete, or of a kind that we do not use.
 */
export function eventOfPart(found: Part): OpencodeEvent | undefined {
  const type = EVENT_TYPES[found.type];
  if (type === undefined || !isComplete(found)) return undefined;
  return parseEventObject({ type, sessionID: found.sessionID, part: found });
}

/** What it would have printed for a message that ended with an error. */
export function eventOfError(
  session: string,
  error: v.InferOutput<typeof errorShape>,
): OpencodeEvent {
  return { type: "error", sessionID: session, error };
}

const EVENT_TYPES: Record<string, string> = {
  text: "text",
  tool: "tool_use",
  "step-start": "step_start",
  "step-finish": "step_finish",
};

function isComplete(found: Part): boolean {
  if (found.type === "text") {
    return read(v.looseObject({ end: v.number() }), found.time) !== undefined;
  }
  if (found.type !== "tool") return true;
  return isTool(found, ["completed", "error"]);
}

/** A tool that is under way, and what it does; undefined for all other parts. */
export function runningTool(found: Part): { tool: string; title: string } | undefined {
  if (!isTool(found, ["running"])) return undefined;
  const { tool, state } = found as unknown as {
    tool: string;
    state: { title?: string; input?: Record<string, unknown> };
  };
  return { tool, title: state.title ?? titleFrom(state.input ?? {}) };
}

/** opencode titles a tool when it is done; until then, its input says what it is about. */
function titleFrom(input: Record<string, unknown>): string {
  const told = ["description", "filePath", "command", "pattern", "url", "query", "path"]
    .map((name) => input[name]).find((it) => typeof it === "string");
  return (told as string | undefined) ?? "";
}

function isTool(found: Part, states: string[]): boolean {
  const state = read(v.looseObject({ status: v.string() }), found.state);
  return found.type === "tool" && state !== undefined && states.includes(state.status);
}

function read<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T | undefined {
  const result = v.safeParse(schema, value);
  return result.success ? result.output : undefined;
}
