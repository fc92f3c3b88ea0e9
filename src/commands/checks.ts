/** What each of doctor's checks gives. */
import { KugetsuError } from "../errors.ts";

/** One line of the report. `repaired` is there only where something was done. */
export interface Line {
  check: string;
  ok: boolean;
  text: string;
  next?: string | undefined;
  repaired?: boolean;
}

/** A check that fails is a line of the report, not the end of it; one that is stopped is the end. */
export async function attempt(check: string, look: () => Promise<Line[]>): Promise<Line[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof KugetsuError) || error.code === "stopped") throw error;
    return [{ check, ok: false, text: error.message, next: error.next }];
  }
}
