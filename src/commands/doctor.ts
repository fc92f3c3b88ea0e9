/** `kugetsu doctor`: what is not as it should be, and its repair. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import type { MadeSession } from "../session/record.ts";
import { gone } from "../session/state.ts";
import type { Finding, Store } from "../store/mod.ts";
import { attempt, type Line } from "./checks.ts";
import type { Context } from "./context.ts";
import { endLeftovers } from "./turn.ts";
import { checkWorktrees } from "./worktree_checks.ts";

export interface DoctorOptions {
  fix?: boolean | undefined;
}

export async function doctor(context: Context, { fix }: DoctorOptions): Promise<ExitStatus> {
  const opencode = await checkOpencode(context);
  const state = await checkStore(context, fix === true);
  const readable = !state.some((line) => line.check === "index-damaged" && !line.repaired);
  const sessions = opencode.ok && readable ? await checkSessions(context) : [];
  const worktrees = readable ? await checkWorktrees(context, fix === true) : [];
  const lines = [opencode, ...state, ...sessions, ...worktrees];
  const bad = lines.filter((line) => !line.ok);
  context.output.result({ ok: bad.length === 0, checks: lines }, lines.map(inWords).join(""));
  return bad.length === 0 ? EXIT.ok : EXIT.environment;
}

async function checkOpencode(context: Context): Promise<Line> {
  return await attempt("opencode", async () => {
    const sessions = await context.sessions();
    const version = await sessions.version();
    return [{
      check: "opencode",
      ok: true,
      text: `opencode ${version} at ${sessions.executable()}`,
    }];
  }).then(([line]) => line!);
}

function checkStore(context: Context, fix: boolean): Promise<Line[]> {
  return attempt("state folder", async () => {
    const store = await context.store();
    const found = await store.examine();
    if (fix) {
      for (const { cutOff } of found) {
        if (cutOff) await endLeftovers(context, cutOff.turn, cutOff.where);
      }
    }
    const repaired = fix && found.some((it) => it.kind !== "orphan") ? await store.repair() : [];
    const left = fix ? await store.examine() : found;
    const lines = [
      ...repaired.map((it) => lineOf(it, true)),
      ...left.map((it) => lineOf(it, false)),
    ];
    return lines.length > 0
      ? lines
      : [{ check: "state folder", ok: true, text: `${store.folder} is sound` }];
  });
}

/** Which sessions opencode no longer has. When it cannot be asked, nothing changes. */
function checkSessions(context: Context): Promise<Line[]> {
  return attempt("sessions", async () => {
    const store = await context.store();
    const { sessions } = await store.list();
    const mapped = sessions.flatMap(({ key, record }) =>
      record?.opencode_session_id ? [{ key, id: record.opencode_session_id }] : []
    );
    const bases = await store.bases();
    const ids = [...mapped, ...bases.map((it) => ({ id: it.opencode_session_id }))].map((it) =>
      it.id
    );
    if (ids.length === 0) return [{ check: "sessions", ok: true, text: "there is no session yet" }];
    const opencode = await context.sessions();
    const present = await context.untilStopped((signal) =>
      opencode.find(ids, store.folder, signal)
    );
    const missing = mapped.filter((it) => !present.has(it.id));
    await markGone(context, store, missing.map((it) => it.key));
    const lines: Line[] = missing.map(({ key, id }) => ({
      check: "sessions",
      ok: false,
      text: `${key}: opencode no longer has its session ${id}`,
      next: `kugetsu destroy ${JSON.stringify(key)} -y`,
    }));
    const lost = bases.filter((it) => !present.has(it.opencode_session_id));
    lines.push(...lost.map(baseGone));
    if (lines.length > 0) return lines;
    return [{ check: "sessions", ok: true, text: `opencode has all ${ids.length} sessions` }];
  });
}

async function markGone(context: Context, store: Store, keys: string[]): Promise<void> {
  for (const key of keys) await store.amend(key, (record) => gone(record, context.now()));
}

function baseGone({ opencode_session_id: id, repository, directory }: MadeSession): Line {
  const of = repository ? ` of ${repository}` : "";
  return {
    check: "sessions",
    ok: false,
    text: `opencode no longer has the base session ${id}${of}`,
    next: `kugetsu init --force${directory ? ` --dir ${JSON.stringify(directory)}` : ""}`,
  };
}

function lineOf(finding: Finding, repaired: boolean): Line {
  const { kind, subject, what, repair } = finding;
  // An orphan is for prune to delete, and harms nothing while it lies there.
  const ok = repaired || kind === "orphan";
  return {
    check: kind,
    ok,
    text: `${subject}: ${what}; ${repaired ? `repaired: ${repair}` : `repair: ${repair}`}`,
    ...(repaired ? { repaired } : {}),
    ...(ok ? {} : { next: "kugetsu doctor --fix" }),
  };
}

function inWords({ ok, text, next, repaired }: Line): string {
  const mark = repaired ? "fixed" : ok ? "ok" : "bad";
  return `${mark.padEnd(6)} ${text}\n${next ? `       run: ${next}\n` : ""}`;
}

export function doctorCommand(host: Host) {
  return newCommand("doctor", "check opencode, the state folder and the sessions", [
    "kugetsu doctor",
    "kugetsu doctor --fix",
  ])
    .option("--fix", "repair what can be repaired, keeping a copy of what cannot be read")
    .action((options) => host.run("doctor", options, (context) => doctor(context, options)));
}
