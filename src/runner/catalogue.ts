/**
 * opencode's catalogue of models, cut down to the providers that the user has.
 *
 * opencode goes through its whole catalogue, thousands of models of more than two hundred providers, in each folder that
 * it first works in: of the second and more that a new worktree costs, most goes there, and most of the memory
 * (docs/design/fresh-folders.md). What it makes of providers without a key it then throws away, so leaving them out
 * changes nothing. Which ones are left is asked of opencode itself.
 *
 * The whole catalogue stays where it is not known beforehand what will be used: where the user names a catalogue, where
 * opencode has not yet fetched one, and in a repository that sets up providers itself or brings code.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { visit } from "jsonc-parser";
import * as v from "valibot";
import { reasonOf } from "../errors.ts";
import { Cache } from "../platform/cache.ts";
import { writeDurably } from "../platform/durable_write.ts";
import { userStamp } from "./config_stamp.ts";
import type { Environment } from "./opencode_call.ts";
import type { OpencodeCommand } from "./opencode_command.ts";
import { loginsOf, type ProjectSettings, stampOf, textOf, userFiles } from "./project_settings.ts";

export interface CatalogueRequest {
  env: Environment;
  /** Where the smaller catalogue is put; it may be deleted at any time. */
  cacheFolder: string;
  debug(text: string): void;
}

/** The name of a smaller catalogue: one that is found in the environment is none of the user's. */
export const SMALLER = "kugetsu-models.json";

export function isSmaller(path: string | undefined): boolean {
  return path !== undefined && basename(path) === SMALLER;
}

/** Whether turns in a repository may use providers that the user has not set up. */
export function needsWholeCatalogue({ isPortable, hasProviders }: ProjectSettings): boolean {
  return !isPortable || hasProviders;
}

/** What makes opencode read the smaller catalogue; empty where it is to read its own. */
export async function smallerCatalogue(
  opencode: OpencodeCommand,
  request: CatalogueRequest,
): Promise<{ OPENCODE_MODELS_PATH?: string }> {
  const whole = wholeCatalogue(request.env);
  if (whole === undefined) return {};
  try {
    const providers = await usable(opencode, request);
    if (providers.length === 0) throw new Error("it has no models");
    const path = join(request.cacheFolder, SMALLER);
    keepPart(path, whole, providers, namedBy(request.env));
    return { OPENCODE_MODELS_PATH: path };
  } catch (error) {
    request.debug(`opencode reads its whole catalogue of models: ${reasonOf(error)}`);
    return {};
  }
}

/** The catalogue that opencode has fetched; undefined where there is none, or the user has chosen one. */
function wholeCatalogue(env: Environment): string | undefined {
  const { OPENCODE_MODELS_PATH: chosen, OPENCODE_MODELS_URL: address } = env;
  if (address || (chosen && !isSmaller(chosen))) return undefined;
  const caches = env["XDG_CACHE_HOME"] || join(env["HOME"] ?? "/", ".cache");
  const path = join(caches, "opencode", "models.json");
  return existsSync(path) ? path : undefined;
}

/** By cache folder: many turns that begin at once ask once. */
const asking = new Map<string, Promise<string[]>>();

/** The providers of the models that opencode would list, wherever it ran. */
function usable(opencode: OpencodeCommand, { env, cacheFolder }: CatalogueRequest) {
  const cache = new Cache(join(cacheFolder, "providers.json"), v.array(v.string()));
  // Of what an organisation has set up no file tells, so it is asked again each hour.
  const hour = new Date().toISOString().slice(0, 13);
  const found = asking.get(cacheFolder) ?? cache.get(
    "providers",
    `${userStamp(opencode, env)} ${hour}`,
    async () => {
      const action = "ask opencode which models there are";
      const withoutProject = { OPENCODE_DISABLE_PROJECT_CONFIG: "1" };
      return providersIn((await opencode.ask(["models"], action, withoutProject)).stdout);
    },
    (providers) => providers.length > 0,
  ).finally(() => asking.delete(cacheFolder));
  asking.set(cacheFolder, found);
  return found;
}

/** The providers of `opencode models`: a line for each model, `provider/model`. */
export function providersIn(listing: string): string[] {
  const names = listing.split("\n").map((line) => /^([^/\s]+)\/\S/.exec(line.trim())?.[1]);
  return [...new Set(names.filter((it) => it !== undefined))].sort();
}

/** The texts in which the user names providers. One that could not be used just when opencode was asked is kept, too. */
function namedBy(env: Environment): string[] {
  const files = userFiles(env).filter((it) => /\.jsonc?$/.test(it));
  const { OPENCODE_CONFIG_CONTENT: config = "", OPENCODE_AUTH_CONTENT: logins = "" } = env;
  return [...[...files, loginsOf(env)].map(textOf), config, logins];
}

/** By path, from what this process has made the part that lies there. */
const made = new Map<string, string>();

/** Makes the part, unless it is there and nothing has changed. @throws Error */
function keepPart(path: string, whole: string, providers: string[], named: string[]): void {
  // The time of change is taken before it is read: what comes in between is seen the next time.
  const from = [stampOf(whole), ...providers, ...named].join("\n");
  if (made.get(path) === from && existsSync(path)) return;
  // `github-copilot-enterprise` has the models of `github-copilot`.
  const isWanted = (id: string) =>
    providers.some((it) => it.startsWith(id)) || named.some((it) => it.includes(`"${id}"`));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeDurably(path, partOf(readFileSync(whole, "utf8"), isWanted));
  made.set(path, from);
}

/** The entries of some providers, as they stand, without making values of it all. @throws Error for what is no catalogue */
export function partOf(catalogue: string, isWanted: (id: string) => boolean): string {
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
