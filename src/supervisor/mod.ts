/**
 * The supervisor port: the one process of a state folder that owns turns, wherever they were asked for.
 *
 * A turn is handed in and accepted: from then on it will run, whatever becomes of whoever asked for it, of the
 * supervisor and of opencode. Everybody may follow it, stop it, or answer what it asks.
 */
import type { Answer, Ask, Limits, PermissionPolicy, TurnEvent } from "../runner/mod.ts";
import type { Outcome } from "../session/outcome.ts";

/** A turn as it is handed in. Its id is made by whoever asks: the same id twice is the same turn. */
export interface Submission {
  id: string;
  kind: "start" | "continue";
  /** The issue, in its canonical form. */
  ref: string;
  message: string;
  model?: string | undefined;
  agent?: string | undefined;
  permissions: PermissionPolicy;
  limits: Limits;
  /** What the turn may use; no limit without. */
  budget?: Budget | undefined;
  /** Two submissions with one key are one turn. */
  key?: string | undefined;
  /** While a turn runs: wait for its end, instead of being refused. */
  queue?: boolean | undefined;
}

export interface Budget {
  tokens?: number | undefined;
  /** In the currency that opencode counts in: US dollars. */
  cost?: number | undefined;
}

/** A turn that will run. */
export interface Accepted {
  /** The issue as the index spells it. */
  key: string;
  turn: string;
  /** How many turns run before it; 0 when it runs at once. */
  ahead: number;
  /** It was accepted before: the key or the id is known. */
  again: boolean;
}

/** One line of a transcript. `seq` counts the lines of an issue, from 1, over all its turns. */
export type Line = { seq: number; time: string; turn: string } & LineBody;

export type LineBody =
  | { kind: "accepted"; turn_kind: "start" | "continue"; message: string }
  | { kind: "begun"; directory: string }
  | { kind: "session"; session: string }
  | { kind: "ended"; outcome: Outcome; session: string | null; text: string }
  /** Lines were left out here: the disk was full, or the transcript became too long. */
  | { kind: "gap" }
  | TurnEvent;

/** A turn that is not over, as the supervisor has it. */
export interface LiveTurn {
  key: string;
  turn: string;
  state: "queued" | "running" | "blocked";
  since: string;
  /** Place in the queue, from 1; undefined for one that runs. */
  position?: number | undefined;
  /** What the agent does now, for people. */
  doing?: string | undefined;
  ask?: Ask | undefined;
  tokens: number;
  cost: number;
}

export interface SupervisorStatus {
  pid: number;
  version: string;
  started_at: string;
  /** The pid of opencode's server, where one runs. */
  server?: number | undefined;
  max_parallel: number;
  turns: LiveTurn[];
}

export interface Supervisor {
  /** @throws what keeps the turn from being accepted: session-exists, turn-running, no-base, … */
  submit(submission: Submission): Promise<Accepted>;
  /**
   * The lines of a turn, from its first to its last, or of an issue from `after` on and then without an end. Ends
   * early when `signal` is aborted.
   */
  follow(
    what: { key: string; turn?: string; after?: number },
    signal: AbortSignal,
  ): AsyncIterable<Line>;
  /** Stops the turns of these issues, or of all. Returns those that were stopped. */
  stop(keys: string[] | "all", signal: "SIGINT" | "SIGTERM"): Promise<string[]>;
  /** Answers what a turn asks. @throws nothing-asked */
  answer(key: string, answer: Answer): Promise<Ask>;
  /** Undefined when no supervisor runs; it is not started for that. */
  status(): Promise<SupervisorStatus | undefined>;
  /** Ends the supervisor; with `stopTurns` while turns run. False when none runs. @throws supervisor-busy */
  shutdown(options: { stopTurns: boolean }): Promise<boolean>;
}
