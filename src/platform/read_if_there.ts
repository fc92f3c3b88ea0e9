/** Reading a file that may be missing. */
import { readFileSync, statSync } from "node:fs";
import { errors } from "../errors.ts";

/** Changes whenever the file does; undefined if there is none, which costs next to nothing. @throws unreadable */
export function stampIfThere(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found && `${found.ino} ${found.size} ${found.mtimeMs}`;
  } catch (cause) {
    throw errors.unreadable(path, cause);
  }
}

/** Its text; undefined if there is none. @throws unreadable */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return undefined;
    throw errors.unreadable(path, cause);
  }
}
