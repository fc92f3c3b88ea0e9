/**
 * What was trusted: for each plugin a file in `plugins/.trusted/` with the SHA-256 of its bytes and what it declared.
 * One file each, so that two changes at once lose nothing.
 */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import * as v from "valibot";
import { errors } from "../errors.ts";
import { removeDurably, writeDurably } from "../platform/durable_write.ts";
import type { Declared } from "./mod.ts";
import { declaredBy, hello } from "./protocol.ts";

export interface Pin {
  declared: Declared;
  /** The name of its file or folder in `plugins/`. */
  path: string;
  sha256: string;
  /** Where it was taken from. */
  source: string;
  enabled: boolean;
}

const pin = v.object({
  declared: v.pipe(
    v.object({ ...hello.entries, type: v.optional(v.literal("hello"), "hello") }),
    v.transform(declaredBy),
  ),
  path: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9.-]*$/)),
  sha256: v.string(),
  source: v.string(),
  enabled: v.boolean(),
});

export class TrustFiles {
  readonly #folder: string;

  constructor(pluginsFolder: string) {
    this.#folder = join(pluginsFolder, ".trusted");
  }

  /** Those that can be read; `damaged` is told of the others. @throws unreadable */
  all(damaged: (name: string) => void): Pin[] {
    return names(this.#folder).flatMap((name) => {
      try {
        const found = v.parse(pin, JSON.parse(readFileSync(join(this.#folder, name), "utf8")));
        if (`${found.declared.name}.json` === name) return [found];
      } catch { /* said below */ }
      damaged(name.replace(/\.json$/, ""));
      return [];
    });
  }

  write(it: Pin): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw errors.unwritable(this.#folder, cause);
    }
    const declared = { ...it.declared, apiVersion: 1 };
    writeDurably(this.#path(it.declared.name), `${JSON.stringify({ ...it, declared }, null, 2)}\n`);
  }

  remove(name: string): void {
    removeDurably(this.#path(name));
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^[a-z].*\.json$/.test(name)).sort();
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return [];
    throw errors.unreadable(folder, cause);
  }
}

/** The SHA-256 of a file, or of all that a folder holds. @throws Error for a link that leads out of it */
export function digestOf(path: string): string {
  const facts = lstatSync(path);
  const hash = createHash("sha256");
  if (!facts.isDirectory()) return hash.update(readFileSync(path)).digest("hex");
  for (const file of filesBelow(path)) {
    const inside = relative(path, file).split(sep).join("/");
    hash.update(`${JSON.stringify([inside, ...kindOf(file, path)])}\n`);
  }
  return hash.digest("hex");
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? [path, ...filesBelow(path)] : [path];
    });
}

function kindOf(file: string, root: string): string[] {
  const facts = lstatSync(file);
  if (facts.isDirectory()) return ["folder"];
  if (facts.isSymbolicLink()) {
    const target = readlinkSync(file);
    if (!`${resolve(dirname(file), target)}${sep}`.startsWith(`${root}${sep}`)) {
      throw new Error(`its link ${JSON.stringify(relative(root, file))} leads out of the folder`);
    }
    return ["link", target];
  }
  if (!facts.isFile()) throw new Error(`${JSON.stringify(relative(root, file))} is no file`);
  const content = createHash("sha256").update(readFileSync(file)).digest("hex");
  return [facts.mode & 0o100 ? "program" : "file", content];
}
