/** How a plugin that lies in a file or folder is started. */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isExecutable } from "../platform/executables.ts";
import { PluginFailure } from "./protocol.ts";
import { PluginProcess, type Trusted } from "./process_driver.ts";
import { secretsOf } from "./secrets.ts";

export interface LaunchOptions {
  /** What runs the host of plugins in TypeScript and JavaScript; the file is put behind it. */
  hostCommand: string[];
  /** kugetsu's own environment. */
  env: Record<string, string | undefined>;
  limitMs: number;
  mark?: string | undefined;
  /** What it was trusted for; anything goes without. */
  trusted?: Trusted | undefined;
  log(level: "info" | "warn" | "debug", text: string): void;
}

/** What every program may know; DENO_DIR only matters where the host is deno itself. */
const ALWAYS = ["PATH", "LANG", "LC_ALL", "TZ", "DENO_DIR"];

/** @throws PluginFailure for a path that is no plugin */
export function launch(
  path: string,
  folder: string,
  declaredVariables: readonly string[],
  { hostCommand, env, limitMs, mark, trusted, log }: LaunchOptions,
): PluginProcess {
  const command = commandFor(path, hostCommand);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const seen = [...ALWAYS, ...declaredVariables].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return new PluginProcess({
    command,
    endsAtOnce: command.length > 1,
    folder,
    env: { HOME: folder, ...Object.fromEntries(seen) },
    secrets: secretsOf(declaredVariables, env),
    ...{ limitMs, mark, trusted, log },
  });
}

export const SCRIPT = /\.[cm]?[jt]s$/;

function commandFor(path: string, hostCommand: string[]): string[] {
  if (!statSync(path).isDirectory()) {
    if (SCRIPT.test(path)) return [...hostCommand, path];
    if (isExecutable(path)) return [path];
    throw new PluginFailure("it is neither a .ts or .js file nor executable");
  }
  const script = ["plugin.ts", "plugin.js"].map((name) => join(path, name)).find(exists);
  if (script) return [...hostCommand, script];
  const program = join(path, "plugin");
  if (isExecutable(program)) return [program];
  throw new PluginFailure("the folder holds no plugin.ts, plugin.js or executable plugin");
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
