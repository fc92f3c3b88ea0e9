/**
 * The system calls by which kugetsu touches its state folder, and faults put in their place with strace.
 *
 * Only the main thread is traced, which makes these calls one after the other, the same in every run: the n-th of
 * a kind in one run is the n-th in the next. strace counts calls of all files, and so does `nth`.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { RunResult } from "../../scripts/_run.ts";
import type { StateFolder } from "./state_folder.ts";

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

/** The calls that the command makes on the state folder; those that only read are left out unless asked for. */
export async function systemCalls(
  lab: StateFolder,
  args: string[],
  { reading = false } = {},
): Promise<SystemCall[]> {
  const log = lab.scratch.join("calls.log");
  const { code, stderr } = await lab.kugetsu(args, { under: traced(CHANGING, log) });
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
}

/** Runs the command with the fault in place of that call. */
export async function withFault(
  lab: StateFolder,
  args: string[],
  { name, nth, text }: SystemCall,
  fault: Fault,
): Promise<Faulted> {
  const log = lab.scratch.join("fault.log");
  const inject = ["-e", `inject=${name}:${fault}:when=${nth}`];
  const result = await lab.kugetsu(args, { under: traced([name], log, inject) });
  const lines = (await readFile(log, "utf8")).trimEnd().split("\n");
  const met = fault === "signal=KILL"
    ? lines.at(-1)!.includes("killed by SIGKILL") && lines.at(-2)
    : lines.find((line) => line.includes("(INJECTED)"));
  return { ...result, isHit: typeof met === "string" && readable(met, lab.state) === text };
}

function traced(names: string[], log: string, more: string[] = []): string[] {
  const settings = ["-y", "-s", "0", "-o", log, "-e", `trace=${names.join(",")}`, ...more];
  return ["strace", ...settings, "--"];
}

/** Without what differs from run to run, and without the result. */
function readable(line: string, state: string): string {
  return line.replaceAll(state, "STATE").replaceAll(/\.\d+\.[0-9a-f]{12}\./g, ".PID.")
    .replaceAll(/(\d{6})-[0-9a-f]{6}\.jsonl/g, "$1-TAG.jsonl")
    .replace(/AT_FDCWD<[^>]*>/, "AT_FDCWD").replace(/ = (?:-?\d|\?).*/, "");
}
