/**
 * What a command works with: ports only, each made when it is first asked for, so that `list` never looks for
 * opencode. The command line wires them (cli/wire.ts); tests hand in others.
 */
import type { Config } from "../config/mod.ts";
import type { Installation, Service } from "../installation/mod.ts";
import type { Plugins, Shelf } from "../plugins/mod.ts";
import type { AgentSessions, Runner } from "../runner/mod.ts";
import type { ProcessIdentity, RunnerKind } from "../session/record.ts";
import type { Store } from "../store/mod.ts";
import type { Supervisor, Traces } from "../supervisor/mod.ts";
import type { Workspace } from "../workspace/mod.ts";
import type { Output } from "./output.ts";

export interface Context {
  readonly output: Output;
  readonly cwd: string;
  readonly store: () => Promise<Store>;
  /** What the index calls its issues; nothing where it cannot be read. */
  readonly issueKeys: () => Promise<string[]>;
  readonly runner: (kind: RunnerKind) => Promise<Runner>;
  /** The process that owns turns; it is started when something is handed to it. */
  readonly supervisor: () => Promise<Supervisor>;
  /** What turns have left beside their sessions. */
  readonly traces: () => Promise<Traces>;
  readonly sessions: () => Promise<AgentSessions>;
  readonly config: () => Promise<Config>;
  readonly workspace: () => Promise<Workspace>;
  readonly plugins: () => Promise<Plugins>;
  /** Whether anybody has ever added a plugin: without one there is no hook, and no need to load what runs them. */
  readonly hasPlugins: () => boolean;
  readonly shelf: () => Promise<Shelf>;
  readonly installation: () => Promise<Installation>;
  readonly service: () => Promise<Service>;
  /** This process, as the owner of the turns that it runs. */
  readonly owner: () => Promise<ProcessIdentity>;
  /** How a command of ours is called from the terminal of another machine. */
  readonly overSsh: (words: string) => string;
  /** All of standard input. */
  readonly readInput: () => Promise<string>;
  /** Whether all arguments of this process were text in UTF-8: what was none has been replaced. */
  readonly argumentsAreText: () => Promise<boolean>;
  /** The absolute path of a file or folder that the user named. */
  readonly pathOf: (path: string) => string;
  /** The text of a file that the user named. @throws unreadable */
  readonly readFile: (path: string) => Promise<string>;
  /** Runs work that SIGINT and SIGTERM stop, by the signal's name as the reason; `quiet` for what only looks. */
  readonly untilStopped: <T>(
    work: (signal: AbortSignal) => Promise<T>,
    options?: { quiet: boolean },
  ) => Promise<T>;
  /** The time, as records have it. */
  readonly now: () => string;
  /** In milliseconds, for reckoning: looking up the time zone for `now` takes longer than all else that a look does. */
  readonly clock: () => number;
  readonly newId: () => string;
}
