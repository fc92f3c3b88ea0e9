/** `kugetsu path`: the folder that an issue is worked on in. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { SessionRecord } from "../session/record.ts";
import type { Context } from "./context.ts";
import { locate } from "./locate.ts";
import { resolveKey } from "./target.ts";

export async function path(context: Context, typed: string): Promise<ExitStatus> {
  const { key, record } = await recordOf(context, typed);
  const folder = await folderOf(context, key, record);
  const value = { issue_ref: key, path: folder, worktree: record.worktree ?? null };
  context.output.result(value, `${folder}\n`);
  return EXIT.ok;
}

/** The folder of an issue's session. A worktree that is gone is made again by the next turn. */
export async function folderOf(
  context: Context,
  key: string,
  { directory, worktree, opencode_session_id: id }: SessionRecord,
): Promise<string> {
  const quoted = JSON.stringify(key);
  const next = worktree ? `kugetsu continue ${quoted}` : `kugetsu destroy ${quoted} -y`;
  if (!directory) return await locate(context, id!, next);
  return (await context.workspace()).folder(directory, "the session's folder", next);
}

/** What is stored of an issue; nothing is held, since nothing is changed. @throws no-session, damaged-record */
export async function recordOf(
  context: Context,
  typed: string,
): Promise<{ key: string; record: SessionRecord }> {
  const issue = await resolveKey(context, typed);
  const store = await context.store();
  const found = await store.find(issue);
  if (!found) throw errors.noSession(issue);
  if (!found.record) throw errors.damagedRecord(found.key, found.problem!);
  return { key: found.key, record: found.record };
}

export function pathCommand(host: Host) {
  return newCommand("path", "print the folder that an issue is worked on in", [
    "kugetsu path github.com/shoko/kugetsu#14",
    'cd "$(kugetsu path 14)"',
  ])
    .argument("<ref>", "the issue")
    .action((ref, options) => host.run("path", options, (context) => path(context, ref)));
}
