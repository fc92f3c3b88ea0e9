/** What is kept of a session: the shape of `sessions/*.json`. Times are ISO 8601 with an offset. */

/**
 * `queued`: it waits for a place. `blocked` with a turn: that waits for an answer. States of other versions are kept
 * as they are.
 */
export const SESSION_STATES = [
  "starting",
  "queued",
  "running",
  "idle",
  "failed",
  "blocked",
  "stopped",
] as const;

export type SessionState = (typeof SESSION_STATES)[number];

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in the kernel's own unit; compared, never computed with. */
  started: string;
  /** Which boot of the machine. */
  boot: string;
}

/** A turn under way, written before anything is done for it. */
export interface RunningTurn {
  id: string;
  kind: "start" | "continue";
  started_at: string;
  /** Whoever runs the turn and holds its lock. */
  owner: ProcessIdentity;
  /** Which runner it runs on; those of earlier versions ran on `run`. */
  runner?: RunnerKind | undefined;
  /** The opencode process, once there is one of the turn's own. */
  opencode?: ProcessIdentity | undefined;
  /** What the message is called in opencode, written before it is sent: so one can look whether it arrived. */
  message_id?: string | undefined;
}

/** What turns have used, as opencode counts it; `cost` in US dollars. */
export interface Usage {
  tokens: number;
  cost: number;
}

/** `server`: one opencode for many turns. `run`: an opencode for each. */
export type RunnerKind = "server" | "run";

/** How the last turn ended. */
export interface LastTurn {
  id: string;
  outcome: "done" | "failed" | "blocked" | "stalled" | "timeout" | "cancelled";
  /** Of a failed one: what kind of failure it was, for programs. */
  failure?: string | undefined;
  started_at: string;
  ended_at: string;
}

/** A working tree of an issue's own, as it was made. */
export interface Worktree {
  /** Its folder, inside the state folder. */
  path: string;
  branch: string;
  /** The commit that it began at. */
  from: string;
  /** The folder of the clone that it belongs to. */
  repository: string;
}

/** A session file. The first five fields are those of the tool before this one; the rest was added. */
export interface SessionRecord {
  type: "base" | "forked";
  issue_ref: string | null;
  /** Null until opencode has told the id. */
  opencode_session_id: string | null;
  created_at: string;
  state: SessionState | (string & Record<never, never>);
  /** Why the state is failed, blocked or stopped, for people. */
  reason?: string | undefined;
  updated_at?: string | undefined;
  /** The folder that turns run in. */
  directory?: string | undefined;
  /** Where the session came from: an adopted one is not ours to delete. */
  origin?: "created" | "adopted" | "forked" | undefined;
  opencode_version?: string | undefined;
  /** The commit of `directory` when the session was made. */
  commit?: string | undefined;
  /** Of a base: the branch that `directory` was on, and the repository that it is a clone of. */
  branch?: string | undefined;
  repository?: string | undefined;
  /** Where an issue has a working tree of its own. */
  worktree?: Worktree | undefined;
  turn?: RunningTurn | undefined;
  last_turn?: LastTurn | undefined;
  /** Of all turns that are over, without what the base brought along. */
  used?: Usage | undefined;
}

/** A session that was made, with the id that opencode gave it. */
export type MadeSession = SessionRecord & { opencode_session_id: string };

/** The local time with its offset, `2026-03-29T18:16:10+02:00`. */
export function timestamp(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}
