/** Files that git does not keep and that work needs, such as `.env`: copied from the clone into a worktree. */
import { mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, normalize, relative } from "node:path";
import { errors } from "../errors.ts";

/**
 * Returns what is not there. What is in the worktree already stays as it is.
 *
 * @throws copy-refused, unwritable
 */
export function copyFiles(clone: string, worktree: string, names: readonly string[]): string[] {
  return names.filter((name) => !copyOne(clone, worktree, name));
}

/** False where there is no such file. */
function copyOne(clone: string, worktree: string, name: string): boolean {
  if (!isInside(name)) throw errors.copyRefused(name, "it is not a path inside the repository");
  const source = realInside(clone, join(clone, name));
  if (source === undefined) return false;
  if (!source) throw errors.copyRefused(name, "it leads out of the repository");
  if (!statSync(source).isFile()) throw errors.copyRefused(name, "it is not a file");
  const target = join(worktree, normalize(name));
  try {
    const parent = dirname(target);
    if (realInside(worktree, nearestThere(parent)) === "") {
      throw errors.copyRefused(name, "its folder leads out of the worktree");
    }
    mkdirSync(parent, { recursive: true });
    // Exclusive: what is there stays, and a link that is there is not followed.
    writeFileSync(target, readFileSync(source), {
      flag: "wx",
      mode: statSync(source).mode & 0o777,
    });
    return true;
  } catch (cause) {
    if ((cause as { code?: string }).code === "EEXIST") return true;
    throw (cause as { code?: string }).code === "copy-refused"
      ? cause
      : errors.unwritable(target, cause);
  }
}

/** Whether a path as it is written stays where it begins. */
export function isInside(name: string): boolean {
  return name !== "" && !isAbsolute(name) && !normalize(name).startsWith("..") &&
    !normalize(name).split("/").includes(".git");
}

/** The real path; empty where it is outside of `top`, undefined where there is nothing. */
function realInside(top: string, path: string): string | undefined {
  try {
    const real = realpathSync(path);
    const way = relative(realpathSync(top), real);
    return way.startsWith("..") || isAbsolute(way) ? "" : real;
  } catch {
    return undefined;
  }
}

function nearestThere(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) ? path : nearestThere(dirname(path));
}
