/** Logs that never stop growing, held to a size while others write to them. */
import { copyFileSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

const OLDER = /\.older\.log$/;

/**
 * Each log of the folder that is longer than `maxBytes` becomes its older part, and begins anew. Writers have it open to
 * append, so that they go on at its new end. What is written between the two steps is lost: these are only logs.
 */
export function limitSize(folder: string, maxBytes: number): void {
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    try {
      if (statSync(path).size <= maxBytes) continue;
      copyFileSync(path, path.replace(/\.log$/, ".older.log"));
      truncateSync(path);
    } catch { /* gone meanwhile, or the disk is full: tried again later */ }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((it) => it.endsWith(".log") && !OLDER.test(it));
  } catch {
    return [];
  }
}
