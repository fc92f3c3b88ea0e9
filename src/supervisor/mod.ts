/**
 * The supervisor port: the one process of a state folder that owns turns, wherever they were asked for.
 *
 * A turn is handed in and accepted: from then on it will run, whatever becomes of whoever asked for it, of the
 * supervisor and of opencode. Everybody may follow it, stop it, or answer what it asks.
 */
import type { Issue } from "../api/mod.ts";
import type { ErrorParts } from "../errors.ts";
import type {
  Answer,
  Ask,
  Limits,
  PermissionPolicy,
  ServerDoor,
  TurnEvent,
} from "../runner/mod.ts";
import type { Outcome } from "../session/outcome.ts";
import type { RunnerKind, Usage } from "../session/record.ts";

/** A turn as it is handed in. Its id is made by whoever asks: the same id twice is the same turn. */
export interface Submission {
  id: string;
  kind: "start" | "continue";
  /** The issue, in its canonical form. */
  ref: string;
  /**
   * When it was asked for, in UTC: what is said on the issue later is new. What the local time is takes a new process
   * longer to find out than to hand in a turn.
   */
  started_at: string;
  message: string;
  /** The issue as the forge had it, where it was read: for hooks. */
  issue?: Issue | undefined;
  model?: string | undefined;
  agent?: string | undefined;
  permissions: PermissionPolicy;
  limits: Limits;
  runner: RunnerKind;
  /** Which base a start forks; that of the ref's repository without. */
  base?: "default" | undefined;
  /** Where a start works, and how a worktree is got ready. */
  place: PlaceChoice;
  /** What the turn may use; no limit without. */
  budget?: Budget | undefined;
  /**
   * How many turns may run at once, as of now; what the host allows without. With `given` the cap for the host is from
   * the command line, and holds until another one is given there.
   */
  caps?: Partial<Caps> & { given?: boolean | undefined } | undefined;
  /** Two submissions of one kind with one key are one turn. */
  key?: string | undefined;
  /** Whether whoever asks wants to hear what is done for the turn. */
  debug?: boolean | undefined;
  /** While a turn runs: wait for its end, instead of being refused. */
  queue?: boolean | undefined;
}

export interface PlaceChoice {
  mode: "shared" | "own";
  /** Whether a worktree was asked for by a flag, so that there is no other way. */
  demanded: boolean;
  /** The revision to begin at. */
  from?: string | undefined;
  copy: readonly string[];
  setup?: string | undefined;
  setupSeconds: number;
}

export interface Caps {
  /** Turns that run at once on this host. */
  host: number | undefined;
  /** Turns that run at once in one repository. */
  repository: number | undefined;
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
  /** How many turns have to end before it begins; 0 when it runs at once. */
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
  | { kind: "ended" } & TurnEnd
  /** What the user should know, as a command would say it on standard error. */
  | { kind: "said"; level: Said; text: string }
  /** Lines were left out here: the disk was full, or the transcript became too long. */
  | { kind: "gap" }
  | TurnEvent;

/** `debug` is only said of a turn whose submission asks for it. */
export type Said = "note" | "warning" | "debug";

/** How a turn ended. What is no matter of the agent's has an error of its own. */
export interface TurnEnd {
  outcome: Outcome;
  session: string | null;
  text: string;
  error?: ErrorParts;
}

/** A turn that is not over, as the supervisor has it. */
export interface LiveTurn {
  key: string;
  turn: string;
  state: "queued" | "running" | "blocked";
  since: string;
  /** Place in the queue, from 1; undefined for one that runs. */
  position?: number | undefined;
  /** How many further messages of the issue wait for the end of this turn; left out for none. */
  behind?: number | undefined;
  /** What the agent does now, for people. */
  doing?: string | undefined;
  ask?: Ask | undefined;
  tokens: number;
  cost: number;
}

export interface Stopped {
  key: string;
  /** Processes that would not end. */
  left: number[];
  /** How many messages waited for its end, which do not run; an older supervisor does not tell. */
  dropped?: number;
}

export interface SupervisorStatus {
  pid: number;
  version: string;
  started_at: string;
  /** The pid of opencode's server, where one runs. */
  server?: number | undefined;
  max_parallel: number;
  turns: LiveTurn[];
  /** The issues on which somebody has opencode's own interface open; an older one does not tell. */
  attached?: string[];
}

/** What is kept of an issue's turns. */
export interface Kept {
  /** The issue as the index spells it. */
  key: string;
  /** The turns that were accepted and are not over, in order. */
  accepted: Submission[];
  /** The last one that is over, when, and the error that it ended with, if it did. */
  last?: Submission | undefined;
  over_at?: string | undefined;
  failure?: ErrorParts | undefined;
}

export interface Borrowed {
  /** The issue, as the index spells it. */
  key: string;
  directory: string;
  agent?: string | undefined;
}

export interface LentServer extends ServerDoor {
  giveBack(): void;
}

export interface Supervisor {
  /** @throws what keeps the turn from being accepted: session-exists, turn-running, no-base, … */
  submit(submission: Submission): Promise<Accepted>;
  /**
   * The lines of a turn, from its first to its last, or of an issue from `after` on and then without an end; for
   * the latter no supervisor is started. Ends early when `signal` is aborted.
   */
  follow(
    what: { key: string; turn?: string; after?: number },
    signal: AbortSignal,
  ): AsyncIterable<Line>;
  /** Stops the turns of these issues, or of all. Returns those that were stopped. */
  stop(keys: string[] | "all", signal: "SIGINT" | "SIGTERM"): Promise<Stopped[]>;
  /** Answers what a turn asks: that very thing, and nothing that it asks by now. @throws nothing-asked, wrong-answer */
  answer(key: string, askId: string, answer: Answer): Promise<Ask>;
  /**
   * Starts a supervisor if an earlier one has left turns that it had accepted. True if that was so: what is stored is
   * true again only from then on.
   */
  wake(): Promise<boolean>;
  /**
   * opencode's server for an issue's folder, for whoever uses it by hand; started if need be. Neither it nor the
   * supervisor ends while it is lent.
   */
  server(where: Borrowed): Promise<LentServer>;
  /** Undefined when no supervisor runs; it is not started for that. */
  status(): Promise<SupervisorStatus | undefined>;
  /** The one that runs; started if none does. */
  start(): Promise<SupervisorStatus>;
  /**
   * Ends the supervisor, and what one that was killed has left behind. False when there was neither.
   *
   * @throws supervisor-busy where `turns` does not say what is to become of those that are not over
   */
  shutdown(options: Shutdown): Promise<boolean>;
}

export interface Shutdown {
  /**
   * Of turns that are not over: refuse to end, stop them, or leave them to the next supervisor. Whoever is attached
   * is cut off by `stop` alone.
   */
  turns: "refuse" | "stop" | "leave";
  /** Another one is to follow. */
  again?: boolean | undefined;
}

/** What is kept of an issue's turns beside its session: what was said and done, and what was asked for. */
export interface Trace {
  /** The issue's name in files. */
  name: string;
  /** The issue as the index spells it, where that is known. */
  key: string | undefined;
  /** When it last changed, in milliseconds. */
  changed: number;
  /** Whether a turn was accepted that is not over, or may have been: `why` says what cannot be read. */
  isOpen: boolean;
  why?: string;
  /** Whether that is because it is damaged, so that nobody will ever read it. */
  isDamaged?: boolean;
}

/** Files, for which no supervisor is needed. */
export interface Traces {
  issues(): Trace[];
  /** The lines that are kept of an issue, or those of them behind a number. */
  transcript(key: string, after?: number): Promise<Line[]>;
  kept(key: string): Promise<Kept | undefined>;
  /** Issues whose last turn failed before there was a session, given the names in files of those that have one. */
  failedStarts(names: readonly string[]): Kept[];
  /** Whether a turn was accepted and is not over. What is damaged says nothing. @throws unreadable */
  hasAccepted(): boolean;
  /** Puts aside, under another name, what is damaged. @throws unwritable */
  setAside(name: string): void;
  /** To be called with the issue's turn lock; fine where there is none. @throws unwritable */
  remove(name: string): void;
  /** What setups, servers and supervisors have printed. */
  logs(): { path: string; changed: number }[];
  removeLog(path: string): void;
}

/** What a job is given to work with. */
export interface JobHost {
  /** Aborted, with a StopReason, when the turn is to end. */
  readonly signal: AbortSignal;
  /**
   * Nothing can refuse the turn any more, its record is saved, and its lock held: it is accepted. Resolves when the
   * turn has its place, or when it is to end.
   */
  admit(issue: { key: string; name: string }): Promise<void>;
  /** The turn begins, in this folder. */
  begun(directory: string): void;
  named(session: string): void;
  event(event: TurnEvent): void;
  /** opencode was heard: it waits for nothing but what it has said that it asks. */
  heard(): void;
  /** What the turn has used so far. */
  used(): Usage;
  /** Kept until the turn is accepted. */
  say(level: Said, text: string): void;
  /** The turn is over, its record saved, and its lock given back. */
  ended(end: TurnEnd): void;
}

/** A turn from beginning to end. Throws what refuses it; after `admit`, only what nobody expects. */
export type Job = (submission: Submission, host: JobHost, recovered: boolean) => Promise<void>;
