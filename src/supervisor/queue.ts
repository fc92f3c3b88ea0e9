/**
 * Which turn runs next: first come, first served, under a cap for the host and one for each repository. Pure.
 *
 * A turn whose repository is at its cap is passed over, so that one busy repository never holds up the others; a turn
 * that waits for an answer takes no place. Among those that may run, the order in which they came decides.
 */

import type { Caps } from "./mod.ts";

export interface Waiting {
  id: string;
  repository: string;
}

/** Both caps, decided. */
export type Limits = { [K in keyof Caps]-?: number };

/** The turns to begin now, in order. `running` has the repository of each turn that takes a place. */
export function pick<T extends Waiting>(
  waiting: readonly T[],
  running: string[],
  caps: Limits,
): T[] {
  const counts = new Map<string, number>();
  const count = (repository: string) => counts.get(repository) ?? 0;
  for (const repository of running) counts.set(repository, count(repository) + 1);
  let free = caps.host - running.length;
  const picked: T[] = [];
  for (const turn of waiting) {
    if (free <= 0) break;
    if (count(turn.repository) >= caps.repository) continue;
    counts.set(turn.repository, count(turn.repository) + 1);
    free--;
    picked.push(turn);
  }
  return picked;
}

/**
 * How many turns a host runs at once when nobody says it. A turn mostly waits for its model, so there may be several
 * for each core; each folder costs opencode about 100 MB, beside the 700 MB that the server takes once.
 */
export function defaultParallel(cores: number, memoryBytes: number): number {
  const byMemory = Math.floor((memoryBytes - 1.5e9) / 250e6);
  return Math.max(1, Math.min(4 * cores, byMemory, 32));
}
