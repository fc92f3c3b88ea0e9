/**
 * What opencode's server reads once and keeps: the user's settings when it starts, a repository's when it first works
 * in a folder. A stamp changes when it has to be read again.
 */
import { join, relative } from "node:path";
import { fingerprintOf } from "../platform/executables.ts";
import type { Environment, OpencodeCommand } from "./opencode_command.ts";
import { digest, filesBelow, projectFiles, settings, stampOf } from "./project_guard.ts";

/** opencode itself writes these beside the settings. */
const NOT_SETTINGS = /^(?:package\.json|package-lock\.json|bun\.lockb?|\.gitignore|node_modules)/;

/** Of all that holds wherever a turn runs, opencode's own version and the user's log-ins too. */
export function userStamp(opencode: OpencodeCommand, env: Environment): string {
  const home = env["HOME"] ?? "/";
  const folder = join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "opencode");
  const logins = join(env["XDG_DATA_HOME"] || join(home, ".local", "share"), "opencode/auth.json");
  const files = filesBelow(folder).filter((it) => !NOT_SETTINGS.test(relative(folder, it)));
  const stamps = [...files.sort(), logins].map(stampOf);
  return digest([fingerprintOf(opencode.executable()), ...stamps, ...settings(env)]);
}

/** Of a repository's own settings. */
export function projectStamp(directory: string): string {
  return digest(projectFiles(directory).sort().map(stampOf));
}
