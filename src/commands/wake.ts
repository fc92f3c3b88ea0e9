/** Reading what is true also after a supervisor was cut off. */
import { KugetsuError } from "../errors.ts";
import type { Context } from "./context.ts";

/** What `read` finds; read again if turns had to be taken up first that an earlier supervisor had accepted. */
export async function trueOnes<T extends { hasCutOff?: boolean }>(
  context: Context,
  read: () => Promise<T>,
): Promise<T> {
  const found = await read();
  return found.hasCutOff && await wake(context) ? await read() : found;
}

/**
 * Has what was cut off taken up by a supervisor; false if there was nothing, or none can come up. Whoever only looks
 * is told that, and sees what is on record.
 */
export async function wake(context: Context): Promise<boolean> {
  try {
    return await (await context.supervisor()).wake();
  } catch (error) {
    if (!(error instanceof KugetsuError)) throw error;
    const { message, hint } = error;
    const why = hint === undefined ? message : `${message} (${hint})`;
    context.output.warn(`Turns that were cut off are shown as they were left: ${why}`);
    return false;
  }
}
