/** `kugetsu list`: every session with its state. */
import { Option } from "@commander-js/extra-typings";
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import { type MadeSession, SESSION_STATES } from "../session/record.ts";
import type { Listing, SessionRow } from "../store/mod.ts";
import type { Context } from "./context.ts";
import { trueOnes } from "./wake.ts";

export interface ListOptions {
  state?: string | undefined;
}

const HEADER = ["ISSUE_REF", "TYPE", "SESSION_ID", "CREATED", "STATE"];

export async function list(context: Context, { state }: ListOptions): Promise<ExitStatus> {
  const { output } = context;
  const store = await context.store();
  if (output.json) {
    const bases = await withBehind(context, await store.bases());
    const listing = await trueOnes(context, () => store.list());
    output.result(toJson(listing, bases, state), "");
    return EXIT.ok;
  }
  const { base, bases, rows } = await trueOnes(context, () => store.overview());
  const all = [...(base ? [base] : []), ...bases, ...rows];
  const cells = all.filter((row) => isWanted(row, state)).map(cellsOf);
  if (cells.length > 0) output.result(undefined, await output.table(HEADER, cells));
  else if (state) output.note(`There is no session in the state "${state}".`);
  else output.note("There is no session yet. Make the base session first: kugetsu init");
  for (const { key, problem } of all) {
    if (problem) output.warn(`"${key}" cannot be read: ${problem}; run: kugetsu doctor --fix`);
  }
  if ([base, ...bases].some((it) => it?.branch)) await noteBehind(context, await store.bases());
  return EXIT.ok;
}

/** Bases with the number of commits that their branch has gone on by, where it has. */
async function withBehind(context: Context, bases: MadeSession[]) {
  const known = bases.some((it) => it.branch) ? await context.workspace() : undefined;
  return await Promise.all(bases.map(async (base) => {
    const { directory, branch, commit } = base;
    if (!known || !directory || !branch || !commit) return base;
    const behind = await known.behind(directory, branch, commit);
    return behind > 0 ? { ...base, behind } : base;
  }));
}

async function noteBehind(context: Context, bases: MadeSession[]): Promise<void> {
  for (const base of await withBehind(context, bases)) {
    if (!("behind" in base)) continue;
    const of = base.repository ? ` of ${base.repository}` : "";
    const commits = base.behind === 1 ? "1 commit" : `${base.behind} commits`;
    const next = `kugetsu init --refresh --dir ${JSON.stringify(base.directory)}`;
    context.output.note(`The base${of} is ${commits} behind ${base.branch}. Renew it: ${next}`);
  }
}

function isWanted(it: { state: string }, state: string | undefined): boolean {
  return state === undefined || it.state === state;
}

function cellsOf({ key, type, session, created, state }: SessionRow): string[] {
  return [key, type, session ?? "-", created, state];
}

/** With all bases: a program that looks for issues in one state must not take it that there is no base. */
function toJson({ base, sessions }: Listing, bases: MadeSession[], state: string | undefined) {
  const isFirst = (it: MadeSession) => it.opencode_session_id === base?.opencode_session_id;
  const all = sessions.map(({ key, record, problem, holder }) =>
    record
      ? { ...record, issue_ref: key, ...(holder ? { holder } : {}) }
      : { issue_ref: key, state: "damaged", problem }
  );
  return {
    base: bases.find(isFirst) ?? null,
    bases: bases.filter((it) => !isFirst(it)),
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
