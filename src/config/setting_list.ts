/**
 * Every setting there is: its name, how its value is read, and what holds when nobody says anything. Pure.
 *
 * Each can be set in `config.jsonc`, by an environment variable and by a flag; the later of these wins.
 */
import type { PermissionPolicy } from "../runner/mod.ts";
import type { RunnerKind } from "../session/record.ts";
import {
  ABSOLUTE,
  AGE,
  COUNT,
  DURATION,
  GREATEST_AGE,
  MODEL,
  NAME,
  readAmount,
  readCommand,
  readCount,
  readDuration,
  readModel,
  readName,
  readNames,
  readOneOf,
  readPath,
  SECONDS,
} from "./setting_values.ts";

export type SettingRead = string | number | readonly string[];

/** One setting. `read` gives the value, or throws an Error that says what would be right. */
export interface Setting {
  name: string;
  /** A flag for the same, where there is one, is called as the variable is: `--max-cost`, `KUGETSU_MAX_COST`. */
  variable: string;
  summary: string;
  /** What holds when it is not set; undefined where nothing does, or opencode decides. */
  fallback: string | undefined;
  /** What `read` takes, in the words of JSON Schema (scripts/config_schema.ts publishes it). */
  schema: Readonly<Record<string, unknown>>;
  read(value: unknown): SettingRead;
}

/** Where the schema of config.jsonc is published. */
export const SCHEMA_ADDRESS =
  "https://raw.githubusercontent.com/shoko/kugetsu/main/docs/config.schema.json";

export const PLACES = ["shared", "own"] as const satisfies string[];

export const RUNNERS = ["server", "run"] as const satisfies RunnerKind[];

export const POLICIES = ["deny", "allow", "wait"] as const satisfies PermissionPolicy[];

const COMMENTS = ["writers", "all", "none"] as const;
const TOKENS = ["hide", "pass"] as const;

export const SETTINGS: readonly Setting[] = [
  {
    name: "model",
    variable: "KUGETSU_MODEL",
    summary: "the model of a turn, as provider/model",
    fallback: undefined,
    schema: { type: "string", pattern: MODEL.source, examples: ["anthropic/claude-sonnet-4-5"] },
    read: readModel,
  },
  {
    name: "agent",
    variable: "KUGETSU_AGENT",
    summary: "the opencode agent of a turn",
    fallback: undefined,
    schema: { type: "string", pattern: NAME.source, examples: ["build"] },
    read: readName,
  },
  {
    name: "permissions",
    variable: "KUGETSU_PERMISSIONS",
    summary: "what becomes of things opencode would ask about: deny, allow or wait",
    fallback: "deny",
    schema: { enum: POLICIES },
    read: (value) => readOneOf(POLICIES, value),
  },
  {
    name: "limits.firstEvent",
    variable: "KUGETSU_FIRST_EVENT_TIMEOUT",
    summary: "how long opencode may take until its first sign of life",
    fallback: "3m",
    schema: DURATION,
    read: readDuration,
  },
  {
    name: "limits.silence",
    variable: "KUGETSU_SILENCE_TIMEOUT",
    summary: "how long opencode may be silent; a running tool is silent too",
    fallback: "20m",
    schema: DURATION,
    read: readDuration,
  },
  {
    name: "limits.total",
    variable: "KUGETSU_TIMEOUT",
    summary: "how long a turn may take in all",
    fallback: "4h",
    schema: DURATION,
    read: readDuration,
  },
  {
    name: "limits.answer",
    variable: "KUGETSU_ANSWER_TIMEOUT",
    summary: "how long a turn may wait for an answer",
    fallback: "24h",
    schema: DURATION,
    read: readDuration,
  },
  {
    name: "limits.plugin",
    variable: "KUGETSU_PLUGIN_TIMEOUT",
    summary: "how long a plugin may take for one thing that it is asked",
    fallback: "30s",
    schema: DURATION,
    read: readDuration,
  },
  {
    name: "runner",
    variable: "KUGETSU_RUNNER",
    summary: "what turns run on: server (one opencode for all) or run (one for each)",
    fallback: "server",
    schema: { enum: RUNNERS },
    read: (value) => readOneOf(RUNNERS, value),
  },
  {
    name: "queue.maxParallel",
    variable: "KUGETSU_MAX_PARALLEL",
    summary: "how many turns run at once; by default what cores and memory allow",
    fallback: undefined,
    schema: COUNT,
    read: readCount,
  },
  {
    name: "queue.perRepository",
    variable: "KUGETSU_MAX_PER_REPOSITORY",
    summary: "how many of them in one repository; by default all",
    fallback: undefined,
    schema: COUNT,
    read: readCount,
  },
  {
    name: "budget.tokens",
    variable: "KUGETSU_MAX_TOKENS",
    summary: "how many tokens a turn may use before it is stopped",
    fallback: undefined,
    schema: COUNT,
    read: readCount,
  },
  {
    name: "budget.cost",
    variable: "KUGETSU_MAX_COST",
    summary: "how many US dollars a turn may cost before it is stopped",
    fallback: undefined,
    schema: { type: ["number", "string"], exclusiveMinimum: 0, pattern: SECONDS.source },
    read: readAmount,
  },
  {
    name: "supervisor.idle",
    variable: "KUGETSU_SUPERVISOR_IDLE",
    summary: "how long the supervisor and its opencode stay when there is nothing to do",
    fallback: "15m",
    schema: DURATION,
    read: readDuration,
  },
  {
    name: "logs.megabytes",
    variable: "KUGETSU_LOGS_MEGABYTES",
    summary: "how much is kept of what was said and done for one issue",
    fallback: "16",
    schema: COUNT,
    read: readCount,
  },
  {
    name: "gc.age",
    variable: "KUGETSU_GC_AGE",
    summary: "how old what was said and done has to be before gc clears it",
    fallback: "30d",
    schema: AGE,
    read: (value) => readDuration(value, GREATEST_AGE),
  },
  {
    name: "worktree.mode",
    variable: "KUGETSU_WORKTREE",
    summary: "where a new issue is worked on: own (a worktree) or shared (the base's folder)",
    fallback: "own",
    schema: { enum: PLACES },
    read: (value) => readOneOf(PLACES, value),
  },
  {
    name: "worktree.copy",
    variable: "KUGETSU_WORKTREE_COPY",
    summary: "files that git does not keep, to copy into a new worktree",
    fallback: undefined,
    schema: { type: ["array", "string"], items: { type: "string" }, examples: [[".env"]] },
    read: readNames,
  },
  {
    name: "worktree.setup",
    variable: "KUGETSU_WORKTREE_SETUP",
    summary: "a command that gets a new worktree ready",
    fallback: undefined,
    schema: { type: "string", examples: ["npm ci"] },
    read: readCommand,
  },
  {
    name: "worktree.setupTimeout",
    variable: "KUGETSU_WORKTREE_SETUP_TIMEOUT",
    summary: "how long that command may take",
    fallback: "10m",
    schema: DURATION,
    read: readDuration,
  },
  {
    name: "issue.comments",
    variable: "KUGETSU_ISSUE_COMMENTS",
    summary:
      "whose comments the agent is shown: writers, all or none; the author's are with writers",
    fallback: "writers",
    schema: { enum: COMMENTS },
    read: (value) => readOneOf(COMMENTS, value),
  },
  {
    name: "issue.template",
    variable: "KUGETSU_ISSUE_TEMPLATE",
    summary: "a file that says how an issue becomes a task; its whole path",
    fallback: undefined,
    schema: { type: "string", pattern: ABSOLUTE.source },
    read: readPath,
  },
  {
    name: "forgeTokens",
    variable: "KUGETSU_FORGE_TOKENS",
    summary: "whether opencode sees forges' tokens in its environment: hide or pass",
    fallback: "hide",
    schema: { enum: TOKENS },
    read: (value) => readOneOf(TOKENS, value),
  },
];

export function settingNamed(name: string): Setting | undefined {
  return SETTINGS.find((setting) => setting.name === name);
}
