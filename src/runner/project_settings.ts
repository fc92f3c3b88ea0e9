/**
 * The opencode settings that a repository brings, told apart by what they hold and not by where they lie: a new worktree
 * with the same settings is no news.
 *
 * Two folders with the same files can still differ to opencode in these ways, and then count as different:
 *
 * | what | so |
 * |---|---|
 * | `{file:PATH}` leads out of the repository | what is there is part of the content |
 * | `{env:NAME}` | its value is part of the content |
 * | rules of opencode's own name folders relative to the repository's top | the way from there to them is, too |
 * | code (a plugin, a tool), which may do what it likes by the folder it is in | not portable: asked in each folder |
 * | skills, whose folders opencode allows by their whole path | the guard then names the folder (project_guard.ts) |
 *
 * Nothing above the repository's top is read, in opencode neither, apart from the user's own.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Environment } from "./opencode_call.ts";

export interface ProjectSettings {
  /** The repository's top folder. */
  top: string;
  /** The ways from there to the folders that opencode's own rules name: with the same ones they are the same. */
  ways: string;
  /** A digest of everything that opencode reads of it, and of the ways. */
  content: string;
  /** Whether the same content means the same in another folder. */
  isPortable: boolean;
  /** Whether it sets up providers of models. */
  hasProviders: boolean;
}

/** Undefined where the repository brings none. */
export function projectSettings(directory: string, env: Environment): ProjectSettings | undefined {
  const { top, files } = projectFiles(directory);
  if (files.length === 0) return undefined;
  const home = env["HOME"] ?? "/";
  const data = env["XDG_DATA_HOME"] || join(home, ".local", "share");
  const ways = [relative(top, directory), relative(top, data)].join("\n");
  const parts = [ways];
  let isPortable = true;
  let hasProviders = false;
  for (const path of files) {
    const text = textOf(path);
    parts.push(relative(top, path), digest(text));
    if (/\.[cm]?[jt]sx?$/.test(path) || /"plugin"\s*:/.test(text)) isPortable = false;
    if (/"provider"\s*:/.test(text)) hasProviders = true;
    for (const [, kind, name] of text.matchAll(/\{(file|env):([^}]+)\}/g)) {
      parts.push(
        digest(kind === "env" ? env[name!] ?? "" : textOf(included(name!, path, home))),
      );
    }
  }
  return { top, ways, content: digest(parts.join("\n")), isPortable, hasProviders };
}

/** opencode's settings in the folder and the folders above it, up to the repository's top. */
function projectFiles(directory: string): { top: string; files: string[] } {
  const files: string[] = [];
  for (let folder = directory;; folder = dirname(folder)) {
    for (const name of ["opencode.json", "opencode.jsonc"]) {
      if (existsSync(join(folder, name))) files.push(join(folder, name));
    }
    const hidden = join(folder, ".opencode");
    if (existsSync(hidden)) files.push(hidden, ...filesBelow(hidden));
    if (existsSync(join(folder, ".git")) || folder === dirname(folder)) {
      return { top: folder, files };
    }
  }
}

/** The files of a folder and of those below it, in order and through links as opencode reads them; no packages. */
function filesBelow(folder: string, above: readonly string[] = []): string[] {
  if (!existsSync(folder)) return [];
  const here = realpathSync(folder);
  if (above.includes(here)) return [];
  return readdirSync(folder).sort().flatMap((name) => {
    const path = join(folder, name);
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
    return name === "node_modules" ? [] : filesBelow(path, [...above, here]);
  });
}

function included(name: string, from: string, home: string): string {
  return name.startsWith("~/") ? join(home, name.slice(2)) : resolve(dirname(from), name);
}

/** Empty for what cannot be read: opencode cannot either. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** Where an administrator puts settings that hold for all users. */
const MANAGED = ["/etc/opencode", "/Library/Application Support/opencode"];

/** The user's own files of settings, and those that hold for him. */
export function userFiles(env: Environment): string[] {
  const home = env["HOME"] ?? "/";
  const { OPENCODE_CONFIG: file, OPENCODE_CONFIG_DIR: folder } = env;
  const config = env["XDG_CONFIG_HOME"] || join(home, ".config");
  const folders = [join(config, "opencode"), join(home, ".opencode"), ...MANAGED];
  if (folder) folders.push(folder);
  return [...folders.flatMap((it) => filesBelow(it)), ...(file ? [file] : [])];
}

/** Where the user's log-ins are. */
export function loginsOf(env: Environment): string {
  const data = env["XDG_DATA_HOME"] || join(env["HOME"] ?? "/", ".local", "share");
  return join(data, "opencode", "auth.json");
}

/** What tells that a file has changed, without reading it. */
export function stampOf(path: string): string {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${path} ${size} ${mtimeMs}`;
  } catch {
    return `${path} missing`;
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}
