/**
 * The plugins port: what commands ask of plugins, and what `kugetsu plugin` does with them. Which processes that
 * takes, and whether any, is the implementation's business (plugins.ts, shelf.ts).
 */
import type {
  AfterTurn,
  Amendment,
  BeforeTurn,
  HookContext,
  HookName,
  HookTypes,
  Issue,
  IssueRef,
  Tools,
} from "../api/mod.ts";

/** The hooks of a kind. */
export type HooksOf<K extends string> = {
  [H in HookName]: HookTypes[H] extends { kind: K } ? H : never;
}[HookName];

/** What a command tells a hook: its context less what every plugin gets. */
export type Given<H extends HookName> = Omit<
  HookTypes[H]["context"] & (HookContext | BeforeTurn | AfterTurn),
  keyof Tools
>;

export interface Plugins {
  /** The issue, or only its comments since a time. @throws no-forge, two-forges, and what forges fail with */
  issue(ref: IssueRef, options?: { since?: string | undefined }): Promise<Issue>;
  /** Its web address. @throws no-forge, two-forges */
  url(ref: IssueRef): Promise<string>;
  /** Posts a comment, or changes the one that was posted under the same key before. */
  comment(ref: IssueRef, options: { body: string; replace?: string }): Promise<{ url: string }>;
  /** The issue that a text means to one of the forges. */
  parse(text: string): Promise<IssueRef | undefined>;
  /** Starts those that have the hook, so that they are there when it runs. */
  warm(hook: HookName): void;
  /** What the hooks make of what was given. @throws plugin-refused, hook-failed */
  before<H extends HooksOf<"sequential">>(hook: H, given: Given<H>): Promise<Amendment>;
  /** Runs them all, and posts what they report; a failure is a warning. */
  after<H extends HooksOf<"all">>(hook: H, given: Given<H>): Promise<void>;
  /** Ends what was started. */
  close(): Promise<void>;
}

/** What a plugin declares: what it was trusted for. */
export interface Declared {
  name: string;
  env: string[];
  /** Whether its hooks may have a comment posted. */
  comments: boolean;
  forges: { name: string; hosts: string[]; probes: boolean; comments: boolean }[];
  hooks: Partial<Record<HookName, { order?: "first" | "last" | undefined }>>;
}

export interface PluginFacts extends Declared {
  builtIn: boolean;
  enabled: boolean;
  /** Why it is not loaded as it is, and the command that helps. */
  problem?: string | undefined;
  next?: string | undefined;
  /** Where it was taken from; undefined for one that is built in. */
  source?: string | undefined;
  path?: string | undefined;
  sha256?: string | undefined;
}

/** A plugin that is about to be trusted. Nothing is changed until `commit`. */
export interface Candidate {
  readonly declared: Declared;
  readonly sha256: string;
  /** What was trusted under that name before. */
  readonly before: Declared | undefined;
  commit(): Promise<PluginFacts>;
  discard(): Promise<void>;
}

/** One thing that `plugin check` tried. */
export interface Checked {
  what: string;
  ms: number;
  /** Undefined if it is as it should be. */
  problem?: string | undefined;
}

export type Kind = "forge" | "hook" | "exec";

/** A plugin that is enabled, and left out. */
export interface Trouble {
  name: string;
  problem: string;
  /** The command that helps. */
  next: string;
}

export interface Shelf {
  list(): Promise<PluginFacts[]>;
  /** @throws no-plugin */
  find(name: string): Promise<PluginFacts>;
  /** Copies a file, folder or https address, and looks at it. @throws bad-plugin, plugin-unloadable */
  candidate(source: string): Promise<Candidate>;
  /** The same from where it came from. */
  renewed(name: string): Promise<Candidate>;
  /** What lies in the state folder under that name now. */
  changed(name: string): Promise<Candidate>;
  enable(name: string, enabled: boolean): Promise<void>;
  /** Takes it and what it kept away. */
  remove(name: string): Promise<void>;
  /** Looks at every plugin that was added and is enabled, and loads it; those with which something is wrong. */
  examine(): Promise<Trouble[]>;
  /** Loads a plugin, by name or path, and runs its examples. */
  check(nameOrPath: string): Promise<Checked[]>;
  /** Writes the beginning of a plugin to a new folder, and returns its files. */
  create(name: string, kind: Kind, folder: string): Promise<string[]>;
}

/** The variables that usually hold forges' tokens: kept from opencode unless the user wants otherwise. */
export const TOKEN_VARIABLES: readonly string[] = [
  "GH_TOKEN",
  "GITHUB_TOKEN",
  "GH_ENTERPRISE_TOKEN",
  "GITHUB_ENTERPRISE_TOKEN",
  "GITLAB_TOKEN",
  "CODEBERG_TOKEN",
  "FORGEJO_TOKEN",
  "GITEA_TOKEN",
];
