/**
 * The runner port: one turn of an agent session, from the prompt to a true outcome; and the agent's sessions
 * themselves. Implementations: opencode_run.ts and opencode_sessions.ts, which drive the opencode executable.
 */
import type { Outcome, StopReason } from "../session/outcome.ts";
import type { ProcessIdentity } from "../session/record.ts";
import type { Whereabouts } from "../session/state.ts";

/**
 * What becomes of things that opencode would ask a human about. `deny`: they are denied and the turn goes on.
 * `allow`: they are allowed. `wait`: the turn is `blocked` until somebody answers, or ends so where nobody can.
 */
export type PermissionPolicy = "deny" | "allow" | "wait";

/** How long a turn may take, in seconds. None of them counts while it waits for an answer. */
export interface Limits {
  /** Until opencode gives its first sign of life. */
  firstEvent: number;
  /** Between two signs of life. */
  silence: number;
  /** In all. */
  total: number;
  /** How long a question to a human may stay open; for ever without. */
  answer?: number | undefined;
}

export interface TurnRequest {
  /** Names the turn in the record, and marks the processes that it starts. */
  id: string;
  /** `fork` makes a new session from `session`; `continue` goes on with it. */
  kind: "fork" | "continue";
  session: string;
  /** The folder that the turn runs in. A runner that cannot move a session has to be given the session's own. */
  directory: string;
  /** What the session is called in opencode; it keeps its name without. */
  title?: string | undefined;
  message: string;
  /** What opencode is to call the message; without, and where others have spoken since, the runner decides and tells. */
  messageId?: string | undefined;
  /** Whether an earlier attempt at this very turn may have sent it: what arrived is not sent again. */
  isAgain?: boolean | undefined;
  model?: string | undefined;
  agent?: string | undefined;
  permissions: PermissionPolicy;
  limits: Limits;
  /** Whether what an opencode of its own logs is told, too. */
  debug?: boolean | undefined;
}

/** What a turn tells while it runs, in order. */
export type TurnEvent =
  | { kind: "text"; text: string }
  | { kind: "tool"; tool: string; title: string; state: "running" | "done" | "failed" }
  | { kind: "step"; reason: string }
  /** What a step used. */
  | { kind: "usage"; tokens: number; cost: number }
  /** A permission that was wanted and denied. */
  | { kind: "permission"; permission: string; patterns: string }
  /** The turn waits for an answer. */
  | { kind: "asks"; ask: Ask }
  | { kind: "answered"; id: string; answer?: Answer | undefined }
  /** Something went wrong that may be tried again. */
  | { kind: "trouble"; text: string }
  /** The turn was stopped, and these processes of it would not end. */
  | { kind: "left"; pids: number[] }
  | { kind: "notice"; text: string };

/** Something that a human has to decide or say before a turn goes on. */
export interface Ask {
  id: string;
  kind: "permission" | "question";
  /** For people: `bash (rm -r build)`, or the question. */
  what: string;
  /** What a question offers; its answer may be something else. */
  options: string[];
}

export type Answer =
  | { kind: "allow"; always: boolean }
  | { kind: "deny" }
  | { kind: "text"; text: string };

export type { StopReason };

/** Called while a turn runs. A promise that rejects stops the turn, and the turn rejects with it. */
export interface TurnWatch {
  /** opencode runs; nothing has been sent to it yet. The process is told where the turn has one of its own. */
  started(opencode: ProcessIdentity | undefined): Promise<void> | void;
  /**
   * opencode told which session this is, before anything else; and what the message is about to be called there, if that
   * is known. Told once more where it is to be called otherwise.
   */
  named(session: string, messageId?: string): Promise<void> | void;
  event(event: TurnEvent): void;
  /** opencode was heard: it waits for nothing but what it has said that it asks. */
  heard?(): void;
}

export interface TurnResult {
  outcome: Outcome;
  /** The session's id, if opencode told it. */
  session: string | undefined;
  /** What the agent said last. */
  text: string;
}

/** What is known of a turn whose owner died. */
export interface Leftovers extends Whereabouts {
  id: string;
  opencode?: ProcessIdentity | undefined;
}

export interface Runner {
  /** Whether a fork can be moved to another folder than its base's. */
  readonly movesForks: boolean;
  /**
   * An id for the message of a turn in a session that is there, so that one can look later whether it arrived; undefined
   * where opencode gives it its own.
   */
  newMessageId(): string | undefined;
  /** Aborting `signal` with a StopReason stops the turn. */
  turn(request: TurnRequest, watch: TurnWatch, signal: AbortSignal): Promise<TurnResult>;
  /** Ends what is left of a turn whose owner died. Returns how many processes would not end. */
  endLeftovers(turn: Leftovers): Promise<number>;
  /** Answers what a turn asks; false when it does not wait for that, or no longer. */
  answer(turnId: string, askId: string, answer: Answer): Promise<boolean>;
}

/** A session as opencode knows it. */
export interface AgentSession {
  id: string;
  directory: string;
}

/** How a server is reached. */
export interface ServerDoor {
  url: string;
  password: string;
}

export interface AttendOptions {
  /** Somebody else has the session's turn: it is only looked at. */
  watches: boolean;
  /** How long a turn may take that is under way when the interface is left. */
  seconds: number;
  /** Such a turn is waited for. */
  waits(): void;
}

/** What was done in the interface, once no turn is under way any more. */
export type Attended =
  | { kind: "nothing" | "done" }
  | { kind: "stopped" | "failed"; why: string };

/**
 * Aborting a `signal`, with `"SIGINT"` or `"SIGTERM"` as the reason, ends what opencode was asked to do; nothing is
 * left running then. @throws stopped
 */
export interface AgentSessions {
  /** opencode's version. @throws no-opencode, opencode-too-old */
  version(): Promise<string>;
  /** The executable, for messages. @throws no-opencode */
  executable(): string;
  /**
   * Makes an empty session without asking a model. Also brings opencode's database up to date. One that is made
   * in spite of an abort is returned, so that whoever asked can remove it.
   */
  create(directory: string, title: string, signal: AbortSignal): Promise<AgentSession>;
  /** The sessions of `ids` that opencode has; one that is missing in the reply does not exist. */
  find(ids: string[], signal: AbortSignal): Promise<Map<string, AgentSession>>;
  /** Deletes sessions; one that is already gone is fine. */
  remove(ids: string[], signal: AbortSignal): Promise<void>;
  /** Opens opencode's interface on a session, on the server that its turns run on, and tells what was done there. */
  attend(
    session: AgentSession,
    door: ServerDoor,
    options: AttendOptions,
    signal: AbortSignal,
  ): Promise<Attended>;
  /** Opens opencode's own interface on a session and returns when it closes, with its exit status. */
  openInterface(session: AgentSession, signal: AbortSignal): Promise<number>;
}
