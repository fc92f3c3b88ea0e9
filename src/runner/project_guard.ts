/**
 * Which permission rules have to be stated again in a folder, because its repository brings opencode settings of
 * its own (see permissions.ts for why). Asking opencode takes a second or two, so it is asked only where there
 * are such settings, and again only when one of the files concerned has changed.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { Cache } from "../platform/cache.ts";
import { fingerprintOf } from "../platform/executables.ts";
import type { Environment, OpencodeCommand } from "./opencode_command.ts";
import { guardRules, type PermissionConfig, type Rule } from "./permissions.ts";

export interface Guard {
  /** For all agents that say nothing of their own. */
  everywhere: PermissionConfig;
  /** For the agents whose own rules come after those. */
  agents: Record<string, PermissionConfig>;
}

export const NO_GUARD: Guard = { everywhere: {}, agents: {} };

export interface GuardRequest {
  directory: string;
  agent: string;
  env: Environment;
  cacheFolder: string;
}

const permissionConfig = v.record(
  v.string(),
  v.union([v.string(), v.record(v.string(), v.string())]),
);
const guardSchema = v.object({
  everywhere: permissionConfig,
  agents: v.record(v.string(), permissionConfig),
});
const agentReply = v.object({
  permission: v.array(
    v.object({
      permission: v.string(),
      pattern: v.string(),
      action: v.picklist(["allow", "ask", "deny"]),
    }),
  ),
});
const configReply = v.object({
  agent: v.optional(v.record(v.string(), v.object({ permission: v.optional(v.unknown()) }))),
});

const WITHOUT_PROJECT = { OPENCODE_DISABLE_PROJECT_CONFIG: "1" };

export function projectGuard(opencode: OpencodeCommand, request: GuardRequest): Promise<Guard> {
  const project = projectFiles(request.directory);
  if (project.length === 0) return Promise.resolve(NO_GUARD);
  const files = [...project, ...userFiles(request.env)];
  const fingerprint = digest([
    fingerprintOf(opencode.executable()),
    ...files.map(stampOf),
    ...settings(request.env),
  ]);
  return new Cache(join(request.cacheFolder, "permissions.json"), guardSchema)
    .get(
      `${request.agent} in ${request.directory}`,
      fingerprint,
      () => askGuard(opencode, request),
    );
}

async function askGuard(opencode: OpencodeCommand, request: GuardRequest): Promise<Guard> {
  const { directory, agent } = request;
  const action = "read the permissions that opencode would apply";
  const rules = async (extra: Environment): Promise<Rule[]> => {
    const { stdout } = await opencode.ask(["debug", "agent", agent], directory, action, extra);
    return v.parse(agentReply, JSON.parse(stdout)).permission;
  };
  const [own, full, config] = await Promise.all([
    rules(WITHOUT_PROJECT),
    rules({}),
    opencode.ask(["debug", "config"], directory, action),
  ]);
  const everywhere = guardRules(own, full);
  const agents = Object.entries(v.parse(configReply, JSON.parse(config.stdout)).agent ?? {})
    .filter(([, it]) => it.permission !== undefined)
    .map(([name]) => [name, name === agent ? everywhere : restrictionsOf(everywhere)]);
  return { everywhere, agents: Object.fromEntries(agents) };
}

/** For another agent than the one asked about only what forbids is stated: its exceptions are not known. */
function restrictionsOf(guard: PermissionConfig): PermissionConfig {
  return Object.fromEntries(
    Object.entries(guard).map(([permission, patterns]) => [
      permission,
      typeof patterns === "string"
        ? patterns
        : Object.fromEntries(Object.entries(patterns).filter(([, action]) => action !== "allow")),
    ]),
  );
}

/** opencode's settings in the folder and the folders above it, up to the repository's root. */
function projectFiles(directory: string): string[] {
  const found: string[] = [];
  for (let folder = directory;; folder = dirname(folder)) {
    for (const name of ["opencode.json", "opencode.jsonc"]) {
      if (existsSync(join(folder, name))) found.push(join(folder, name));
    }
    const hidden = join(folder, ".opencode");
    if (existsSync(hidden)) found.push(hidden, ...filesBelow(hidden));
    if (existsSync(join(folder, ".git")) || folder === dirname(folder)) return found;
  }
}

/** The files of a folder and of those directly below it; packages left out. */
function filesBelow(folder: string, depth = 2): string[] {
  if (depth === 0 || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return entry.name === "node_modules" ? [] : filesBelow(path, depth - 1);
    }
    return [path];
  });
}

function userFiles(env: Environment): string[] {
  const home = env["XDG_CONFIG_HOME"] || join(env["HOME"] ?? "/", ".config");
  const named = [env["OPENCODE_CONFIG"], env["OPENCODE_CONFIG_DIR"]].filter((it) =>
    it !== undefined
  );
  return [...filesBelow(join(home, "opencode")), ...named];
}

function settings(env: Environment): string[] {
  return [
    "OPENCODE_PERMISSION",
    "OPENCODE_CONFIG_CONTENT",
    "OPENCODE_CONFIG",
    "OPENCODE_CONFIG_DIR",
  ]
    .map((name) => env[name] ?? "");
}

function stampOf(path: string): string {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${path} ${size} ${mtimeMs}`;
  } catch {
    return `${path} missing`;
  }
}

function digest(parts: string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}
