/**
 * `kugetsu attach`: opencode's own interface on an issue's session, on the server that its turns run on.
 *
 * Whoever attaches holds the issue's turn lock, so that no turn begins beside what is done by hand; where a turn runs
 * already, it is watched. A turn that was begun by hand and is under way when the interface is left is waited for.
 */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus, KugetsuError, type StopSignal } from "../errors.ts";
import type { Attended } from "../runner/mod.ts";
import type { SessionRecord } from "../session/record.ts";
import { attended, whereabouts } from "../session/state.ts";
import type { Hold } from "../store/mod.ts";
import type { Context } from "./context.ts";
import { folderOf, recordOf } from "./path.ts";
import { endLeftovers } from "./turn.ts";

export async function attach(
  context: Context,
  typed: string,
  { print }: { print?: true | undefined },
): Promise<ExitStatus> {
  const { key, record } = await recordOf(context, typed);
  if (record.opencode_session_id === null) throw errors.noSession(key);
  if (print) {
    const command = context.overSsh(`attach ${JSON.stringify(key)}`);
    context.output.result({ issue_ref: key, command }, `${command}\n`);
    return EXIT.ok;
  }
  if (!context.output.interactive) throw errors.noTerminalToAttach(key);
  const hold = await holdUnlessRunning(context, key);
  try {
    const { did, by } = await open(context, key, hold);
    if (hold && did.kind !== "nothing") await hold.save(afterwards(context, hold.record!, did));
    context.output.result({ issue_ref: key, watched: !hold, outcome: did.kind }, "");
    context.output.note(`${key}: ${inWords(did, !hold)}`);
    if (by) throw errors.stopped(`stay attached to ${JSON.stringify(key)}`, by);
    return EXIT.ok;
  } finally {
    await hold?.release();
  }
}

/** Undefined where a turn runs. */
async function holdUnlessRunning(context: Context, key: string): Promise<Hold | undefined> {
  const store = await context.store();
  try {
    return await store.hold(key);
  } catch (error) {
    if (!(error instanceof KugetsuError) || error.code !== "turn-running") throw error;
    context.output.note("A turn is running; it can be watched, and it goes on when you leave.");
    return undefined;
  }
}

/** What was done there, and the signal that ended it, if one did. */
async function open(
  context: Context,
  key: string,
  hold: Hold | undefined,
): Promise<{ did: Attended; by: StopSignal | undefined }> {
  // With the hold, as it is now; somebody who runs a turn changes it all the time, but not where it is.
  const record = hold?.record ?? (await recordOf(context, key)).record;
  if (hold && record.turn) await endLeftovers(context, record.turn, whereabouts(record));
  const id = record.opencode_session_id!;
  const directory = await folderOf(context, key, record);
  const { agent, limits } = (await context.config()).settings({});
  const [supervisor, sessions] = await Promise.all([context.supervisor(), context.sessions()]);
  context.output.note("Opening opencode …");
  const { giveBack, ...door } = await supervisor.server({ key, directory, agent });
  const waits = () =>
    context.output.note("What was begun there is still under way; Ctrl-C stops it. Waiting …");
  try {
    const options = { watches: hold === undefined, seconds: limits.total, waits };
    return await context.untilStopped(async (signal) => {
      const did = await sessions.attend({ id, directory }, door, options, signal);
      return { did, by: signal.aborted ? signal.reason as StopSignal : undefined };
    });
  } finally {
    giveBack();
  }
}

function afterwards(context: Context, record: SessionRecord, did: Attended): SessionRecord {
  const now = context.now();
  switch (did.kind) {
    case "stopped":
      return attended(record, { state: "stopped", reason: `stopped: ${did.why}` }, now);
    case "failed":
      return attended(record, { state: "failed", reason: did.why }, now);
    default:
      return attended(record, { state: "idle" }, now);
  }
}

function inWords(did: Attended, watched: boolean): string {
  if (watched) return "left; the turn was only watched";
  if (did.kind === "nothing") return "nothing was said";
  return "why" in did ? `${did.kind}: ${did.why}` : "what was said is done";
}

export function attachCommand(host: Host) {
  return newCommand("attach", "open opencode's own interface on an issue's session", [
    "kugetsu attach github.com/shoko/kugetsu#14",
    "kugetsu attach 14 --print   # the call for the terminal of another machine",
  ])
    .argument("<ref>", "the issue")
    .option("--print", "only print how to do it over SSH")
    .action((ref, options) =>
      host.run("attach", options, (context) => attach(context, ref, options))
    );
}
