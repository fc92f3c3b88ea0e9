/** `kugetsu continue`: the next turn of an issue's session. */
import type { WorktreeSettings } from "../config/mod.ts";
import type { Host } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { RunningTurn, SessionRecord } from "../session/record.ts";
import type { IssueRef } from "../session/ref.ts";
import { begun } from "../session/state.ts";
import type { Context } from "./context.ts";
import { locate } from "./locate.ts";
import { readMessage } from "./message.ts";
import { placeAgain } from "./place.ts";
import { resolveRef } from "./target.ts";
import { beforeTurn, warmHooks } from "./hooks.ts";
import { type IssueFlags, newsFor, type Task, taskFor } from "./task.ts";
import { runTurn } from "./turn.ts";
import { newTurnCommand, type TurnFlags, turnSettings } from "./turn_flags.ts";

export interface ContinueOptions extends TurnFlags, IssueFlags {
  sync?: true | undefined;
  messageFile?: string | undefined;
}

const GO_ON = "Continue where you left off.";

export async function continueSession(
  context: Context,
  typed: string,
  argument: string | undefined,
  options: ContinueOptions,
): Promise<ExitStatus> {
  if (options.sync && options.withIssue) {
    throw errors.usage("Cannot send the whole issue and only what is new: --with-issue or --sync");
  }
  const ref = await resolveRef(context, typed);
  warmHooks(context, "continue");
  const { worktree, ...settings } = await turnSettings(context, options);
  const message = await readMessage(context, { argument, file: options.messageFile });
  const store = await context.store();
  const hold = await store.hold(ref);
  let plan;
  try {
    const startedAt = context.now();
    const task = await continueTask(context, ref, hold.record, message, options);
    if (!task) {
      await hold.release();
      context.output.result({ issue_ref: hold.key, new_comments: 0 }, "");
      context.output.note(`There is no new comment on ${hold.key} since its last turn.`);
      return EXIT.ok;
    }
    const session = hold.record.opencode_session_id!;
    const before = await withWorktree(context, ref, hold.record, worktree);
    const directory = await sessionFolder(context, before, session, typed);
    const turn: RunningTurn = {
      id: context.newId(),
      kind: "continue",
      started_at: startedAt,
      owner: await context.owner(),
    };
    const record = { ...begun(before, turn, context.now()), directory };
    plan = { ...settings, ...task, ref, turn, record, session, directory };
    plan = await beforeTurn(context, plan, hold.record);
  } catch (error) {
    await hold.release();
    throw error;
  }
  return await runTurn(context, hold, plan);
}

/** The record with its worktree there, where it has one. */
async function withWorktree(
  context: Context,
  ref: IssueRef,
  record: SessionRecord,
  settings: WorktreeSettings,
): Promise<SessionRecord> {
  const { directory, worktree } = record;
  if (!directory || !worktree) return record;
  const options = { ...settings, turn: context.newId() };
  const place = await context.untilStopped((signal) =>
    placeAgain(context, ref, { directory, worktree }, options, signal)
  );
  return { ...record, ...place };
}

/** What the turn is told; undefined if only news was asked for and there is none. */
async function continueTask(
  context: Context,
  ref: IssueRef,
  record: SessionRecord,
  message: string | undefined,
  options: ContinueOptions,
): Promise<Task | undefined> {
  if (!options.sync) return await taskFor(context, ref, message ?? GO_ON, options);
  const since = record.last_turn?.started_at ?? record.created_at;
  return await newsFor(context, ref, message, { ...options, since });
}

async function sessionFolder(
  context: Context,
  record: SessionRecord,
  session: string,
  typed: string,
): Promise<string> {
  const next = `kugetsu destroy ${JSON.stringify(typed)} -y`;
  if (!record.directory) return await locate(context, session, next);
  const workspace = await context.workspace();
  return workspace.folder(record.directory, "the session's folder", next);
}

export function continueCommand(host: Host) {
  return newTurnCommand("continue", "go on with an issue's session", [
    'kugetsu continue github.com/shoko/kugetsu#14 "add tests"',
    "kugetsu continue 14",
    "kugetsu continue 14 --sync        # send the comments that are new",
  ])
    .option("--sync", "send the comments that are new since the last turn, and nothing if none is")
    .argument("<ref>", "the issue: instance/user/repo#number, its web address, or its number")
    .argument("[message]", `what to do (- for standard input; default: "${GO_ON}")`)
    .action((ref, message, options) =>
      host.run("continue", options, (context) => continueSession(context, ref, message, options))
    );
}
