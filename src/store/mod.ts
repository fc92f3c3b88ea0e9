/**
 * The store port: which issue has which session, and who works on it.
 *
 * Every change has compare-and-set meaning: it is made against what is stored at that moment, or refused with
 * the error named. Nobody but the holder of an issue's turn changes its record. Today the store is files
 * (file_store.ts); nothing here says so, apart from paths that help a person.
 */
import type { SessionEvent } from "../session/event.ts";
import type { IssueRef } from "../session/ref.ts";
import type { MadeSession, RunningTurn, SessionRecord, Worktree } from "../session/record.ts";
import type { Whereabouts } from "../session/state.ts";

/**
 * An issue by its ref, however the index spells it, or by the index's own key: where an older tool wrote it, that need
 * not be a ref. A key that is not in the index is read as one. @throws bad-ref where it is none
 */
export type Named = IssueRef | string;

/** A session as it is stored, with what is true of it now. */
export interface StoredSession {
  /** The issue as the index spells it. */
  key: string;
  /** Undefined when the session file cannot be read; `problem` then says why. */
  record: SessionRecord | undefined;
  problem?: string;
  /** Who runs a turn of it now, for people; undefined when nobody does. */
  holder?: string;
}

/** What a listing shows of a session. A `problem` says why its file cannot be read. */
export interface SessionRow {
  key: string;
  /** The issue's name in files. */
  name: string;
  type: string;
  session: string | null;
  created: string;
  state: string;
  problem?: string;
  /** When it came into its state, and why where that needs a word. */
  since?: string | undefined;
  reason?: string | undefined;
  directory?: string | undefined;
  /** The branch of its worktree; of a base, the one that its folder was on. */
  branch?: string | undefined;
  /** What all turns that are over have used. */
  tokens: number;
  cost: number;
  /** How the last turn ended, and of a failed one the kind of failure. */
  outcome?: string | undefined;
  failure?: string | undefined;
  /** The turn that is under way. */
  turn?: string | undefined;
}

export interface Overview {
  base: SessionRow | undefined;
  /** Those of further repositories. */
  bases: SessionRow[];
  rows: SessionRow[];
  /** Whether a turn is among them whose owner died. */
  hasCutOff?: boolean;
}

export interface Listing {
  base: MadeSession | undefined;
  sessions: StoredSession[];
  hasCutOff?: boolean;
}

/** A session file that no index entry points to. */
export interface Orphan {
  file: string;
  /** What it says it is the session of; undefined when it cannot be read. */
  ref: string | undefined;
  opencodeSession: string | undefined;
  worktree?: Worktree | undefined;
}

/** The right to work on one issue. It is lost when the process dies, and given back by release or remove. */
export interface Hold {
  readonly key: string;
  /** The issue's name in files. */
  readonly name: string;
  /** What is stored now; undefined for an issue that has nothing yet. */
  readonly record: SessionRecord | undefined;
  /** Stores the record durably; one with a session id is also put in the index. */
  save(record: SessionRecord): Promise<void>;
  /** Removes file and mapping, and gives the hold back. */
  remove(): Promise<void>;
  release(): Promise<void>;
}

/** Something that is not as it should be, and what `repair` would do or did about it. */
export interface Finding {
  kind:
    | "index-damaged"
    | "record-damaged"
    | "base-mismatch"
    | "dangling-entry"
    | "wrong-ref"
    | "orphan"
    | "cut-off-start"
    | "cut-off-adopt"
    | "interrupted-turn"
    | "leftover"
    | "one-issue"
    | "not-a-folder"
    | "unwritable";
  /** The file or issue concerned. */
  subject: string;
  what: string;
  repair: string;
  /** The turn that was cut off, whose processes may still be there. */
  cutOff?: { turn: RunningTurn; where: Whereabouts };
}

/** An event, and the place behind it: a reader that comes back with it goes on from there. */
export type StoredEvent = SessionEvent & { cursor: string };

export interface Following {
  /** The cursor of the last event that was seen; without it, all that is kept. */
  since?: string | undefined;
  /** Whether to wait for more, for ever. */
  follow: boolean;
}

const BY_HAND: Finding["kind"][] = ["orphan", "unwritable", "one-issue", "not-a-folder"];

/** What `repair` leaves to a person. */
export function isByHand({ kind }: Finding): boolean {
  return BY_HAND.includes(kind);
}

export interface Store {
  /** Where the state is, for messages. */
  readonly folder: string;
  /** Everything, in the order in which it was started. @throws index-damaged */
  list(): Promise<Listing>;
  /**
   * The same in few words, and much faster where there are thousands; of `issues` alone, if given, and then without
   * bases. Starts under way are among them. @throws index-damaged
   */
  overview(issues?: readonly Named[]): Promise<Overview>;
  /** The default base: the first that was made. */
  base(): Promise<MadeSession | undefined>;
  /** All bases, the default one first; those that cannot be read are left out. */
  bases(): Promise<MadeSession[]>;
  /** The base of a repository (`github.com/acme/widget`), be it the default one. */
  baseOf(repository: string): Promise<MadeSession | undefined>;
  /** The base in whose place one of that repository, or of none, would be put. */
  standingBase(repository: string | undefined): Promise<MadeSession | undefined>;
  /** Puts a base in its repository's place; the first becomes the default. @throws base-exists unless `replace` */
  setBase(record: MadeSession, options: { replace: boolean }): Promise<void>;
  /** Removes the mapping of the default base, or of a repository's; false when there is none. */
  removeBase(repository?: string): Promise<boolean>;
  find(issue: Named): Promise<StoredSession | undefined>;
  /** The right to begin an issue that has no session. @throws session-exists, turn-running, not-indexed */
  claim(ref: IssueRef): Promise<Hold>;
  /** The right to a session's next turn. @throws no-session, turn-running, damaged-record */
  hold(issue: Named): Promise<Hold & { readonly record: SessionRecord }>;
  /** The right to go on with a turn whose owner died, whatever there is of it. @throws turn-running, damaged-record */
  resume(issue: Named): Promise<Hold>;
  /** The name that an issue has in files, be there anything of it or not. */
  nameOf(issue: Named): Promise<string>;
  /** Session files outside the index, less those a running start is about to index. @throws index-damaged */
  orphans(): Promise<Orphan[]>;
  /** Deletes such files, but for those to be spared, and returns them. */
  deleteOrphans(spared?: readonly string[]): Promise<Orphan[]>;
  /** Looks for everything that is not as it should be; changes nothing. */
  examine(): Promise<Finding[]>;
  /** Repairs what examine finds and returns it. What cannot be read is copied aside first. */
  repair(): Promise<Finding[]>;
  /** Changes the record of a session that has no turn; one that is busy or gone is left alone. */
  amend(key: string, change: (record: SessionRecord) => SessionRecord): Promise<boolean>;
  /** What happened to every session, each change once. @throws bad-cursor, no-cursor */
  events(following: Following): AsyncIterable<StoredEvent>;
}
