/** Where a session lives, when the record does not say: asked of opencode. */
import { errors } from "../errors.ts";
import type { Context } from "./context.ts";

/** The folder of a session. @throws no-opencode-session (with `next`), no-folder, opencode-failed, stopped */
export async function locate(context: Context, id: string, next: string): Promise<string> {
  const [sessions, workspace] = await Promise.all([
    context.sessions(),
    context.workspace(),
  ]);
  const found = await context.untilStopped((signal) => sessions.find([id], signal));
  const session = found.get(id);
  if (!session) throw errors.noSuchOpencodeSession(id, next);
  return workspace.folder(session.directory, `the folder of session ${id}`, next);
}
