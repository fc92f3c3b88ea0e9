/**
 * The plugins that there are, and those of them that are asked something. One is looked at and started when it is
 * first needed; one that cannot be is named once and left out.
 */
import { join } from "node:path";
import type { Plugin } from "../api/mod.ts";
import { KugetsuError } from "../errors.ts";
import { endTurnProcesses } from "../platform/processes.ts";
import type { Driver } from "./driver.ts";
import { STORE_FOLDER } from "./host.ts";
import { inProcess } from "./in_process.ts";
import { keyValuesIn } from "./key_values.ts";
import { launch, type LaunchOptions } from "./launch.ts";
import type { Declared } from "./mod.ts";
import { declaredBy, type Hello, hello, PluginFailure, read, sameDeclaration } from "./protocol.ts";
import { helloOf } from "./serve.ts";
import { secretsOf, withoutSecrets } from "./secrets.ts";
import { digestOf, type Pin, TrustFiles } from "./trust.ts";

export interface MemberOptions extends Omit<LaunchOptions, "log" | "limitMs"> {
  /** `plugins/` of the state folder. */
  folder: string;
  limitMs(): Promise<number>;
  warn(text: string): void;
  debug(text: string): void;
}

/** A plugin that may be asked something. */
export interface Member {
  declared: Declared;
  builtIn: boolean;
  /** Undefined if it cannot be loaded, which was then said. */
  driver(): Promise<Driver | undefined>;
  /** A text of its own, without the values of the variables that it may see. */
  tellable(text: string): string;
}

export class Members {
  readonly #options: MemberOptions;
  #trusted: Member[] | undefined;
  #builtIn: Promise<Member[]> | undefined;
  readonly #started: Driver[] = [];
  #closed = false;
  readonly #mark = crypto.randomUUID();

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /** Those that were added and are enabled. Starts none. */
  trusted(): Member[] {
    return this.#trusted ??= this.#readTrusted();
  }

  /** Those that are compiled in, none of which has a hook. */
  builtIn(): Promise<Member[]> {
    return this.#builtIn ??= import("./built_in.ts").then(({ BUILT_IN }) =>
      BUILT_IN.map((it) => this.#compiledIn(it))
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#started.length === 0) return;
    await Promise.all(this.#started.map((driver) => driver.close()));
    // One look for all that any of them may have left behind: each takes some milliseconds.
    await endTurnProcesses(this.#mark, undefined, 0);
  }

  #compiledIn(plugin: Plugin): Member {
    const { env, folder } = this.#options;
    const log = this.#log(plugin.name);
    const driver = inProcess(plugin, {
      env,
      log: { info: (text) => log("info", text), warn: (text) => log("warn", text) },
      store: keyValuesIn(join(folder, ".data", plugin.name, STORE_FOLDER)),
    });
    const declared = declaredBy(read(hello, helloOf(plugin), plugin.name));
    return {
      declared,
      builtIn: true,
      driver: () => Promise.resolve(driver),
      tellable: this.#tellable(declared),
    };
  }

  #readTrusted(): Member[] {
    const { folder, warn } = this.#options;
    const damaged = (name: string) =>
      warn(
        `plugin "${name}" is left out: its entry is damaged; run: kugetsu plugin remove ${name}`,
      );
    try {
      return new TrustFiles(folder).all(damaged).filter((pin) => pin.enabled)
        .map((pin) => this.#member(pin));
    } catch (error) {
      if (!(error instanceof KugetsuError)) throw error;
      warn(`all plugins are left out: ${error.message}; run: kugetsu doctor`);
      return [];
    }
  }

  #member(pin: Pin): Member {
    let loaded: Promise<Driver | undefined> | undefined;
    const driver = async () => {
      try {
        return await this.#load(pin);
      } catch (error) {
        if (this.#closed) return undefined; // it was started ahead, for a hook that never came
        const { name } = pin.declared;
        this.#options.warn(
          `plugin "${name}" is left out: ${(error as Error).message}; ${adviceFor(error, name)}`,
        );
        return undefined;
      }
    };
    return {
      declared: pin.declared,
      builtIn: false,
      driver: () => loaded ??= driver(),
      tellable: this.#tellable(pin.declared),
    };
  }

  #tellable({ env }: Declared): Member["tellable"] {
    const secrets = secretsOf(env, this.#options.env);
    return (text) => withoutSecrets(text, secrets);
  }

  async #load(pin: Pin): Promise<Driver> {
    const { folder, limitMs } = this.#options;
    const path = join(folder, pin.path);
    const { name, env } = pin.declared;
    const options = {
      ...this.#options,
      limitMs: await limitMs(),
      mark: this.#mark,
      log: this.#log(name),
      trusted: {
        demandUnchanged: () => demandUnchanged(path, pin),
        demandDeclared: (hello: Hello) => demandDeclared(hello, pin),
      },
    };
    if (this.#closed) throw new PluginFailure("the command is over");
    const driver = launch(path, join(folder, ".data", name), env, options);
    this.#started.push(driver);
    await driver.hello();
    return driver;
  }

  #log(name: string): LaunchOptions["log"] {
    const { warn, debug } = this.#options;
    return (level, text) => (level === "warn" ? warn : debug)(`plugin "${name}": ${text}`);
  }
}

/** It is not what was trusted. */
class Changed extends PluginFailure {}

function demandUnchanged(path: string, { sha256 }: Pin): void {
  const problem = changeOf(path, sha256);
  if (problem) throw new Changed(problem);
}

function demandDeclared(hello: Hello, { declared }: Pin): void {
  if (sameDeclaration(declaredBy(hello), declared)) return;
  throw new Changed("it declares something else than what was trusted");
}

export const GONE = "its file is gone";

/** What has become of a trusted file or folder; undefined if it is the same. */
export function changeOf(path: string, sha256: string): string | undefined {
  try {
    return digestOf(path) === sha256 ? undefined : "it was changed after it was trusted";
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    return code === "ENOENT" ? GONE : message;
  }
}

function adviceFor(error: unknown, name: string): string {
  if (!(error instanceof Changed)) return `run: kugetsu plugin check ${name}`;
  return `run: ${nextForChanged(name, error.message)}`;
}

/** The command that helps with a trusted plugin that is not the same any more; it shows what has become of it. */
export function nextForChanged(name: string, problem: string): string {
  return `kugetsu plugin ${problem === GONE ? "update" : "trust"} ${name}`;
}
