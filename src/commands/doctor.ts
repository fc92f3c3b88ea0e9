/** `kugetsu doctor`: what is not as it should be, and its repair. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus, KugetsuError } from "../errors.ts";
import { gone } from "../session/state.ts";
import type { Finding, Store } from "../store/mod.ts";
import type { Context } from "./context.ts";
import { endLeftovers } from "./turn.ts";

export interface DoctorOptions {
  fix?: boolean | undefined;
}

/** One line of the report. `repaired` is there only where something was done. */
interface Line {
  check: string;
  ok: boolean;
  text: string;
  next?: string | undefined;
  repaired?: boolean;
}

export async function doctor(context: Context, { fix }: DoctorOptions): Promise<ExitStatus> {
  const opencode = await checkOpencode(context);
  const state = await checkStore(context, fix === true);
  const readable = !state.some((line) => line.check === "index-damaged" && !line.repaired);
  const sessions = opencode.ok && readable ? await checkSessions(context) : [];
  const lines = [opencode, ...state, ...sessions];
  const bad = lines.filter((line) => !line.ok);
  context.output.result({ ok: bad.length === 0, checks: lines }, lines.map(inWords).join(""));
  return bad.length === 0 ? EXIT.ok : EXIT.environment;
}

async function checkOpencode(context: Context): Promise<Line> {
  const sessions = await context.sessions();
  return await attempt("opencode", async () => {
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
      for (const { turn } of found) if (turn) await endLeftovers(context, turn);
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
    const { base, sessions } = await store.list();
    const mapped = sessions.flatMap(({ key, record }) =>
      record?.opencode_session_id ? [{ key, id: record.opencode_session_id }] : []
    );
    const ids = [...mapped.map((it) => it.id), ...(base ? [base.opencode_session_id] : [])];
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
    if (base && !present.has(base.opencode_session_id)) {
      lines.push(baseGone(base.opencode_session_id));
    }
    if (lines.length > 0) return lines;
    return [{ check: "sessions", ok: true, text: `opencode has all ${ids.length} sessions` }];
  });
}

async function markGone(context: Context, store: Store, keys: string[]): Promise<void> {
  for (const key of keys) await store.amend(key, (record) => gone(record, context.now()));
}

function baseGone(id: string): Line {
  return {
    check: "sessions",
    ok: false,
    text: `opencode no longer has the base session ${id}`,
    next: "kugetsu init --force",
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

/** A check that fails is a line of the report, not the end of it; one that is stopped is the end. */
async function attempt(check: string, look: () => Promise<Line[]>): Promise<Line[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof KugetsuError) || error.code === "stopped") throw error;
    return [{ check, ok: false, text: error.message, next: error.next }];
  }
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
