/** Which servers of opencode were started: light, for those who only want to know whether there is any. */
import { readdirSync } from "node:fs";

/** The names of the servers that were started and not ended. */
export function serversIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((it) => /^server-[0-9a-f]{12}\.json$/.test(it))
      .map((it) => it.replace(/\.json$/, "")).sort();
  } catch {
    return [];
  }
}
