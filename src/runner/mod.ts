/**
 * The runner port: one turn of an agent session, from the prompt to a true outcome; and the agent's sessions
 * themselves. Implementations: opencode_run.ts and opencode_sessions.ts, which drive the opencode executable.
 */
import type { Outcome } from "../session/outcome.ts";
import type { ProcessIdentity } from "../session/record.ts";

/**
 * What becomes of things that opencode would ask a human about. `deny`: they are denied and the turn goes on.
 * `allow`: they are allowed. `wait`: the turn ends as `blocked`.
 */
export type PermissionPolicy = "deny" | "allow" | "wait";

/** How long a turn may take, in seconds. */
export interface Limits {
  /** Until opencode gives its first sign of life. */
  firstEvent: number;
  /** Between two signs of life. */
  silence: number;
  /** In all. */
  total: number;
}

export interface TurnRequest {
  /** Names the turn in the record, and marks the processes that it starts. */
  id: string;
  /** `fork` makes a new session from `session`; `continue` goes on with it. */
  kind: "fork" | "continue";
  session: string;
  /** The folder that the turn runs in: the one that `session` belongs to. */
  directory: string;
  message: string;
  model?: string | undefined;
  agent?: string | undefined;
  permissions: PermissionPolicy;
  limits: Limits;
}

/** What a turn tells while it runs, in order. */
export type TurnEvent =
  | { kind: "text"; text: string }
  | { kind: "tool"; tool: string; title: string; failed: boolean }
  | { kind: "step"; reason: string }
  | { kind: "permission"; permission: string; patterns: string }
  /** Something went wrong that may be tried again. */
  | { kind: "trouble"; text: string }
  | { kind: "notice"; text: string };

/** Called while a turn runs. A promise that rejects stops the turn, and the turn rejects with it. */
export interface TurnWatch {
  /** opencode runs; nothing has been sent to it yet. */
  started(opencode: ProcessIdentity | undefined): Promise<void> | void;
  /** opencode told which session this is, before anything else. */
  named(session: string): Promise<void> | void;
  event(event: TurnEvent): void;
}

export interface TurnResult {
  outcome: Outcome;
  /** The session's id, if opencode told it. */
  session: string | undefined;
  /** What the agent said last. */
  text: string;
}

export interface Runner {
  /** Whether a fork can be moved to another folder than its base's. */
  readonly movesForks: boolean;
  /** Aborting `signal` with `"SIGINT"` or `"SIGTERM"` as the reason cancels the turn. */
  turn(request: TurnRequest, watch: TurnWatch, signal: AbortSignal): Promise<TurnResult>;
  /** Ends what is left of a turn whose owner died. Returns how many processes would not end. */
  endLeftovers(turn: { id: string; opencode?: ProcessIdentity | undefined }): Promise<number>;
}

/** A session as opencode knows it. */
export interface AgentSession {
  id: string;
  directory: string;
}

export interface AgentSessions {
  /** opencode's version. @throws no-opencode, opencode-too-old */
  version(): Promise<string>;
  /** The executable, for messages. @throws no-opencode */
  executable(): string;
  /** Makes an empty session without asking a model. Also brings opencode's database up to date. */
  create(directory: string, title: string): Promise<AgentSession>;
  /** The sessions of `ids` that opencode has; one that is missing in the reply does not exist. */
  find(ids: string[], directory: string): Promise<Map<string, AgentSession>>;
  /** Deletes sessions; one that is already gone is fine. */
  remove(ids: string[], directory: string): Promise<void>;
  /** Opens opencode's own interface on a session and returns when it closes, with its exit status. */
  openInterface(session: AgentSession): Promise<number>;
}
