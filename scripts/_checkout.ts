/** Where things are in a checkout, for the scripts and for the tests. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that deno.json stands in. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** What is fetched once and kept; never tracked. */
export const CACHE = join(ROOT, ".cache");

/** The executable that `deno task compile` writes and that the tests drive. */
export const EXECUTABLE = join(ROOT, "dist", "kugetsu");

/** The version that deno.json declares. */
export async function declaredVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(ROOT, "deno.json"), "utf8"));
  return manifest.version;
}
