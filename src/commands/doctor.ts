/** `kugetsu doctor`: what is not as it should be, and its repair. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import { type Finding, isByHand } from "../store/mod.ts";
import { attempt, inWords, type Line, withoutRepeats } from "./checks.ts";
import type { Context } from "./context.ts";
import { checkFolders } from "./folder_checks.ts";
import { checkPlugins } from "./plugin_checks.ts";
import { checkSessions } from "./session_checks.ts";
import { endLeftovers } from "./turn.ts";
import { checkWorktrees } from "./worktree_checks.ts";

export interface DoctorOptions {
  fix?: boolean | undefined;
}

export async function doctor(context: Context, { fix }: DoctorOptions): Promise<ExitStatus> {
  const opencode = await checkOpencode(context);
  // What an earlier supervisor has left is no fault: the next one takes it up. That none can come up is one.
  const supervisor = await attempt("supervisor", async () => {
    await (await context.supervisor()).wake();
    return [];
  });
  const around = [...await checkGit(context), ...await checkSettings(context)];
  const state = await checkStore(context, fix === true);
  const readable = !state.some((line) => UNREADABLE.includes(line.check) && !line.repaired);
  const sessions = opencode.ok && readable
    ? await checkSessions(context, state.some(isRebuiltBase))
    : [];
  const folders = readable ? await checkFolders(context) : [];
  const worktrees = readable ? await checkWorktrees(context, fix === true) : [];
  const turns = await checkTurns(context, fix === true);
  const plugins = await checkPlugins(context);
  const lines = withoutRepeats(
    [
      ...[opencode, ...around, ...supervisor, ...state, ...sessions],
      ...[...folders, ...worktrees, ...turns, ...plugins],
    ],
  );
  const bad = lines.filter((line) => !line.ok);
  const { output } = context;
  const report = lines.flatMap(inWords).map((it) => `${output.visible(it)}\n`);
  output.result({ ok: bad.length === 0, checks: lines }, report.join(""));
  return bad.length === 0 ? EXIT.ok : EXIT.environment;
}

/** What leaves nothing to be known of the sessions. */
const UNREADABLE = ["index-damaged", "not-a-folder"];

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

function checkGit(context: Context): Promise<Line[]> {
  return attempt("git", async () => {
    const git = (await context.workspace()).git();
    return [{ check: "git", ok: true, text: `git at ${git}` }];
  });
}

/** What would be refused when a turn is begun. */
function checkSettings(context: Context): Promise<Line[]> {
  return attempt("settings", async () => {
    (await context.config()).settings({});
    return [];
  });
}

/** Whether what was accepted of each issue can be read. */
function checkTurns(context: Context, fix: boolean): Promise<Line[]> {
  return attempt("turns", async () => {
    const traces = await context.traces();
    return traces.issues().flatMap(({ name, why, isDamaged = false }): Line[] => {
      if (why === undefined) return [];
      if (!isDamaged) return [{ check: "turns", ok: false, text: why }];
      if (!fix) return [{ check: "turns", ok: false, text: why, next: "kugetsu doctor --fix" }];
      traces.setAside(name);
      return [{ check: "turns", ok: true, text: `${why}; repaired: put it aside`, repaired: true }];
    });
  });
}

function checkStore(context: Context, fix: boolean): Promise<Line[]> {
  return attempt("state folder", async () => {
    const store = await context.store();
    const found = await store.examine();
    const repairs = fix && !found.some((it) => it.kind === "unwritable");
    if (repairs) {
      for (const { cutOff } of found) {
        if (cutOff) await endLeftovers(context, cutOff.turn, cutOff.where);
      }
    }
    const repaired = repairs && found.some((it) => !isByHand(it)) ? await store.repair() : [];
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

function isRebuiltBase({ check, repaired }: Line): boolean {
  return repaired === true && (check === "base-mismatch" || check === "record-damaged");
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
    ...(ok || isByHand(finding) ? {} : { next: "kugetsu doctor --fix" }),
  };
}

export function doctorCommand(host: Host) {
  return newCommand("doctor", "check opencode, the state folder, sessions and plugins", [
    "kugetsu doctor",
    "kugetsu doctor --fix",
  ])
    .option("--fix", "repair what can be repaired, keeping a copy of what cannot be read")
    .action((options) => host.run("doctor", options, (context) => doctor(context, options)));
}
