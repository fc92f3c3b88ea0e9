/** `kugetsu start`: a new session for an issue, forked from the base, and its first turn. */
import { type Host, newTurnCommand } from "./define.ts";
import { errors, type ExitStatus } from "../errors.ts";
import type { MadeSession, RunningTurn } from "../session/record.ts";
import { startingRecord } from "../session/state.ts";
import type { IssueRef } from "../session/ref.ts";
import type { Context } from "./context.ts";
import { locate } from "./locate.ts";
import { readMessage } from "./message.ts";
import { resolveRef } from "./target.ts";
import { beforeTurn, warmHooks } from "./hooks.ts";
import { type IssueFlags, needsMessage, type Task, taskFor } from "./task.ts";
import { runTurn } from "./turn.ts";
import { type TurnFlags, turnSettings } from "./turn_flags.ts";

export interface StartOptions extends TurnFlags, IssueFlags {
  messageFile?: string | undefined;
}

export async function start(
  context: Context,
  typed: string,
  argument: string | undefined,
  options: StartOptions,
): Promise<ExitStatus> {
  const ref = await resolveRef(context, typed);
  warmHooks(context, "start");
  const settings = await turnSettings(context, options);
  const store = await context.store();
  const base = await store.base();
  if (!base) throw errors.noBase();
  const message = await readMessage(context, { argument, file: options.messageFile });
  // Before the issue is read: whatever is said there from now on is new to a later --sync.
  const startedAt = context.now();
  const task = await startTask(context, ref, typed, message, options);
  const hold = await store.claim(ref);
  let plan;
  try {
    const directory = await baseFolder(context, base);
    const turn: RunningTurn = {
      id: context.newId(),
      kind: "start",
      started_at: startedAt,
      owner: await context.owner(),
    };
    const record = { ...startingRecord(hold.key, turn, context.now()), directory };
    const session = base.opencode_session_id;
    plan = { ...settings, ...task, ref, turn, record, session, directory };
    plan = await beforeTurn(context, plan, hold.record);
  } catch (error) {
    await hold.release();
    throw error;
  }
  return await runTurn(context, hold, plan);
}

async function startTask(
  context: Context,
  ref: IssueRef,
  typed: string,
  message: string | undefined,
  options: StartOptions,
): Promise<Task> {
  try {
    return await taskFor(context, ref, message, options);
  } catch (error) {
    if (message !== undefined) throw error;
    throw needsMessage(error, `kugetsu start ${JSON.stringify(typed)} "what to do"`);
  }
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
    "kugetsu start github.com/shoko/kugetsu#14   # the issue itself is the task",
    "kugetsu start 14 --message-file task.md   # 14 of this repository's origin",
    "git log -1 | kugetsu start github.com/shoko/kugetsu#14 -",
  ])
    .argument("<ref>", "the issue: instance/user/repo#number, its web address, or its number")
    .argument("[message]", "what to do (- for standard input; default: what the issue says)")
    .action((ref, message, options) =>
      host.run("start", options, (context) => start(context, ref, message, options))
    );
}
