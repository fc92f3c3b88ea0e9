/**
 * The opencode executable: where it is, which version, and how it is called. Everything here that depends on a
 * version of opencode is written for 1.18; opencode renames flags between releases.
 */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { parse, type ParseError } from "jsonc-parser";
import * as v from "valibot";
import { errors, reasonOf } from "../errors.ts";
import { Cache } from "../platform/cache.ts";
import { findExecutable, fingerprintOf, isExecutable } from "../platform/executables.ts";
import { TURN_MARK_PREFIX } from "../platform/processes.ts";
import { isOlder } from "../session/version.ts";
import type { TurnRequest } from "./mod.ts";
import {
  OPENCODES_OWN,
  type PermissionConfig,
  UNANSWERABLE,
  unanswerableFor,
} from "./permissions.ts";
import {
  type Call,
  causeIn,
  type Environment,
  LOCKED,
  MOST_TRIES,
  NEUTRAL,
} from "./opencode_call.ts";
import { isSmaller, needsWholeCatalogue, smallerCatalogue } from "./catalogue.ts";
import { type Guard, NO_GUARD, projectGuard } from "./project_guard.ts";
import { projectSettings } from "./project_settings.ts";
import { clientOf, wordsOf } from "./server_address.ts";
import { withServer } from "./server_alone.ts";

const run = promisify(execFile);

/** How long something may take that is only asked for. */
const ASK_MS = 60_000;

export const OLDEST_VERSION = "1.18.0";

/** What a server has to be started with, because of the settings of the repositories that it is for. */
export interface ServerNeeds {
  guard: Guard;
  /** opencode's whole catalogue of models. */
  whole: boolean;
}

/** As a server of opencode's tells it, not validated. */
export interface Resolved {
  config: unknown;
  agents: unknown;
}

export interface OpencodeOptions {
  /** kugetsu's own environment. */
  env: Environment;
  /** A folder for what was found out about opencode; it may be deleted at any time. */
  cacheFolder: string;
  debug(message: string): void;
}

export class OpencodeCommand {
  readonly #options: OpencodeOptions;
  #found: string | undefined;

  constructor(options: OpencodeOptions) {
    this.#options = options;
  }

  /** @throws no-opencode */
  executable(): string {
    this.#found ??= this.#search();
    return this.#found;
  }

  /** @throws no-opencode, opencode-too-old */
  async version(): Promise<string> {
    const file = this.executable();
    const version = await new Cache(join(this.#options.cacheFolder, "opencode.json"), v.string())
      .get("version", fingerprintOf(file), async () => {
        const action = "ask opencode for its version";
        const said = (await this.ask(["--version"], action)).stdout.trim();
        if (/^\d+\.\d+\.\d+/.test(said)) return said;
        throw errors.opencodeFailed(action, `it said ${JSON.stringify(said.slice(0, 100))}`);
      });
    if (isOlder(version, OLDEST_VERSION)) throw errors.opencodeTooOld(version, OLDEST_VERSION);
    this.#options.debug(`opencode ${version} at ${file}`);
    return version;
  }

  /** The call that runs a turn. The message is not part of it: it goes in by standard input. */
  async run(request: TurnRequest): Promise<Call> {
    await this.version();
    const args = ["run", "--format", "json"];
    args.push(...(request.kind === "fork" ? ["--fork"] : ["--continue"]));
    args.push("--session", request.session, "--dir", request.directory);
    if (request.model) args.push("--model", request.model);
    if (request.agent) args.push("--agent", request.agent);
    if (request.permissions === "allow") args.push("--auto");
    // Its log names the fork and its folder seconds before the first event, and errors it tries again after.
    args.push("--print-logs", "--log-level", "INFO");
    const needs = await this.needsOf(request);
    const { guard } = needs;
    const everywhere = { ...guard.everywhere, ...UNANSWERABLE };
    // What is set under the old name comes on top, and has them already: a name keeps the place where it stood first.
    const names = OPENCODES_OWN.filter((name) => !Object.hasOwn(guard.modes, name));
    const agents = merge(guard.agents, unanswerableFor(names)) as Guard["agents"];
    const continueOnDeny = request.permissions === "deny";
    const under = { ...this.environment(), ...await this.models(needs) };
    const env = guarded(under, { ...guard, everywhere, agents }, { continueOnDeny });
    this.#options.debug(`in ${request.directory}: opencode ${args.join(" ")}`);
    return { file: this.executable(), args, env };
  }

  /**
   * The call that serves many turns. What would be asked is told to whoever runs a turn, so a denial never ends it;
   * tools get the shell that is given.
   */
  async serve(needs: ServerNeeds, shell: string | undefined): Promise<Call> {
    await this.version();
    const under = { ...this.environment(), ...await this.models(needs) };
    const env = guarded(under, needs.guard, { continueOnDeny: true });
    const file = this.executable();
    return { file, args: ["serve"], env: { ...env, ...(shell ? { SHELL: shell } : {}) } };
  }

  /** What the settings of the repository that a turn runs in make necessary. */
  async needsOf(
    { directory, agent = "build" }: Pick<TurnRequest, "directory" | "agent">,
  ): Promise<ServerNeeds> {
    const { env, cacheFolder } = this.#options;
    const project = projectSettings(directory, env);
    if (!project) return { guard: NO_GUARD, whole: false };
    const guard = await projectGuard(this, { directory, agent, env, cacheFolder, project });
    return { guard, whole: needsWholeCatalogue(project) };
  }

  /** What makes opencode read the catalogue of models that is needed; makes it anew where something has changed. */
  async models({ whole }: Pick<ServerNeeds, "whole">): Promise<Environment> {
    return whole ? {} : await smallerCatalogue(this, this.#options);
  }

  /** The user's environment less what is kugetsu's own. Marks of turns around this one stay. */
  environment(): Environment {
    const ours = ([name, value]: [string, string | undefined]) =>
      (name.startsWith("KUGETSU_") && !name.startsWith(TURN_MARK_PREFIX)) ||
      (name === "OPENCODE_MODELS_PATH" && isSmaller(value));
    return Object.fromEntries(Object.entries(this.#options.env).filter((it) => !ours(it)));
  }

  /** What opencode makes of all settings that hold in a folder, with more in its environment. @throws opencode-failed */
  async resolved(directory: string, action: string, extra: Environment): Promise<Resolved> {
    this.#options.debug(`asking a server for the settings in ${directory}`);
    const env = { ...this.environment(), ...extra };
    const late = AbortSignal.timeout(ASK_MS);
    try {
      return await withServer(
        { file: this.executable(), args: ["serve"], env },
        late,
        async (it) => {
          const client = clientOf(it, directory, late);
          const [config, agents] = await Promise.all([client.config.get(), client.app.agents()]);
          if (config.data && agents.data) return { config: config.data, agents: agents.data };
          throw new Error(wordsOf(config.error ?? agents.error));
        },
      );
    } catch (cause) {
      throw errors.opencodeFailed(action, reasonOf(cause));
    }
  }

  /** A short call whose output is wanted. `action` says in an error what could not be done. */
  async ask(
    args: string[],
    action: string,
    extra: Environment = {},
  ): Promise<{ stdout: string }> {
    const env = { ...this.environment(), ...extra, PWD: NEUTRAL };
    this.#options.debug(`opencode ${args.join(" ")}`);
    for (let tries = 1;; tries++) {
      try {
        return await run(this.executable(), args, {
          cwd: NEUTRAL,
          env: env as NodeJS.ProcessEnv,
          timeout: ASK_MS,
          maxBuffer: 64 * 1024 * 1024,
        });
      } catch (error) {
        const { stderr, message } = error as { stderr?: string; message: string };
        const said = causeIn(stderr ?? "") || message.split("\n")[0]!;
        if (!LOCKED.test(stderr ?? said) || tries === MOST_TRIES) {
          throw errors.opencodeFailed(action, said);
        }
        await pause(tries * 500 * (0.5 + Math.random()));
      }
    }
  }

  #search(): string {
    const { KUGETSU_OPENCODE: chosen, PATH, HOME } = this.#options.env;
    if (chosen) {
      if (isExecutable(chosen)) return resolve(chosen);
      throw errors.noOpencode(
        `KUGETSU_OPENCODE names ${JSON.stringify(chosen)}, which cannot be run`,
      );
    }
    const found = findExecutable("opencode", PATH);
    if (found) return found;
    const installed = HOME && join(HOME, ".opencode", "bin", "opencode");
    if (installed && isExecutable(installed)) return installed;
    throw errors.noOpencode("it is neither on PATH nor in ~/.opencode/bin");
  }
}

/** The environment that makes opencode follow the policy, on top of what the user set there. */
function guarded(
  env: Environment,
  guard: Guard,
  { continueOnDeny }: { continueOnDeny: boolean },
): Environment {
  const rules = merge(readJson(env["OPENCODE_PERMISSION"]), guard.everywhere);
  const config = merge(readJson(env["OPENCODE_CONFIG_CONTENT"]), {
    experimental: { continue_loop_on_deny: continueOnDeny },
    ...asAgents("agent", guard.agents),
    ...asAgents("mode", guard.modes),
  });
  return {
    ...env,
    OPENCODE_PERMISSION: JSON.stringify(rules),
    OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
  };
}

function asAgents(key: string, permissions: Guard["agents"]): Json {
  const agents = Object.entries(permissions).map(([name, permission]) => [name, { permission }]);
  return agents.length > 0 ? { [key]: Object.fromEntries(agents) } : {};
}

type Json = Record<string, unknown>;

/** With comments and trailing commas, as opencode reads its configuration. What cannot be read is ignored. */
function readJson(text = ""): Json {
  const problems: ParseError[] = [];
  const value = parse(text, problems, { allowTrailingComma: true });
  return problems.length === 0 && isObject(value) ? value : {};
}

/** What is over stands behind all else: of opencode's rules, the last that matches wins. */
function merge(under: Json, over: Json | PermissionConfig): Json {
  const result: Json = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    delete result[key];
    result[key] = isObject(value) && isObject(below) ? merge(below, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
