/**
 * What is seen of one turn on opencode's server: the messages and parts that its stream of events tells, or that are found
 * stored, in either order and more than once. They are turned into what `opencode run` would have printed, for the one
 * reducer, and shown once each.
 */
import { realpathSync } from "node:fs";
import type { TurnEvent } from "./mod.ts";
import { tellable, usageOf } from "./opencode_events.ts";
import { NOTHING_SEEN, type Progress, reduce, type Sight } from "./reducer.ts";
import {
  comesAfter,
  eventOfError,
  eventOfPart,
  type MessageInfo,
  type Part,
  runningTool,
  type ServerEvent,
} from "./server_events.ts";

export interface SightsOptions {
  /** Where the turn's agent has to work. */
  directory: string;
  show(event: TurnEvent): void;
  /** The agent works somewhere else: the session was moved. */
  strays(directory: string): void;
}

export class Sights {
  readonly #options: SightsOptions;
  /** What was shown, by name. */
  readonly #told = new Set<string>();
  /** The answers to the turn's message. */
  readonly #answers = new Set<string>();
  #progress: Progress = NOTHING_SEEN;
  #after: string | undefined;

  constructor(options: SightsOptions) {
    this.#options = options;
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Whether opencode has begun an answer. */
  get hasAnswer(): boolean {
    return this.#answers.size > 0;
  }

  see(sight: Sight): void {
    this.#progress = reduce(this.#progress, sight);
  }

  /** Only what comes after this message belongs to the turn; ids of messages are in order. */
  begin(messageId: string): void {
    this.#after = messageId;
  }

  message(info: MessageInfo): void {
    if (info.role !== "assistant" || this.#after === undefined) return;
    if (!comesAfter(info, this.#after)) return;
    this.#answers.add(info.id);
    const cwd = info.path?.cwd;
    if (cwd !== undefined && !isSame(cwd, this.#options.directory)) {
      return this.#options.strays(cwd);
    }
    if (info.error && this.#isNew(`error ${info.id}`)) this.error(info.sessionID, info.error);
  }

  error(session: string, error: NonNullable<MessageInfo["error"]>): void {
    // Whoever ended the turn knows better why.
    if (error.name === "MessageAbortedError") return;
    this.see({ see: "event", event: eventOfError(session, error) });
  }

  /** One that is not the session's `own` is of a sub-session. */
  part(part: Part, own: boolean): void {
    if (own && !this.#answers.has(part.messageID)) return;
    const running = runningTool(part);
    if (running) {
      if (this.#isNew(`running ${part.id} ${running.title}`)) {
        this.#options.show({ kind: "tool", ...running, state: "running" });
      }
      return;
    }
    const event = eventOfPart(part);
    if (!event || !this.#isNew(part.id)) return;
    const usage = usageOf(event);
    if (usage) this.#options.show({ kind: "usage", ...usage });
    // What a sub-session says is for its parent; what it does is shown.
    if (!own && event.type !== "tool_use") return;
    if (own) this.see({ see: "event", event });
    const told = tellable(event);
    if (told) this.#options.show(told);
  }

  trouble(text: string): void {
    this.see({ see: "remark", remark: { kind: "trouble", text } });
    this.#options.show({ kind: "trouble", text });
  }

  /** What an agent says or does; that opencode tries again, or has taken the message in, is none. */
  isSignOfLife(event: ServerEvent, own: boolean): boolean {
    if (event.kind === "part") return !own || this.#answers.has(event.part.messageID);
    return event.kind === "delta";
  }

  #isNew(name: string): boolean {
    if (this.#told.has(name)) return false;
    this.#told.add(name);
    return true;
  }
}

/** A folder may be spelled by way of a symbolic link. */
function isSame(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}
