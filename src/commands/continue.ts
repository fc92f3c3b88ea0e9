/** `kugetsu continue`: the next turn of an issue's session. */
import type { Host } from "./define.ts";
import type { ExitStatus } from "../errors.ts";
import type { RunningTurn, SessionRecord } from "../session/record.ts";
import { begun } from "../session/state.ts";
import type { Context } from "./context.ts";
import { locate } from "./locate.ts";
import { readMessage } from "./message.ts";
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
  const settings = await turnSettings(context, options);
  const message = await readMessage(context, { argument, file: options.messageFile }) ?? GO_ON;
  const store = await context.store();
  const hold = await store.hold(ref);
  let plan;
  try {
    const session = hold.record.opencode_session_id!;
    const directory = await sessionFolder(context, hold.record, session, typed);
    const turn: RunningTurn = {
      id: context.newId(),
      kind: "continue",
      started_at: context.now(),
      owner: await context.owner(),
    };
    const record = { ...begun(hold.record, turn, context.now()), directory };
    plan = { ...settings, turn, record, session, directory, message };
  } catch (error) {
    await hold.release();
    throw error;
  }
  return await runTurn(context, hold, plan);
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
