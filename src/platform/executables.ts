/** Finding programs by their absolute path. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/**
 * The absolute path of a program on PATH, or undefined. Entries of PATH that are not absolute are passed over: a
 * repository that an agent works in must not be able to plant a `git` or an `opencode`.
 */
export function findExecutable(name: string, path: string | undefined): string | undefined {
  return (path ?? "").split(delimiter).filter(isAbsolute)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A text that changes when the program behind a path does: links are followed. */
export function fingerprintOf(path: string): string {
  const real = realpathSync(path);
  const { size, mtimeMs, ino } = statSync(real);
  return `${real} ${size} ${mtimeMs} ${ino}`;
}
