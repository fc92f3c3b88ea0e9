/**
 * The keys of the index and nothing else, for the shell's completion. It has to be quick and must not disturb: no
 * schema is loaded, no lock is taken, and an index that cannot be used has no keys.
 */
import { readFileSync, statSync } from "node:fs";
import { layoutOf } from "./layout.ts";

export function issueKeys(folder: string): string[] {
  try {
    const { index } = layoutOf(folder);
    if (!statSync(index).isFile()) return []; // a pipe might never end
    const issues = JSON.parse(readFileSync(index, "utf8"))?.issues;
    return typeof issues === "object" && issues !== null && !Array.isArray(issues)
      ? Object.keys(issues)
      : [];
  } catch {
    return [];
  }
}
