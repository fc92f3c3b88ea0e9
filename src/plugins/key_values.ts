/** A plugin's own store: one file for each key, so that many processes at once lose nothing of each other's. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyValues } from "../api/mod.ts";
import { removeDurably, writeDurably } from "../platform/durable_write.ts";

/** `folder` is made when something is first kept. The methods are asynchronous by the types of src/api. */
export function keyValuesIn(folder: string): KeyValues {
  const fileOf = (key: string) =>
    join(folder, `${createHash("sha256").update(key).digest("hex")}.json`);
  return {
    // deno-lint-ignore require-await
    async get(key) {
      try {
        return JSON.parse(readFileSync(fileOf(key), "utf8")).value;
      } catch (cause) {
        if ((cause as { code?: string }).code === "ENOENT") return undefined;
        throw cause;
      }
    },
    // deno-lint-ignore require-await
    async set(key, value) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeDurably(fileOf(key), JSON.stringify({ key, value }));
    },
    // deno-lint-ignore require-await
    async delete(key) {
      try {
        removeDurably(fileOf(key));
      } catch (error) {
        // The folder is not there yet.
        if (readableFolder(folder)) throw error;
      }
    },
  };
}

function readableFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return true;
  } catch {
    return false;
  }
}
