/**
 * The keys of the index and nothing else, for the shell's completion. It has to be quick and must not disturb: no
 * schema is loaded, no lock is taken, and an index that cannot be used has no keys.
 */
import { readFileSync } from "node:fs";
import { layoutOf } from "./layout.ts";

export function issueKeys(folder: string): string[] {
  try {
    const issues = JSON.parse(readFileSync(layoutOf(folder).index, "utf8"))?.issues;
    return typeof issues === "object" && issues !== null && !Array.isArray(issues)
      ? Object.keys(issues)
      : [];
  } catch {
    return [];
  }
}
