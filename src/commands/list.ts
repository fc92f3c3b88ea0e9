/** `kugetsu list`: every session with its state. */
import { Option } from "@commander-js/extra-typings";
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import { SESSION_STATES } from "../session/record.ts";
import type { Listing, SessionRow } from "../store/mod.ts";
import type { Context } from "./context.ts";

export interface ListOptions {
  state?: string | undefined;
}

const HEADER = ["ISSUE_REF", "TYPE", "SESSION_ID", "CREATED", "STATE"];

export async function list(context: Context, { state }: ListOptions): Promise<ExitStatus> {
  const { output } = context;
  const store = await context.store();
  if (output.json) {
    output.result(toJson(await store.list(), state), "");
    return EXIT.ok;
  }
  const { base, rows } = await store.overview();
  const all = base ? [base, ...rows] : rows;
  const cells = all.filter((row) => isWanted(row, state)).map(cellsOf);
  if (cells.length > 0) output.result(undefined, await output.table(HEADER, cells));
  else if (state) output.note(`There is no session in the state "${state}".`);
  else output.note("There is no session yet. Make the base session first: kugetsu init");
  for (const { key, problem } of all) {
    if (problem) output.warn(`"${key}" cannot be read: ${problem}; run: kugetsu doctor --fix`);
  }
  return EXIT.ok;
}

function isWanted(it: { state: string }, state: string | undefined): boolean {
  return state === undefined || it.state === state;
}

function cellsOf({ key, type, session, created, state }: SessionRow): string[] {
  return [key, type, session ?? "-", created, state];
}

function toJson({ base, sessions }: Listing, state: string | undefined) {
  const all = sessions.map(({ key, record, problem, holder }) =>
    record
      ? { ...record, issue_ref: key, ...(holder ? { holder } : {}) }
      : { issue_ref: key, state: "damaged", problem }
  );
  return {
    base: base && isWanted(base, state) ? base : null,
    sessions: all.filter((it) => isWanted(it, state)),
  };
}

export function listCommand(host: Host) {
  return newCommand("list", "list all sessions with their states", [
    "kugetsu list",
    "kugetsu list --state failed",
    "kugetsu list --json",
  ])
    .addOption(
      new Option("--state <state>", "only those in this state")
        .choices([...SESSION_STATES, "damaged"]),
    )
    .action((options) => host.run("list", options, (context) => list(context, options)));
}
