/** `kugetsu start`: a new session for an issue, forked from the base, and its first turn. */
import type { Host } from "./define.ts";
import { errors, type ExitStatus } from "../errors.ts";
import type { MadeSession, RunningTurn } from "../session/record.ts";
import { startingRecord } from "../session/state.ts";
import type { Context } from "./context.ts";
import { locate } from "./locate.ts";
import { readMessage } from "./message.ts";
import { resolveRef } from "./target.ts";
import { runTurn } from "./turn.ts";
import { newTurnCommand, type TurnFlags, turnSettings } from "./turn_flags.ts";

export interface StartOptions extends TurnFlags {
  messageFile?: string | undefined;
}

export async function start(
  context: Context,
  typed: string,
  argument: string | undefined,
  options: StartOptions,
): Promise<ExitStatus> {
  const ref = await resolveRef(context, typed);
  const settings = await turnSettings(context, options);
  const store = await context.store();
  const base = await store.base();
  if (!base) throw errors.noBase();
  const message = await readMessage(context, { argument, file: options.messageFile });
  if (message === undefined) {
    throw errors.noMessage(`kugetsu start ${JSON.stringify(typed)} "what to do"`);
  }
  const hold = await store.claim(ref);
  let plan;
  try {
    const directory = await baseFolder(context, base);
    const turn: RunningTurn = {
      id: context.newId(),
      kind: "start",
      started_at: context.now(),
      owner: await context.owner(),
    };
    const record = { ...startingRecord(hold.key, turn, context.now()), directory };
    plan = { ...settings, turn, record, session: base.opencode_session_id, directory, message };
  } catch (error) {
    await hold.release();
    throw error;
  }
  return await runTurn(context, hold, plan);
}

/** The base's folder. One that the tool before this one recorded has none yet: opencode is asked, once. */
async function baseFolder(context: Context, base: MadeSession): Promise<string> {
  const workspace = await context.workspace();
  const next = "kugetsu init --force";
  if (base.directory) return workspace.folder(base.directory, "the base session's folder", next);
  const directory = await locate(context, base.opencode_session_id, next);
  const store = await context.store();
  await store.setBase({ ...base, directory }, { replace: true });
  return directory;
}

export function startCommand(host: Host) {
  return newTurnCommand("start", "begin work on an issue, in a session forked from the base", [
    'kugetsu start github.com/shoko/kugetsu#14 "fix the login"',
    "kugetsu start 14 --message-file task.md   # 14 of this repository's origin",
    "git log -1 | kugetsu start github.com/shoko/kugetsu#14 -",
  ])
    .argument("<ref>", "the issue: instance/user/repo#number, its web address, or its number")
    .argument("[message]", "what to do (- for standard input)")
    .action((ref, message, options) =>
      host.run("start", options, (context) => start(context, ref, message, options))
    );
}
