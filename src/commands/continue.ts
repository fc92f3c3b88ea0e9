/** `kugetsu continue`: the next turn of an issue's session. */
import type { WorktreeSettings } from "../config/mod.ts";
import type { Host } from "./define.ts";
import type { ExitStatus } from "../errors.ts";
import type { RunningTurn, SessionRecord } from "../session/record.ts";
import type { IssueRef } from "../session/ref.ts";
import { begun } from "../session/state.ts";
import type { Context } from "./context.ts";
import { locate } from "./locate.ts";
import { readMessage } from "./message.ts";
import { placeAgain } from "./place.ts";
import { resolveRef } from "./target.ts";
import { runTurn } from "./turn.ts";
import { newTurnCommand, type TurnFlags, turnSettings } from "./turn_flags.ts";

export interface ContinueOptions extends TurnFlags {
  messageFile?: string | undefined;
}

const GO_ON = "Continue where you left off.";

export async function continueSession(
  context: Context,
  typed: string,
  argument: string | undefined,
  options: ContinueOptions,
): Promise<ExitStatus> {
  const ref = await resolveRef(context, typed);
  const { worktree, ...settings } = await turnSettings(context, options);
  const message = await readMessage(context, { argument, file: options.messageFile }) ?? GO_ON;
  const store = await context.store();
  const hold = await store.hold(ref);
  let plan;
  try {
    const session = hold.record.opencode_session_id!;
    const before = await withWorktree(context, ref, hold.record, worktree);
    const directory = await sessionFolder(context, before, session, typed);
    const turn: RunningTurn = {
      id: context.newId(),
      kind: "continue",
      started_at: context.now(),
      owner: await context.owner(),
    };
    const record = { ...begun(before, turn, context.now()), directory };
    plan = { ...settings, turn, record, session, directory, message };
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
  ])
    .argument("<ref>", "the issue: instance/user/repo#number, its web address, or its number")
    .argument("[message]", `what to do (- for standard input; default: "${GO_ON}")`)
    .action((ref, message, options) =>
      host.run("continue", options, (context) => continueSession(context, ref, message, options))
    );
}
