/** `kugetsu supervisor`: the background process that owns the turns: looked at, ended, and put in its place again. */
import { EXIT, type ExitStatus } from "../errors.ts";
import type { LiveTurn, SupervisorStatus } from "../supervisor/mod.ts";
import type { Context } from "./context.ts";
import { type Host, newCommand, newGroup } from "./define.ts";

export interface EndOptions {
  force?: boolean | undefined;
}

const HEADER = ["ISSUE_REF", "STATE", "SINCE", "DOING"];
const NONE = "No supervisor runs. One is started when a turn is handed in.";

/** Like other programs that tell the state of a service, it ends with another status when there is none. */
export async function supervisorStatus(context: Context): Promise<ExitStatus> {
  const status = await (await context.supervisor()).status();
  if (!status) {
    context.output.result({ running: false }, `${NONE}\n`);
    return EXIT.notFound;
  }
  await tell(context, status);
  return EXIT.ok;
}

export async function supervisorStop(
  context: Context,
  { force }: EndOptions,
): Promise<ExitStatus> {
  const supervisor = await context.supervisor();
  const stopped = await supervisor.shutdown({ turns: force ? "stop" : "refuse" });
  context.output.result({ stopped }, stopped ? "" : `${NONE}\n`);
  return EXIT.ok;
}

/** Turns on opencode's server go on meanwhile, and the next supervisor takes them up. */
export async function supervisorRestart(
  context: Context,
  { force }: EndOptions,
): Promise<ExitStatus> {
  const supervisor = await context.supervisor();
  await supervisor.shutdown({ turns: force ? "stop" : "leave", again: true });
  await tell(context, await supervisor.start());
  return EXIT.ok;
}

async function tell({ output }: Context, status: SupervisorStatus): Promise<void> {
  const { pid, version, started_at, server, max_parallel, turns, attached = [] } = status;
  const words = [
    `kugetsu ${version} has run as pid ${pid} since ${started_at}`,
    server === undefined ? "opencode's server does not run" : `opencode's server is pid ${server}`,
    `${turns.length === 1 ? "1 turn" : `${turns.length} turns`}, at most ${max_parallel} at once`,
  ];
  if (attached.length > 0) words.push(`opencode's interface is open on ${attached.join(", ")}`);
  const table = turns.length > 0 ? await output.table(HEADER, turns.map(cellsOf)) : "";
  const facts = { pid, version, started_at, server: server ?? null, max_parallel, attached };
  output.result(
    { running: true, ...facts, turns: turns.map(toJson) },
    `${words.join("\n")}\n${table}`,
  );
}

function cellsOf({ key, state, position, since, doing, ask }: LiveTurn): string[] {
  const what = ask ? `wants ${ask.what}` : doing ?? "";
  return [key, position === undefined ? state : `${state} (${position})`, since, what];
}

function toJson({ key, position, behind, doing, ask, ...turn }: LiveTurn) {
  return {
    issue_ref: key,
    ...turn,
    position: position ?? null,
    behind: behind ?? 0,
    doing: doing ?? null,
    ask: ask?.what ?? null,
  };
}

export function supervisorCommand(host: Host) {
  const group = newGroup("supervisor", "the background process that runs the turns", [
    "kugetsu supervisor status",
    "kugetsu supervisor restart",
  ]);
  group.addCommand(
    newCommand("status", "say whether it runs, and with which turns", [
      "kugetsu supervisor status",
      "kugetsu supervisor status --json",
    ])
      .action((options) => host.run("supervisor status", options, supervisorStatus)),
  );
  group.addCommand(
    newCommand("stop", "end it and opencode's server; the next turn starts them again", [
      "kugetsu supervisor stop",
      "kugetsu supervisor stop --force",
    ])
      .option("--force", "stop the turns that are not over")
      .action((options) =>
        host.run("supervisor stop", options, (context) => supervisorStop(context, options))
      ),
  );
  group.addCommand(
    newCommand("restart", "put a new one in its place, while turns go on", [
      "kugetsu supervisor restart",
    ])
      .option("--force", "stop the turns that are not over, also those on opencode's server")
      .action((options) =>
        host.run("supervisor restart", options, (context) => supervisorRestart(context, options))
      ),
  );
  return group;
}
