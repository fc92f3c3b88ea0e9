/**
 * Finding and ending processes without ever touching the wrong one.
 *
 * A process is known by its number, its start time and the boot, never by the number alone. What a turn
 * started is found in two ways: as descendants of its opencode, and by a mark in their environment, which
 * also finds those whose parent is gone and those that made a session of their own. The mark can be read on
 * Linux only; elsewhere descendants have to do.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { ProcessIdentity } from "../session/record.ts";

/** One row of the process table. */
interface Row {
  pid: number;
  parent: number;
  started: string;
  zombie: boolean;
}

const HAS_PROC = process.platform === "linux";

/** Who a process is, or undefined if there is none with that number. */
export function identify(pid: number): ProcessIdentity | undefined {
  const row = rowOf(pid);
  return row && !row.zombie ? { pid, started: row.started, boot: bootId() } : undefined;
}

/** Whether that very process is still there. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now?.started === identity.started && now.boot === identity.boot;
}

/**
 * The name of the environment variable that marks everything a turn starts. It is a name that a shell takes: dash
 * hands on to its children no variable with a dash in its name, and a turn's id has some.
 */
export function turnMark(turnId: string): string {
  return `${TURN_MARK_PREFIX}${turnId.replaceAll("-", "_")}`;
}

export const TURN_MARK_PREFIX = "KUGETSU_TURN_";

/** The name of the variable that marks what was started through a shell of ours: it holds the folder. */
export const FOLDER_MARK = "KUGETSU_FOLDER";

/** Whether an environment variable is such a mark. */
export function isMark(name: string): boolean {
  return name.startsWith(TURN_MARK_PREFIX) || name === FOLDER_MARK;
}

/** The memory of a process and of its descendants, in kilobytes; 0 where that cannot be told. Linux only. */
export function memoryOf(pid: number): number {
  if (!HAS_PROC) return 0;
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const own = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
    return childrenOf(pid).reduce((sum, child) => sum + memoryOf(child), own);
  } catch {
    return 0; // it has just ended
  }
}

/** Each thread has those that it started. */
function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ")
      .filter(Boolean).map(Number)
  );
}

/** Ends what a turn started that has an opencode of its own. */
export function endTurnProcesses(
  turnId: string,
  opencode: ProcessIdentity | undefined,
  graceMs: number,
): Promise<ProcessIdentity[]> {
  return endProcesses({ marks: [`${turnMark(turnId)}=`], root: opencode }, graceMs);
}

/** Which processes: those with one of these texts in their environment, this one, and all their descendants. */
export interface ProcessGroup {
  marks: string[];
  root?: ProcessIdentity | undefined;
}

/**
 * Ends processes: asks them to, and kills what is left after `graceMs`. Looks again each time, so that children
 * made meanwhile are found too.
 *
 * @returns the processes that would not die within five seconds after that
 */
export async function endProcesses(
  group: ProcessGroup,
  graceMs: number,
): Promise<ProcessIdentity[]> {
  const known = new Map<string, ProcessIdentity>();
  const look = () => {
    for (const found of membersOf(group, known)) known.set(keyOf(found), found);
    return [...known.values()].filter(isAlive);
  };
  const found = look();
  if (found.length === 0 && look().length === 0) return [];
  for (const it of found) send(it, "SIGTERM");
  if (await isOver(look, graceMs)) return [];
  const deadline = Date.now() + 5000;
  while (Date.now() < deadline) {
    for (const it of look()) send(it, "SIGKILL");
    if (await isOver(look, 100)) return [];
  }
  return look();
}

async function isOver(look: () => ProcessIdentity[], waitMs: number): Promise<boolean> {
  const deadline = Date.now() + waitMs;
  while (true) {
    // Twice, for while one look is taken, a process can start another one and be gone itself.
    if (look().length === 0 && look().length === 0) return true;
    if (Date.now() >= deadline) return false;
    await new Promise((later) => setTimeout(later, 25));
  }
}

/** The root, the marked processes, and the descendants of all that were ever found. */
function membersOf(
  { marks, root }: ProcessGroup,
  known: Map<string, ProcessIdentity>,
): ProcessIdentity[] {
  const table = processTable();
  const boot = bootId();
  const roots = new Set<number>();
  for (const it of [...(root ? [root] : []), ...known.values()]) {
    if (isAlive(it)) roots.add(it.pid);
  }
  for (const row of table) if (isMarked(row.pid, marks)) roots.add(row.pid);
  roots.delete(process.pid);
  let grew = true;
  while (grew) {
    grew = false;
    for (const row of table) {
      if (roots.has(row.parent) && !roots.has(row.pid) && row.pid !== process.pid) {
        roots.add(row.pid);
        grew = true;
      }
    }
  }
  return table.filter((row) => roots.has(row.pid) && !row.zombie)
    .map(({ pid, started }) => ({ pid, started, boot }));
}

function isMarked(pid: number, marks: string[]): boolean {
  if (!HAS_PROC) return false;
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    return marks.some((mark) => environment.includes(mark));
  } catch {
    return false; // gone, or somebody else's
  }
}

function send(target: ProcessIdentity, signal: "SIGTERM" | "SIGKILL"): void {
  if (!isAlive(target)) return;
  try {
    process.kill(target.pid, signal);
  } catch { /* it ended meanwhile */ }
}

function keyOf(identity: ProcessIdentity): string {
  return `${identity.pid} ${identity.started}`;
}

function processTable(): Row[] {
  if (!HAS_PROC) return psRows(["-A"]);
  return onceMore(() => readdirSync("/proc")).filter((name) => /^\d+$/.test(name))
    .flatMap((name) => rowOf(Number(name)) ?? []);
}

/** Who cannot look leaves processes behind, so what fails for a moment, as under too many open files, is tried again. */
function onceMore<T>(look: () => T): T {
  try {
    return look();
  } catch {
    return look();
  }
}

function rowOf(pid: number): Row | undefined {
  if (!HAS_PROC) return psRows(["-p", String(pid)])[0];
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name stands in parentheses and may hold anything, so fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { pid, parent: Number(fields[1]), started: fields[19]!, zombie: fields[0] === "Z" };
  } catch {
    return undefined;
  }
}

/** For systems without /proc: `ps`, whose start time has a resolution of one second. */
function psRows(which: string[]): Row[] {
  try {
    const text = outputOf("/bin/ps", [...which, "-o", "pid=,ppid=,state=,lstart="]);
    return text.split("\n").filter(Boolean).map((line) => {
      const [pid, parent, state, ...started] = line.trim().split(/\s+/);
      return {
        pid: Number(pid),
        parent: Number(parent),
        started: started.join(" "),
        zombie: state!.startsWith("Z"),
      };
    });
  } catch {
    return [];
  }
}

let boot: string | undefined;

function bootId(): string {
  boot ??= HAS_PROC
    ? onceMore(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")).trim()
    : outputOf("/usr/sbin/sysctl", ["-n", "kern.boottime"]).trim();
  return boot;
}

/** Loaded here: where there is /proc, nobody has to wait for it. */
function outputOf(file: string, args: string[]): string {
  const { execFileSync } = process.getBuiltinModule("node:child_process");
  return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}
