/**
 * Something that is costly to find out, kept in a file for as long as its fingerprint stays the same. The
 * file may be deleted at any time, and one that cannot be read or written only costs time.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import { writeDurably } from "./durable_write.ts";

export class Cache<T> {
  readonly #path: string;
  readonly #schema: v.GenericSchema<unknown, Record<string, { fingerprint: string; value: T }>>;

  constructor(path: string, value: v.GenericSchema<unknown, T>) {
    this.#path = path;
    this.#schema = v.record(v.string(), v.object({ fingerprint: v.string(), value }));
  }

  /** What was found is kept if it is `worth` that. */
  async get(
    name: string,
    fingerprint: string,
    find: () => Promise<T>,
    worth: (value: T) => boolean = () => true,
  ): Promise<T> {
    const known = this.#read()[name];
    if (known?.fingerprint === fingerprint) return known.value;
    const value = await find();
    if (!worth(value)) return value;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      // Read again: others have found things out meanwhile.
      const found = { ...this.#read(), [name]: { fingerprint, value } };
      writeDurably(this.#path, JSON.stringify(found));
    } catch { /* found out again next time */ }
    return value;
  }

  #read(): Record<string, { fingerprint: string; value: T }> {
    try {
      return v.parse(this.#schema, JSON.parse(readFileSync(this.#path, "utf8")));
    } catch {
      return {};
    }
  }
}
