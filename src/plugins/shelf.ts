/**
 * The plugins in the state folder: taking them in, pinning them, taking them away. A plugin is copied first, and it is
 * the copy that is looked at, pinned and later run.
 */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { basename, extname, join, relative, resolve } from "node:path";
import { errors, KugetsuError, reasonOf } from "../errors.ts";
import { BUILT_IN } from "./built_in.ts";
import { checkPlugin } from "./check.ts";
import { createPlugin } from "./create.ts";
import { download } from "./download.ts";
import { inProcess } from "./in_process.ts";
import { keyValuesIn } from "./key_values.ts";
import { launch, SCRIPT } from "./launch.ts";
import { changeOf, GONE, nextForChanged } from "./members.ts";
import type { Candidate, Declared, PluginFacts, Shelf, Trouble } from "./mod.ts";
import { declaredBy, hello, PluginFailure, read, sameDeclaration } from "./protocol.ts";
import { helloOf } from "./serve.ts";
import { digestOf, type Pin, TrustFiles } from "./trust.ts";

export interface ShelfOptions {
  /** `plugins/` of the state folder. */
  folder: string;
  cwd: string;
  hostCommand: string[];
  env: Record<string, string | undefined>;
  limitMs(): Promise<number>;
  warn(text: string): void;
  debug(text: string): void;
}

/** What is older was left by a command that was cut off: none runs for that long. */
const SCRATCH_MS = 24 * 60 * 60_000;

/** The errors of a disk, whatever was to be written. */
const DISK = ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EFBIG"];

export function makeShelf(options: ShelfOptions): Shelf {
  return new FileShelf(options);
}

class FileShelf implements Shelf {
  readonly #options: ShelfOptions;
  readonly #trust: TrustFiles;

  constructor(options: ShelfOptions) {
    this.#options = options;
    this.#trust = new TrustFiles(options.folder);
  }

  // deno-lint-ignore require-await
  async list(): Promise<PluginFacts[]> {
    const { warn } = this.#options;
    const damaged = (name: string) =>
      warn(`the entry of plugin "${name}" is damaged; run: kugetsu plugin remove ${name}`);
    return [
      ...BUILT_IN.map((plugin) => ({
        ...declaredBy(read(hello, helloOf(plugin), plugin.name)),
        builtIn: true,
        enabled: true,
      })),
      ...this.#trust.all(damaged).map((pin) => this.#facts(pin)),
    ];
  }

  async find(name: string): Promise<PluginFacts> {
    const found = (await this.list()).find((it) => it.name === name);
    if (found) return found;
    throw errors.noPlugin(name);
  }

  async candidate(source: string): Promise<Candidate> {
    const isAddress = /^[a-z]+:\/\//i.test(source);
    const from = isAddress ? source : this.#existing(source);
    const copy = await this.#copy(from, isAddress);
    return await this.#look(copy, from, undefined);
  }

  async renewed(name: string): Promise<Candidate> {
    const { source } = this.#pin(name);
    const isAddress = /^https?:\/\//.test(source);
    // It has no other source: it can be added from its new place, or done without.
    const from = isAddress ? source : this.#existing(source, `kugetsu plugin remove ${name}`);
    return await this.#look(await this.#copy(from, isAddress), source, name);
  }

  async changed(name: string): Promise<Candidate> {
    const pin = this.#pin(name);
    const path = join(this.#options.folder, pin.path);
    const problem = existsSync(path) ? undefined : GONE;
    if (problem) throw errors.pluginUnloadable(name, problem, `kugetsu plugin update ${name}`);
    return await this.#look(await this.#copy(path, false), pin.source, name);
  }

  // deno-lint-ignore require-await
  async enable(name: string, enabled: boolean): Promise<void> {
    this.#trust.write({ ...this.#pin(name), enabled });
  }

  // deno-lint-ignore require-await
  async remove(name: string): Promise<void> {
    const { folder } = this.#options;
    const pin = this.#pins().find((it) => it.declared.name === name);
    if (!pin && !existsSync(join(folder, ".trusted", `${name}.json`))) throw this.#absent(name);
    // What is trusted goes first: what is left after a crash is then only a file that nothing loads.
    this.#trust.remove(name);
    if (pin) removeWhole(join(folder, pin.path));
    removeWhole(join(folder, ".data", name));
  }

  async check(nameOrPath: string) {
    const { folder } = this.#options;
    const limitMs = await this.#options.limitMs();
    const builtIn = BUILT_IN.find((it) => it.name === nameOrPath);
    const pin = this.#pins().find((it) => it.declared.name === nameOrPath);
    // What is not there is no plugin that fails.
    const path = pin ? join(folder, pin.path) : builtIn ? "" : this.#existing(nameOrPath);
    const scratch = this.#scratch();
    const open = () => {
      if (builtIn) {
        const log = { info: this.#options.debug, warn: this.#options.debug };
        return inProcess(builtIn, { env: {}, log, store: keyValuesIn(join(scratch, "store")) });
      }
      const problem = pin && changeOf(path, pin.sha256);
      if (problem) throw new PluginFailure(`${problem}; kugetsu plugin trust ${nameOrPath}`);
      return this.#launch(path, scratch, limitMs);
    };
    try {
      return await checkPlugin(open, limitMs);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  async examine(): Promise<Trouble[]> {
    const troubles: Trouble[] = [];
    const pins = this.#trust.all((name) =>
      troubles.push({
        name,
        problem: "its entry is damaged",
        next: `kugetsu plugin remove ${name}`,
      })
    );
    for (const pin of pins.filter((it) => it.enabled)) troubles.push(...await this.#trouble(pin));
    return troubles;
  }

  async #trouble(pin: Pin): Promise<Trouble[]> {
    const { name } = pin.declared;
    const path = join(this.#options.folder, pin.path);
    const says = (problem: string, what: string) => [
      { name, problem, next: `kugetsu plugin ${what} ${name}` },
    ];
    if (!existsSync(path)) return says(GONE, "update");
    const changed = changeOf(path, pin.sha256);
    if (changed) return says(changed, "trust");
    try {
      const isSame = sameDeclaration(await this.#declared(path), pin.declared);
      return isSame ? [] : says("it declares something else than what was trusted", "trust");
    } catch (error) {
      if (error instanceof KugetsuError) throw error;
      return says((error as Error).message, "check");
    }
  }

  create(name: string, kind: Parameters<Shelf["create"]>[1], folder: string): Promise<string[]> {
    return createPlugin(name, kind, resolve(this.#options.cwd, folder));
  }

  #pins(): Pin[] {
    return this.#trust.all(() => {});
  }

  #pin(name: string): Pin {
    const found = this.#pins().find((it) => it.declared.name === name);
    if (found) return found;
    throw this.#absent(name);
  }

  #absent(name: string) {
    const builtIn = BUILT_IN.some((it) => it.name === name);
    return builtIn ? errors.badPlugin(name, "it is built in") : errors.noPlugin(name);
  }

  #facts(pin: Pin): PluginFacts {
    const path = join(this.#options.folder, pin.path);
    const { source, sha256, enabled, declared } = pin;
    const problem = changeOf(path, sha256);
    const next = problem && nextForChanged(declared.name, problem);
    return { ...declared, builtIn: false, enabled, source, path, sha256, problem, next };
  }

  #existing(source: string, next?: string): string {
    // An empty one would be the current folder.
    if (source === "") throw errors.badPlugin(source, "no file or folder is named");
    try {
      return realpathSync(resolve(this.#options.cwd, source));
    } catch (cause) {
      throw errors.badPlugin(source, reasonOf(cause), next);
    }
  }

  /** A path in `plugins/`, under a name that nothing loads. What was left there long ago is cleared. */
  #scratch(ending = ""): string {
    const folder = join(this.#options.folder, ".scratch");
    return writing(folder, () => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const name of readdirSync(folder)) {
        const facts = lstatSync(join(folder, name), { throwIfNoEntry: false });
        if (facts && Date.now() - facts.mtimeMs > SCRATCH_MS) removeWhole(join(folder, name));
      }
      return join(folder, `${crypto.randomUUID()}${ending}`);
    });
  }

  async #copy(from: string, isAddress: boolean): Promise<string> {
    if (!isAddress) demandCopyable(from, this.#options.folder);
    const copy = this.#scratch(extname(isAddress ? URL.parse(from)?.pathname ?? "" : from));
    try {
      if (isAddress) await download(from, copy);
      else cpSync(from, copy, { recursive: true, verbatimSymlinks: true });
      return copy;
    } catch (cause) {
      rmSync(copy, { recursive: true, force: true });
      if (cause instanceof KugetsuError) throw cause;
      const { code = "" } = cause as { code?: string };
      if (DISK.includes(code)) throw errors.unwritable(copy, cause);
      throw errors.badPlugin(from, reasonOf(cause));
    }
  }

  async #look(copy: string, source: string, name: string | undefined): Promise<Candidate> {
    try {
      const declared = await this.#declared(copy);
      if (name !== undefined && declared.name !== name) {
        throw errors.badPlugin(source, `it is called "${declared.name}" now, not "${name}"`);
      }
      const before = this.#pins().find((it) => it.declared.name === declared.name);
      const builtIn = BUILT_IN.some((it) => it.name === declared.name);
      if (name === undefined && (before || builtIn)) {
        throw errors.pluginExists(declared.name, builtIn);
      }
      const sha256 = digestOf(copy);
      return {
        declared,
        sha256,
        before: before?.declared,
        // deno-lint-ignore require-await
        commit: async () => this.#take(copy, { declared, sha256, source }, before),
        // deno-lint-ignore require-await
        discard: async () => rmSync(copy, { recursive: true, force: true }),
      };
    } catch (error) {
      rmSync(copy, { recursive: true, force: true });
      if (error instanceof PluginFailure) {
        throw errors.pluginUnloadable(basename(source), error.message);
      }
      if (!(error instanceof Error) || error.name === "KugetsuError") throw error;
      throw errors.badPlugin(source, error.message);
    }
  }

  /** Asked once, without any variable of the user's. */
  async #declared(path: string): Promise<Declared> {
    const scratch = this.#scratch();
    const driver = this.#launch(path, scratch, await this.#options.limitMs());
    try {
      return declaredBy(await driver.hello());
    } finally {
      await driver.close();
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  #launch(path: string, folder: string, limitMs: number) {
    const { hostCommand, env, debug } = this.#options;
    return launch(path, folder, [], {
      hostCommand,
      env,
      limitMs,
      log: (_, text) => debug(`plugin ${basename(path)}: ${text}`),
    });
  }

  #take(
    copy: string,
    it: Omit<Pin, "path" | "enabled">,
    before: Pin | undefined,
  ): PluginFacts {
    const { folder } = this.#options;
    const path = `${it.declared.name}${lstatSync(copy).isDirectory() ? "" : ending(copy)}`;
    if (before) removeWhole(join(folder, before.path));
    removeWhole(join(folder, path));
    writing(join(folder, path), () => renameSync(copy, join(folder, path)));
    const pin = { ...it, path, enabled: before?.enabled ?? true };
    this.#trust.write(pin);
    return this.#facts(pin);
  }
}

/** @throws bad-plugin for what is no file or folder, or holds the state folder */
function demandCopyable(from: string, plugins: string): void {
  const facts = lstatSync(from);
  if (!facts.isFile() && !facts.isDirectory()) {
    throw errors.badPlugin(from, "it is neither a file nor a folder");
  }
  if (!relative(from, plugins).startsWith("..")) {
    throw errors.badPlugin(from, "the state folder lies in it");
  }
}

/** @throws unwritable */
function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw errors.unwritable(path, cause);
  }
}

function removeWhole(path: string): void {
  writing(path, () => rmSync(path, { recursive: true, force: true }));
}

/** A program needs none, but keeps what it has. */
function ending(path: string): string {
  const found = extname(path);
  return SCRIPT.test(path) || /^\.[a-z0-9]{1,8}$/.test(found) ? found : "";
}
