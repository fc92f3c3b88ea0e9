/**
 * opencode's catalogue of models, cut down to the providers that the user has.
 *
 * opencode goes through its whole catalogue, thousands of models of more than a hundred providers, in each folder that
 * it first works in: of the second and more that a new worktree costs, most goes there, and most of the memory
 * (docs/design/fresh-folders.md). What it makes of providers without a key it then throws away, so leaving them out
 * changes nothing. Which ones are left is asked of opencode itself, once for all that is set up in the same way.
 *
 * The whole catalogue stays where it is not known beforehand what will be used: where the user names a catalogue, where
 * opencode has not yet fetched one, and in a repository that sets up providers itself or brings code.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { visit } from "jsonc-parser";
import * as v from "valibot";
import { reasonOf } from "../errors.ts";
import { Cache } from "../platform/cache.ts";
import { writeDurably } from "../platform/durable_write.ts";
import { userStamp } from "./config_stamp.ts";
import type { Environment, OpencodeCommand } from "./opencode_command.ts";
import { projectSettings } from "./project_settings.ts";

export interface CatalogueRequest {
  env: Environment;
  /** Where the smaller catalogue is put; it may be deleted at any time. */
  cacheFolder: string;
  debug(text: string): void;
}

/** Whether turns in a folder may use providers that the user has not set up. */
export function needsWholeCatalogue(directory: string, env: Environment): boolean {
  const project = projectSettings(directory, env);
  return project !== undefined && (!project.isPortable || project.hasProviders);
}

/** What makes opencode read the smaller catalogue; empty where it is to read its own. */
export async function smallerCatalogue(
  opencode: OpencodeCommand,
  { env, cacheFolder, debug }: CatalogueRequest,
): Promise<{ OPENCODE_MODELS_PATH?: string }> {
  const whole = wholeCatalogue(env);
  if (whole === undefined) return {};
  try {
    const cache = new Cache(join(cacheFolder, "providers.json"), v.array(v.string()));
    // Of a log-in to an organisation no file of settings tells, so it is asked again each day.
    const today = new Date().toISOString().slice(0, 10);
    const fingerprint = `${userStamp(opencode, env)} ${today}`;
    const providers = await cache.get("providers", fingerprint, async () => {
      const action = "ask opencode which models there are";
      const withoutProject = { OPENCODE_DISABLE_PROJECT_CONFIG: "1" };
      return providersIn((await opencode.ask(["models"], "/", action, withoutProject)).stdout);
    });
    if (providers.length === 0) throw new Error("it has no models");
    const path = join(cacheFolder, `models-${digest(providers)}.json`);
    if (!isNewer(path, whole)) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeDurably(path, partOf(readFileSync(whole, "utf8"), providers));
    }
    return { OPENCODE_MODELS_PATH: path };
  } catch (error) {
    debug(`opencode reads its whole catalogue of models: ${reasonOf(error)}`);
    return {};
  }
}

/** The catalogue that opencode has fetched; undefined where there is none, or the user has chosen one. */
function wholeCatalogue(env: Environment): string | undefined {
  if (env["OPENCODE_MODELS_PATH"] || env["OPENCODE_MODELS_URL"]) return undefined;
  const caches = env["XDG_CACHE_HOME"] || join(env["HOME"] ?? "/", ".cache");
  const path = join(caches, "opencode", "models.json");
  return existsSync(path) ? path : undefined;
}

/** The providers of `opencode models`: a line for each model, `provider/model`. */
export function providersIn(listing: string): string[] {
  const names = listing.split("\n").map((line) => /^([^/\s]+)\/\S/.exec(line.trim())?.[1]);
  return [...new Set(names.filter((it) => it !== undefined))].sort();
}

/**
 * The entries of some providers, as they stand. One whose name another begins with is its model: `github-copilot` of
 * `github-copilot-enterprise`. Without making values of it all: it has megabytes. @throws Error for what is no catalogue
 */
export function partOf(catalogue: string, providers: readonly string[]): string {
  const isWanted = (id: string) => providers.some((it) => it.startsWith(id));
  const parts: string[] = [];
  let depth = 0;
  let from: number | undefined;
  let hasEntries = false;
  visit(catalogue, {
    onObjectBegin: () => {
      depth++;
    },
    onObjectProperty: (id, offset) => {
      if (depth !== 1) return;
      hasEntries = true;
      from = isWanted(id) ? offset : undefined;
    },
    onObjectEnd: (offset, length) => {
      depth--;
      if (depth !== 1 || from === undefined) return;
      parts.push(catalogue.slice(from, offset + length));
      from = undefined;
    },
    onError: (_, offset) => {
      throw new Error(`the catalogue of models cannot be read at ${offset}`);
    },
  });
  if (!hasEntries) throw new Error("the catalogue of models is empty");
  return `{${parts.join(",")}}`;
}

function isNewer(path: string, than: string): boolean {
  const time = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return time > statSync(than).mtimeMs;
}

function digest(providers: readonly string[]): string {
  return createHash("sha256").update(providers.join("\n")).digest("hex").slice(0, 12);
}
