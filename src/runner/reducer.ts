/**
 * One pure reducer turns what was seen of an opencode turn into its outcome. An exit code alone is never
 * believed: opencode exits 0 after a provider's error and after a permission that it rejected by itself.
 */
import { type Outcome, stoppedBy, type StopReason } from "../session/outcome.ts";
import type { OpencodeEvent, Remark } from "./opencode_events.ts";

/** Everything that can be seen of a turn. Times and clocks are the caller's. */
export type Sight =
  | { see: "event"; event: OpencodeEvent }
  | { see: "remark"; remark: Remark }
  | { see: "spawn-failed"; why: string }
  | { see: "exit"; code: number | null; signal: string | null }
  | { see: "limit"; limit: "first-event" | "silence" | "total"; seconds: number }
  | { see: "stop"; reason: StopReason }
  /** The turn cannot go on without a human, and does not wait for one, or no longer. */
  | { see: "blocked"; detail: string }
  /** The server that ran the turn is gone; `sent` tells whether it had the message. */
  | { see: "server-gone"; sent: boolean }
  | { see: "misplaced"; directory: string };

/** What has been seen so far. */
export interface Progress {
  session?: string;
  /** The last step: begun, or ended with opencode's reason. */
  step?: { ended: false } | { ended: true; reason: string };
  text: string;
  error?: string;
  sessionMissing: boolean;
  /** opencode spoke of its database: it is locked, or being migrated by another process. */
  databaseTrouble: boolean;
  agentUnknown?: string;
  /** The session is in another folder than the one that was asked for. */
  misplaced?: string;
  /** The last thing that opencode said went wrong since the agent last said something. */
  trouble?: string;
  /**
   * The last permission that was rejected. Remarks and events come through two pipes, in either order, so no
   * event can tell that it is over.
   */
  rejected?: { permission: string; patterns: string };
  /** The first decision to stop from our side; what comes after it does not change the outcome. */
  verdict?: Outcome;
  spawnFailure?: string;
  exit?: { code: number | null; signal: string | null };
  lastWords: string;
}

export const NOTHING_SEEN: Progress = {
  text: "",
  sessionMissing: false,
  databaseTrouble: false,
  lastWords: "",
};

export function reduce(progress: Progress, sight: Sight): Progress {
  switch (sight.see) {
    case "event":
      return withEvent(
        { ...progress, session: progress.session ?? sight.event.sessionID },
        sight.event,
      );
    case "remark":
      return withRemark(progress, sight.remark);
    case "spawn-failed":
      return { ...progress, spawnFailure: sight.why };
    case "exit":
      return { ...progress, exit: { code: sight.code, signal: sight.signal } };
    case "limit":
      return { ...progress, verdict: progress.verdict ?? verdictOf(sight) };
    case "misplaced":
      return { ...progress, misplaced: sight.directory };
    case "stop":
    case "blocked":
    case "server-gone":
      return { ...progress, verdict: progress.verdict ?? verdictOf(sight) };
  }
}

function withEvent(progress: Progress, event: OpencodeEvent): Progress {
  switch (event.type) {
    case "step_start":
      // After an error that it can mend (a full context, say) opencode goes on with another step.
      return { ...progress, step: { ended: false }, error: undefined };
    case "text":
      return { ...progress, text: event.part.text, trouble: undefined };
    case "step_finish":
      return { ...progress, step: { ended: true, reason: event.part.reason } };
    case "error":
      return { ...progress, error: wordsOf(event) };
    case "reasoning":
    case "tool_use":
      return progress;
  }
}

function withRemark(progress: Progress, remark: Remark): Progress {
  switch (remark.kind) {
    case "permission":
      return { ...progress, rejected: remark };
    case "agent-unknown":
      return { ...progress, agentUnknown: remark.agent };
    case "created":
      return { ...progress, session: progress.session ?? remark.session };
    case "trouble":
      return { ...progress, trouble: remark.text };
    case "log":
      return progress;
    case "other": {
      if (remark.text === "") return progress;
      const sessionMissing = progress.sessionMissing || /\bSession not found\b/.test(remark.text);
      const databaseTrouble = progress.databaseTrouble || DATABASE.test(remark.text);
      return { ...progress, sessionMissing, databaseTrouble, lastWords: remark.text };
    }
  }
}

/** A locked database, and two migrations at once, both end as a query that failed. */
const DATABASE = /^Failed query:|database is (?:locked|busy)|SQLITE_BUSY/i;

/** The outcome of a turn that is over. */
export function outcomeOf(progress: Progress): Outcome {
  if (progress.verdict) return withTrouble(progress.verdict, progress.trouble);
  if (progress.spawnFailure !== undefined) {
    return failed("never-started", `opencode could not be started: ${progress.spawnFailure}`);
  }
  if (progress.agentUnknown !== undefined) {
    return failed(
      "agent-unknown",
      `opencode has no agent "${progress.agentUnknown}" to run a turn`,
    );
  }
  if (progress.misplaced !== undefined) {
    return failed("wrong-folder", `opencode has the session in ${progress.misplaced}`);
  }
  const { rejected, error } = progress;
  if (rejected && error !== undefined && REJECTION.test(error)) return blockedBy(rejected);
  if (error !== undefined) return ofError(error, progress.trouble);
  if (!progress.step) return endedBeforeAnyStep(progress);
  if (!progress.step.ended) return cutOff(progress);
  return ofLastStep(progress, progress.step.reason);
}

/** Some rejections end the turn as an error. */
const REJECTION = /rejected permission to use this specific tool call/;

function blockedBy({ permission, patterns }: { permission: string; patterns: string }): Outcome {
  return { kind: "blocked", detail: wanted(permission, patterns), pending: false };
}

/** What a turn wanted that nobody was there to allow. */
export function wanted(permission: string, patterns: string): string {
  return `it wanted the permission ${patterns ? `${permission} (${patterns})` : permission}`;
}

/** An error that only points to opencode's log is told in the words of the log. */
function ofError(error: string, trouble: string | undefined): Outcome {
  const words = /Check server logs/.test(error) && trouble !== undefined ? trouble : error;
  return failed(/ModelNotFound|Model not found/.test(words) ? "model-unknown" : "provider", words);
}

/** What went wrong last is why it was silent, more often than not. */
function withTrouble(verdict: Outcome, trouble: string | undefined): Outcome {
  const late = verdict.kind === "stalled" || verdict.kind === "timeout";
  return late && trouble !== undefined ? { ...verdict, trouble } : verdict;
}

function ofLastStep(progress: Progress, reason: string): Outcome {
  if (reason === "tool-calls") {
    const { rejected } = progress;
    if (!rejected || progress.exit?.signal) return cutOff(progress);
    return blockedBy(rejected);
  }
  if (reason === "length") {
    return failed("output-limit", "the answer was cut off at the model's output limit");
  }
  if (reason === "content-filter" || reason === "error") {
    return failed("provider", `the model ended the answer: ${reason}`);
  }
  return { kind: "done" };
}

function endedBeforeAnyStep(progress: Progress): Outcome {
  if (progress.sessionMissing) return failed("session-gone", "opencode no longer has the session");
  if (progress.databaseTrouble) {
    return failed("database-locked", "opencode's database was locked or being migrated");
  }
  if (progress.exit?.signal) return killed(progress.exit.signal);
  const words = progress.lastWords || `it printed nothing and exited with ${progress.exit?.code}`;
  return failed("opencode", `opencode ended early: ${words}`);
}

function cutOff(progress: Progress): Outcome {
  if (progress.exit?.signal) return killed(progress.exit.signal);
  return failed("unfinished", "opencode ended in the middle of its work");
}

function killed(signal: string): Outcome {
  return failed("killed", `opencode was ended by ${signal}`);
}

type Deciding = Extract<Sight, { see: "limit" | "stop" | "blocked" | "server-gone" }>;

function verdictOf(sight: Deciding): Outcome {
  switch (sight.see) {
    case "limit":
      return sight.limit === "total"
        ? { kind: "timeout", seconds: sight.seconds }
        : { kind: "stalled", limit: sight.limit, seconds: sight.seconds };
    case "stop":
      return stoppedBy(sight.reason);
    case "blocked":
      return { kind: "blocked", detail: sight.detail, pending: false };
    case "server-gone":
      return sight.sent
        ? failed("killed", "opencode's server ended in the middle of the turn")
        : failed(
          "never-started",
          "opencode's server ended before it was known to have the message",
        );
  }
}

function wordsOf(event: Extract<OpencodeEvent, { type: "error" }>): string {
  const { name, data } = event.error;
  const status = data?.statusCode === undefined ? "" : ` (status ${data.statusCode})`;
  return `${data?.message ?? name}${status}`;
}

function failed(
  reason: Extract<Outcome, { kind: "failed" }>["reason"],
  detail: string,
): Outcome {
  return { kind: "failed", reason, detail };
}
