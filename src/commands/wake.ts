/** Reading states that are true also after a supervisor was cut off. */
import type { Context } from "./context.ts";

/** What `read` finds; read again if turns had to be taken up first that an earlier supervisor had accepted. */
export async function trueOnes<T extends { hasCutOff?: boolean }>(
  context: Context,
  read: () => Promise<T>,
): Promise<T> {
  const found = await read();
  if (!found.hasCutOff) return found;
  const supervisor = await context.supervisor();
  return await supervisor.wake() ? await read() : found;
}
