/** `kugetsu list`: every session with its state. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import type { SessionRecord } from "../session/record.ts";
import type { Listing, StoredSession } from "../store/mod.ts";
import type { Context } from "./context.ts";

export interface ListOptions {
  state?: string | undefined;
}

const HEADER = ["ISSUE_REF", "TYPE", "SESSION_ID", "CREATED", "STATE"];

export async function list(context: Context, { state }: ListOptions): Promise<ExitStatus> {
  const { output } = context;
  const store = await context.store();
  const listing = await store.list();
  const sessions = listing.sessions.filter((it) => !state || stateOf(it) === state);
  const base = state && listing.base?.state !== state ? undefined : listing.base;
  if (output.json) output.result({ base: base ?? null, sessions: sessions.map(toJson) }, "");
  else if (base || sessions.length > 0) output.write(output.table(HEADER, rowsOf(base, sessions)));
  else if (state) output.note(`There is no session in the state "${state}".`);
  else output.note(howToBegin(listing));
  for (const { key, problem } of sessions) {
    if (problem) output.warn(`"${key}" cannot be read: ${problem}; run: kugetsu doctor --fix`);
  }
  return EXIT.ok;
}

function howToBegin({ base }: Listing): string {
  return base
    ? 'There is no issue yet. Begin one with: kugetsu start github.com/user/repo#1 "what to do"'
    : "There is no session yet. Make the base session first: kugetsu init";
}

function rowsOf(base: SessionRecord | undefined, sessions: StoredSession[]): string[][] {
  const rows = sessions.map((it) => [
    it.key,
    it.record?.type ?? "?",
    it.record?.opencode_session_id ?? "-",
    it.record?.created_at ?? "?",
    stateOf(it),
  ]);
  if (!base) return rows;
  return [
    ["(base)", base.type, base.opencode_session_id ?? "-", base.created_at, base.state],
    ...rows,
  ];
}

function stateOf({ record }: StoredSession): string {
  return record?.state ?? "damaged";
}

function toJson({ key, record, problem, holder }: StoredSession) {
  if (!record) return { issue_ref: key, state: "damaged", problem };
  return { ...record, issue_ref: key, ...(holder ? { holder } : {}) };
}

export function listCommand(host: Host) {
  return newCommand("list", "list all sessions with their states", [
    "kugetsu list",
    "kugetsu list --state failed",
    "kugetsu list --json",
  ])
    .option("--state <state>", "only those in this state (idle, running, failed, blocked, stopped)")
    .action((options) => host.run("list", options, (context) => list(context, options)));
}
