/** Reading a file that may be missing. */
import { readFileSync } from "node:fs";
import { errors } from "../errors.ts";

/** Its text; undefined if there is none. @throws unreadable */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return undefined;
    throw errors.unreadable(path, cause);
  }
}
