/** A session as it is now: what its file says, and whether the turn that it speaks of is under way. */
import { isActive } from "../session/state.ts";
import type { Found } from "./files.ts";
import type { Layout } from "./layout.ts";
import { isHeld } from "./lock.ts";

/**
 * Reads a file, and looks at its turn lock where it says that a turn is under way. That turn may end, and the
 * next one begin, between the two, so only a file that still says the same after the look is believed.
 */
export async function observe(
  layout: Layout,
  file: string,
  read: () => Found,
): Promise<{ found: Found; busy: boolean }> {
  let found = read();
  while (found.kind === "record" && isActive(found.record)) {
    if (await isHeld(layout.turnLock(file))) return { found, busy: true };
    const turn = found.record.turn?.id;
    found = read();
    if (found.kind === "record" && found.record.turn?.id === turn) break;
  }
  return { found, busy: false };
}
