/** How a turn can end, and what each ending means for the session's state and the exit status. */
import { EXIT, type ExitStatus } from "../errors.ts";
import type { LastTurn, SessionState } from "./record.ts";

/** Why a turn failed; `transient` failures before the first event are tried once more. */
export type FailureReason =
  | "provider"
  | "session-gone"
  | "agent-unknown"
  | "model-unknown"
  | "wrong-folder"
  | "kugetsu"
  | "database-locked"
  | "never-started"
  | "killed"
  | "unfinished"
  | "output-limit"
  | "budget"
  | "opencode";

export type Outcome =
  | { kind: "done" }
  | { kind: "failed"; reason: FailureReason; detail: string }
  | { kind: "blocked"; detail: string; pending: boolean }
  | { kind: "stalled"; limit: "first-event" | "silence"; seconds: number; trouble?: string }
  | { kind: "timeout"; seconds: number; trouble?: string }
  | { kind: "cancelled"; signal: "SIGINT" | "SIGTERM" };

/** Why a turn is stopped from our side. */
export type StopReason = "SIGINT" | "SIGTERM" | { budget: string };

/** How a turn ends that is stopped. */
export function stoppedBy(reason: StopReason): Outcome {
  return typeof reason === "string"
    ? { kind: "cancelled", signal: reason }
    : { kind: "failed", reason: "budget", detail: reason.budget };
}

/** What an outcome means. One row for each kind: leaving one out does not compile. */
const MEANING: { [K in Outcome["kind"]]: { state: SessionState } } = {
  done: { state: "idle" },
  failed: { state: "failed" },
  blocked: { state: "blocked" },
  stalled: { state: "failed" },
  timeout: { state: "failed" },
  cancelled: { state: "stopped" },
};

/** The state that a session is in after such a turn. */
export function stateAfter(outcome: Outcome): SessionState {
  return MEANING[outcome.kind].state;
}

/** The exit status of a command whose turn ended so. */
export function exitStatusOf(outcome: Outcome): ExitStatus {
  switch (outcome.kind) {
    case "done":
      return EXIT.ok;
    case "failed":
      return EXIT.failed;
    case "blocked":
      return EXIT.blocked;
    case "stalled":
    case "timeout":
      return EXIT.stalled;
    case "cancelled":
      return outcome.signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
  }
}

/** One line for people: why the turn did not end well. Empty for `done`. */
export function explain(outcome: Outcome): string {
  switch (outcome.kind) {
    case "done":
      return "";
    case "failed":
      if (outcome.reason === "session-gone") return "session gone";
      if (outcome.reason === "budget") return `budget: ${outcome.detail}`;
      // opencode may put a stack below its error.
      return outcome.detail.split("\n", 1)[0]!;
    case "blocked":
      return outcome.detail;
    case "stalled": {
      const silent = outcome.limit === "first-event"
        ? `opencode gave no sign of life for ${outcome.seconds} s`
        : `opencode was silent for ${outcome.seconds} s`;
      return silent + lastError(outcome);
    }
    case "timeout":
      return `the turn took longer than ${outcome.seconds} s${lastError(outcome)}`;
    case "cancelled":
      return `stopped by ${outcome.signal}`;
  }
}

function lastError({ trouble }: { trouble?: string }): string {
  return trouble === undefined ? "" : `; its last error: ${trouble}`;
}

/** The outcome as the end of a sentence: "failed: …", "was stopped by SIGINT". */
export function inWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case "done":
      return "is done";
    case "failed":
    case "stalled":
      return `${outcome.kind}: ${explain(outcome)}`;
    case "blocked":
      return `is blocked: ${explain(outcome)}`;
    case "timeout":
      return `timed out: ${explain(outcome)}`;
    case "cancelled":
      return `was ${explain(outcome)}`;
  }
}

/** Whether trying again is safe and may help: opencode ended before it did anything. */
export function isTransient(outcome: Outcome): boolean {
  return outcome.kind === "failed" &&
    (outcome.reason === "database-locked" || outcome.reason === "never-started");
}

/** The record of an ended turn. */
export function lastTurn(
  outcome: Outcome,
  turn: { id: string; started_at: string },
  endedAt: string,
): LastTurn {
  return {
    id: turn.id,
    outcome: outcome.kind,
    ...(outcome.kind === "failed" ? { failure: outcome.reason } : {}),
    started_at: turn.started_at,
    ended_at: endedAt,
  };
}
