/** `kugetsu start`: a new session for an issue, forked from the base, and its first turn. */
import { Option } from "@commander-js/extra-typings";
import type { Host } from "./define.ts";
import { errors, type ExitStatus } from "../errors.ts";
import type { RunningTurn } from "../session/record.ts";
import { startingRecord } from "../session/state.ts";
import type { IssueRef } from "../session/ref.ts";
import { chooseBase } from "./base.ts";
import type { Context } from "./context.ts";
import { readMessage } from "./message.ts";
import { type Place, placeOf, undoPlace } from "./place.ts";
import { resolveRef } from "./target.ts";
import { beforeTurn, warmHooks } from "./hooks.ts";
import { type IssueFlags, needsMessage, type Task, taskFor } from "./task.ts";
import { runTurn } from "./turn.ts";
import { newTurnCommand, type TurnFlags, turnSettings } from "./turn_flags.ts";

export interface StartOptions extends TurnFlags, IssueFlags {
  messageFile?: string | undefined;
  base?: "default" | undefined;
  worktree?: boolean | undefined;
  shared?: boolean | undefined;
  from?: string | undefined;
}

export async function start(
  context: Context,
  typed: string,
  argument: string | undefined,
  options: StartOptions,
): Promise<ExitStatus> {
  if (options.shared && (options.worktree || options.from !== undefined)) {
    throw errors.usage("Cannot work in the shared folder and in a worktree: --shared stands alone");
  }
  const ref = await resolveRef(context, typed);
  warmHooks(context, "start");
  const { worktree, ...settings } = await turnSettings(context, options);
  const store = await context.store();
  const base = await chooseBase(context, ref, options.base);
  const message = await readMessage(context, { argument, file: options.messageFile });
  // Before the issue is read: whatever is said there from now on is new to a later --sync.
  const startedAt = context.now();
  const task = await startTask(context, ref, typed, message, options);
  const hold = await store.claim(ref);
  let place: Place | undefined;
  let plan;
  try {
    const turn: RunningTurn = {
      id: context.newId(),
      kind: "start",
      started_at: startedAt,
      owner: await context.owner(),
    };
    const { from, worktree: demanded = false } = options;
    const choice = { ...worktree, demanded, from, turn: turn.id };
    place = await context.untilStopped((signal) => placeOf(context, base, ref, choice, signal));
    const { directory, made } = place;
    const record = {
      ...startingRecord(hold.key, turn, context.now()),
      directory,
      ...(made ? { worktree: made.worktree } : {}),
    };
    const session = base.opencode_session_id;
    const undo = undoPlace.bind(undefined, context, place);
    plan = { ...settings, ...task, ref, turn, record, session, directory, undo };
    plan = await beforeTurn(context, plan, hold.record);
  } catch (error) {
    if (place) await undoPlace(context, place);
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

export function startCommand(host: Host) {
  return newTurnCommand("start", "begin work on an issue, in a session forked from the base", [
    'kugetsu start github.com/shoko/kugetsu#14 "fix the login"',
    "kugetsu start github.com/shoko/kugetsu#14   # the issue itself is the task",
    "kugetsu start 14 --message-file task.md   # 14 of this repository's origin",
    "git log -1 | kugetsu start github.com/shoko/kugetsu#14 -",
  ])
    .argument("<ref>", "the issue: instance/user/repo#number, its web address, or its number")
    .argument("[message]", "what to do (- for standard input; default: what the issue says)")
    .option("--worktree", "work in a worktree of the issue's own, on a branch of its own")
    .option("--shared", "work in the base's folder itself")
    .option("--from <revision>", "the commit that the worktree begins at")
    .addOption(
      new Option("--base <which>", "fork the default base, whatever it is a clone of")
        .choices(["default"]),
    )
    .action((ref, message, options) =>
      host.run("start", options, (context) => start(context, ref, message, options))
    );
}
