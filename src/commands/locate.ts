/** Where a session lives, when the record does not say: asked of opencode. */
import { errors } from "../errors.ts";
import type { Context } from "./context.ts";

/** The folder of a session. @throws no-opencode-session (with `next`), no-folder, opencode-failed */
export async function locate(context: Context, id: string, next: string): Promise<string> {
  const [sessions, workspace, store] = await Promise.all([
    context.sessions(),
    context.workspace(),
    context.store(),
  ]);
  const found = (await sessions.find([id], store.folder)).get(id);
  if (!found) throw errors.noSuchOpencodeSession(id, next);
  return workspace.folder(found.directory, `the folder of session ${id}`, next);
}
