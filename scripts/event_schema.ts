/**
 * The JSON schema of a line of `kugetsu events`, for whoever reads them. `deno task reference` writes it to
 * docs/schemas/event.schema.json.
 */
import { EVENT_KINDS } from "../src/session/event.ts";
import { SESSION_STATES } from "../src/session/record.ts";
import { formatted, writeReference } from "./_reference.ts";

export const EVENT_SCHEMA = "docs/schemas/event.schema.json";

const TEXT = { type: "string" };
const TEXT_OR_NULL = { type: ["string", "null"] };
const STATE = { ...TEXT_OR_NULL, examples: [...SESSION_STATES] };

const PROPERTIES = {
  v: { enum: [1], description: "the version of this format" },
  cursor: { ...TEXT, description: "for --since: what came after this event" },
  time: { ...TEXT, description: "when it happened, ISO 8601 with an offset" },
  event: { enum: [...EVENT_KINDS], description: "what happened" },
  type: { enum: ["base", "forked"], description: "a base, or an issue's session" },
  issue_ref: { ...TEXT_OR_NULL, description: "the issue; null for a base" },
  from: { ...STATE, description: "the state before; null where there was no session" },
  to: { ...STATE, description: "the state after; null where there is no session any more" },
  session: { ...TEXT_OR_NULL, description: "opencode's session; null until opencode has told it" },
  turn: { ...TEXT_OR_NULL, description: "the turn under way, or the one that has just ended" },
  outcome: { ...TEXT_OR_NULL, description: "how that turn ended; null for any other event" },
  file: { ...TEXT, description: "the session's file in the state folder" },
};

/** What is there only where there is something to say. */
const OPTIONAL = {
  repository: { ...TEXT, description: "of a base: the repository that it is for" },
  reason: { ...TEXT, description: "why the state is failed, blocked or stopped, for people" },
};

export async function eventSchema(): Promise<string> {
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "a line of kugetsu events",
    description:
      "Fields may be added, never renamed or given another meaning, while v is the same.",
    type: "object",
    properties: { ...PROPERTIES, ...OPTIONAL },
    required: Object.keys(PROPERTIES),
    additionalProperties: true,
  };
  return await formatted("json", JSON.stringify(schema));
}

if (import.meta.main) await writeReference(EVENT_SCHEMA, await eventSchema());
