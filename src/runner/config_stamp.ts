/**
 * What opencode's server reads once and keeps: the user's settings when it starts, a repository's when it first works
 * in a folder. A stamp changes when it has to be read again.
 */
import { createHash } from "node:crypto";
import { opencodesVariables } from "../platform/environment.ts";
import { fingerprintOf } from "../platform/executables.ts";
import type { Environment } from "./opencode_call.ts";
import type { OpencodeCommand } from "./opencode_command.ts";
import { loginsOf, projectSettings, stampOf, userFiles } from "./project_settings.ts";

/** opencode itself writes these beside the settings. */
const NOT_SETTINGS = /\/(?:package\.json|package-lock\.json|bun\.lockb?|\.gitignore)$/;

/** Of all that holds wherever a turn runs, opencode's own version and the user's log-ins too. */
export function userStamp(opencode: OpencodeCommand, env: Environment): string {
  const files = userFiles(env).filter((it) => !NOT_SETTINGS.test(it)).map(stampOf);
  const variables = Object.entries(opencodesVariables(env));
  const login = stampOf(loginsOf(env));
  return digest([fingerprintOf(opencode.executable()), ...files, login, ...variables.flat()]);
}

/** Of a repository's own settings. */
export function projectStamp(directory: string, env: Environment): string {
  return projectSettings(directory, env)?.content ?? "";
}

function digest(parts: (string | undefined)[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}
