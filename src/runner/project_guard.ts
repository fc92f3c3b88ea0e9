/**
 * Which permission rules have to be stated again in a folder, because its repository brings opencode settings of
 * its own (see permissions.ts for why). Asking opencode takes a second or two, so it is asked only where there
 * are such settings, and only once for all folders with the same settings (project_settings.ts); what holds without
 * them, the user's half, is asked once for all.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import * as v from "valibot";
import { Cache } from "../platform/cache.ts";
import { fingerprintOf } from "../platform/executables.ts";
import type { Environment } from "./opencode_call.ts";
import type { OpencodeCommand, Resolved } from "./opencode_command.ts";
import {
  guardRules,
  inNewWords,
  OPENCODES_OWN,
  type PermissionConfig,
  type Rule,
  UNANSWERABLE,
} from "./permissions.ts";
import { type ProjectSettings, stampOf, userFiles } from "./project_settings.ts";

export interface Guard {
  /** For all agents that say nothing of their own. */
  everywhere: PermissionConfig;
  /** For each agent that it concerns, whose own rules come after those. */
  agents: Record<string, PermissionConfig>;
  /** The same for agents that are set up under opencode's older name, `mode`, which is put on top of `agent`. */
  modes: Record<string, PermissionConfig>;
}

export const NO_GUARD: Guard = { everywhere: {}, agents: {}, modes: {} };

export interface GuardRequest {
  directory: string;
  agent: string;
  env: Environment;
  cacheFolder: string;
  project: ProjectSettings;
}

const permissionConfig = v.record(
  v.string(),
  v.union([v.string(), v.record(v.string(), v.string())]),
);
const guardSchema = v.object({
  everywhere: permissionConfig,
  agents: v.record(v.string(), permissionConfig),
  modes: v.record(v.string(), permissionConfig),
});
const rulesSchema = v.array(
  v.object({
    permission: v.string(),
    pattern: v.string(),
    action: v.picklist(["allow", "ask", "deny"]),
  }),
);
const agentsReply = v.array(v.object({ name: v.string(), permission: rulesSchema }));
/** What holds without the repository's settings: the rules of the agent, and a digest of the settings of each. */
const usersSchema = v.object({ rules: rulesSchema, agents: v.record(v.string(), v.string()) });
type Users = v.InferOutput<typeof usersSchema>;
const agentSettings = v.record(
  v.string(),
  v.looseObject({ permission: v.optional(v.unknown()) }),
);
const configReply = v.object({
  permission: v.optional(v.unknown()),
  agent: v.optional(agentSettings, {}),
  mode: v.optional(agentSettings, {}),
});
type Configuration = v.InferOutput<typeof configReply>;

const WITHOUT_PROJECT = { OPENCODE_DISABLE_PROJECT_CONFIG: "1" };
const ACTION = "read the permissions that opencode would apply";

export async function projectGuard(
  opencode: OpencodeCommand,
  request: GuardRequest,
): Promise<Guard> {
  const { directory, agent, env, cacheFolder, project } = request;
  const cache = new Cache(join(cacheFolder, "permissions.json"), guardSchema);
  const fingerprint = digest([
    fingerprintOf(opencode.executable()),
    ...userFiles(env).map(stampOf),
    ...SETTINGS.map((name) => env[name] ?? ""),
  ]);
  const usersCache = new Cache(join(cacheFolder, "user_permissions.json"), usersSchema);
  const users = () =>
    usersCache.get(
      agent,
      digest([fingerprint, project.ways]),
      () => askUsers(opencode, request),
      (users) => isPortable(users, project),
    );
  const inFolder = () =>
    cache.get(
      `${agent} in ${directory}`,
      digest([fingerprint, project.content]),
      () => askGuard(opencode, request, users),
    );
  if (!project.isPortable) return await inFolder();
  return await cache.get(
    `${agent} of ${project.content}`,
    fingerprint,
    inFolder,
    (guard) => isPortable(guard, project),
  );
}

/** A rule that names the folder means another one elsewhere. */
function isPortable(rules: Guard | Users, { top }: ProjectSettings): boolean {
  return !JSON.stringify(rules).includes(JSON.stringify(top).slice(1, -1));
}

const SETTINGS = [
  "OPENCODE_PERMISSION",
  "OPENCODE_CONFIG_CONTENT",
  "OPENCODE_CONFIG",
  "OPENCODE_CONFIG_DIR",
];

async function askUsers(
  opencode: OpencodeCommand,
  { directory, agent }: GuardRequest,
): Promise<Users> {
  const resolved = await opencode.resolved(directory, ACTION, WITHOUT_PROJECT);
  // An agent that only the repository has gets no more than opencode's usual one.
  const rules = rulesOf(resolved, agent) ?? rulesOf(resolved, "build") ?? [];
  const agents = Object.entries(v.parse(configReply, resolved.config).agent);
  return {
    rules,
    agents: Object.fromEntries(agents.map(([name, its]) => [name, digestOf(its)])),
  };
}

async function askGuard(
  opencode: OpencodeCommand,
  { directory, agent }: GuardRequest,
  users: () => Promise<Users>,
): Promise<Guard> {
  const [{ rules: own, agents: ownAgents }, all] = await Promise.all([
    users(),
    opencode.resolved(directory, ACTION, {}),
  ]);
  // One that nobody has is found out when the turn begins.
  const full = rulesOf(all, agent) ?? rulesOf(all, "build") ?? [];
  const configuration = v.parse(configReply, all.config);
  const { agent: agents, mode } = configuration;
  const taken = permissionsIn(configuration);
  const everywhere = guardRules(own, full);
  const ofOthers = restrictionsOf(everywhere);
  const ofChanged = restrictionsOf(guardRules(own, full.filter((it) => it.action !== "allow")));
  const rulesFor = (name: string) => {
    if (name === agent) return everywhere;
    const settings = agents[name] && digestOf(agents[name]);
    return settings === ownAgents[name] ? ofOthers : ofChanged;
  };
  // Each agent gets the rules as its own, which opencode puts behind the general ones.
  const guarded = [...new Set([agent, ...OPENCODES_OWN, ...Object.keys(agents)])]
    .map((name) => [name, rulesFor(name)] as const)
    .filter(([, its]) => Object.keys(its).length > 0)
    .map(([name, its]) => [name, inNewWords({ ...its, ...UNANSWERABLE }, taken)] as const);
  const isMode = ([name]: readonly [string, unknown]) => Object.hasOwn(mode, name);
  return {
    everywhere: inNewWords(everywhere, taken),
    agents: Object.fromEntries(guarded.filter((it) => !isMode(it))),
    modes: Object.fromEntries(guarded.filter(isMode)),
  };
}

function rulesOf({ agents }: Resolved, name: string): Rule[] | undefined {
  return v.parse(agentsReply, agents).find((it) => it.name === name)?.permission;
}

/** The names that the configuration has for permissions, anywhere. */
function permissionsIn({ permission, agent, mode }: Configuration): Set<string> {
  const ofAgents = [...Object.values(agent), ...Object.values(mode)].map((it) => it.permission);
  const namesIn = (it: unknown) => typeof it === "string" ? ["*"] : Object.keys(it ?? {});
  return new Set([permission, ...ofAgents].flatMap(namesIn));
}

/** For another agent than the one asked about only what forbids is stated: its exceptions are not known. */
function restrictionsOf(guard: PermissionConfig): PermissionConfig {
  const restricts = ([, action]: [string, unknown]) => action !== "allow";
  const restricted = Object.entries(guard).map(([permission, rule]): [string, typeof rule] => [
    permission,
    typeof rule === "string" ? rule : Object.fromEntries(Object.entries(rule).filter(restricts)),
  ]);
  return Object.fromEntries(restricted.filter(restricts));
}

/** Settings hold prompts and more: what they are is not kept. Told in another order they count as changed. */
function digestOf(settings: unknown): string {
  return digest([JSON.stringify(settings)]);
}

function digest(parts: string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}
