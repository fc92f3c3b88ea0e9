/**
 * The system calls by which kugetsu touches its state folder, and faults put in their place with strace.
 *
 * Only the main thread is traced, which makes these calls one after the other, the same in every run: the n-th of
 * a kind in one run is the n-th in the next. strace counts calls of all files, and so does `nth`.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import type { RunResult } from "../../scripts/_run.ts";
import { commandLine, processesWith } from "./processes.ts";
import { endOf, type Running } from "./running.ts";
import type { StateFolder } from "./state_folder.ts";
import { until } from "./until.ts";

export interface Traceable {
  args: string[];
  /** Not the command is traced but the supervisor that works for it, from its start to its end. */
  supervised?: boolean;
}

export interface SystemCall {
  name: string;
  nth: number;
  /** As strace shows it, without the numbers that change from run to run. */
  text: string;
}

/** `signal=KILL` kills before the call is made, `error=EIO` lets it fail. */
export type Fault = "signal=KILL" | "error=EIO" | "error=EACCES" | "error=ENOSPC";

const CHANGING = [
  ..."openat write pwrite64 writev rename renameat renameat2 unlink unlinkat fsync fdatasync".split(
    " ",
  ),
  ..."chmod fchmod fchmodat mkdir mkdirat ftruncate link linkat copy_file_range".split(" "),
];

/** The calls that are made on the state folder; those that only read are left out unless asked for. */
export async function systemCalls(
  lab: StateFolder,
  traceable: Traceable,
  { reading = false } = {},
): Promise<SystemCall[]> {
  const { args } = traceable;
  const log = lab.scratch.join("calls.log");
  const { code, stderr } = await runUnder(lab, traceable, traced(CHANGING, log));
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  const counts = new Map<string, number>();
  const calls = (await readFile(log, "utf8")).split("\n").flatMap((line): SystemCall[] => {
    const name = /^\w+(?=\()/.exec(line)?.[0];
    if (!name) return [];
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    const isOurs = line.includes(`${lab.state}/`) || line.includes(`${lab.state}"`) ||
      line.includes(`${lab.state}>`);
    const reads = name === "openat" && !line.includes("O_CREAT");
    return isOurs && (reading || !reads) ? [{ name, nth, text: readable(line, lab.state) }] : [];
  });
  assert.ok(calls.length > 0, `${args.join(" ")} touched nothing`);
  return calls;
}

/** What came of a command with a fault in it. */
export interface Faulted extends RunResult {
  /** Whether the fault met the call that was meant: where a socket is read, counts differ now and then. */
  isHit: boolean;
  /** Whether a kill met any call at all. */
  isKilled: boolean;
  /** Of one that is supervised. */
  supervisor?: Supervised;
}

interface Supervised {
  /** Whether it was there for the command; one that had ended while it came up was replaced. */
  isUp: boolean;
  /** How many messages reached opencode. */
  messages: number;
  /** What came of the same command, called once more. */
  again: RunResult;
}

/** Runs the command with the fault in place of that call. */
export async function withFault(
  lab: StateFolder,
  traceable: Traceable,
  { name, nth, text }: SystemCall,
  fault: Fault,
): Promise<Faulted> {
  const log = lab.scratch.join("fault.log");
  const inject = ["-e", `inject=${name}:${fault}:when=${nth}`];
  const ran = await runUnder(lab, traceable, traced([name], log, inject), { again: true })
    .then((result) => ({ result }), (error) => ({ error }));
  const lines = (await readFile(log, "utf8")).trimEnd().split("\n");
  const isKilled = lines.at(-1)!.includes("killed by SIGKILL");
  const met = fault === "signal=KILL"
    ? isKilled && lines.at(-2)
    : lines.find((line) => line.includes("(INJECTED)"));
  const isHit = typeof met === "string" && readable(met, lab.state) === text;
  if ("result" in ran) return { ...ran.result, isKilled, isHit };
  // The runtime wakes its threads by writing, too: without that it hangs, and no disk does that.
  if (isHit || !met) throw ran.error;
  return { code: null, signal: null, stdout: "", stderr: "", isKilled, isHit };
}

async function runUnder(
  lab: StateFolder,
  { args, supervised }: Traceable,
  tracer: string[],
  { again }: { again?: boolean } = {},
): Promise<RunResult & { supervisor?: Supervised }> {
  if (!supervised) return await lab.kugetsu(args, { under: tracer });
  const before = await messagesTo(lab);
  const supervisor = await superviseUnder(lab, tracer);
  const isUp = supervisor.isRunning();
  const result = await lab.kugetsu(args);
  const messages = await messagesTo(lab) - before;
  const second = again ? await lab.kugetsu(args) : result;
  for (const pid of await processesWith(`HOME=${lab.env.HOME}`)) {
    const [program, ...words] = await commandLine(pid);
    if (program !== "strace" && words.includes("__supervisor")) process.kill(pid, "SIGTERM");
  }
  await endOf(supervisor, 10_000);
  return { ...result, supervisor: { isUp, messages, again: second } };
}

async function messagesTo({ standIn }: StateFolder): Promise<number> {
  return (await standIn.calls()).filter((call) => call.input !== "").length;
}

/** A supervisor as a command would start it. Returns once it is up, or has ended. */
async function superviseUnder(lab: StateFolder, tracer: string[]): Promise<Running> {
  const log = join(lab.state, "logs", "supervisor.log");
  await mkdir(dirname(log), { recursive: true });
  const logged = ["sh", "-c", 'exec "$@" 2>>"$0"', log];
  const supervisor = lab.spawn(["__supervisor"], { under: [...logged, ...tracer] });
  const socket = join(lab.state, "run", "supervisor.sock");
  await until("a supervisor is up or gone", () => existsSync(socket) || !supervisor.isRunning());
  return supervisor;
}

function traced(names: string[], log: string, more: string[] = []): string[] {
  const settings = ["-y", "-s", "0", "-o", log, "-e", `trace=${names.join(",")}`, ...more];
  return ["strace", ...settings, "--"];
}

/** Without what differs from run to run, and without the result. */
function readable(line: string, state: string): string {
  return line.replaceAll(state, "STATE").replace(/\(\d+</, "(N<").replace(/""\.\.\., \d+/, "…")
    .replaceAll(/\.\d+\.[0-9a-f]{12}\./g, ".PID.")
    .replaceAll(/(\d{6})-[0-9a-f]{6}\.jsonl/g, "$1-TAG.jsonl")
    .replace(/AT_FDCWD<[^>]*>/, "AT_FDCWD").replace(/ = (?:-?\d|\?).*/, "");
}
