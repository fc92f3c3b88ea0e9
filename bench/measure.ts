/** Timing whole processes in pairs, so that a machine that drifts drifts under both. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export interface Command {
  file: string;
  args: string[];
  env?: Record<string, string>;
  cwd?: string;
  input?: string;
}

export interface Paired {
  /** Medians, in milliseconds. */
  a: number;
  b: number;
  /** The median of A/B, pair by pair. */
  ratio: number;
  /** The median of A-B, pair by pair, in milliseconds. */
  difference: number;
}

/** Runs A and B in turn, `runs` times after two rounds that do not count. `a` and `b` may differ each time. */
export async function inPairs(
  runs: number,
  a: () => Command,
  b: () => Command,
): Promise<Paired> {
  const pairs: [number, number][] = [];
  for (let round = -2; round < runs; round++) {
    // Which goes first changes, so that neither always finds what the other has left in the caches.
    const aFirst = round % 2 === 0;
    const first = await timeOf(aFirst ? a() : b());
    const second = await timeOf(aFirst ? b() : a());
    if (round >= 0) pairs.push(aFirst ? [first, second] : [second, first]);
  }
  return {
    a: median(pairs.map(([time]) => time)),
    b: median(pairs.map(([, time]) => time)),
    ratio: median(pairs.map(([one, other]) => one / other)),
    difference: median(pairs.map(([one, other]) => one - other)),
  };
}

/**
 * The wall time of a command in milliseconds; whatever it talks to may be in this very process. A command that fails
 * spoils the measurement, so it throws.
 */
export async function timeOf(command: Command): Promise<number> {
  const began = performance.now();
  await outputOf(command);
  return performance.now() - began;
}

/** What a command prints, once it has ended. */
export async function outputOf({ file, args, env, cwd, input }: Command): Promise<string> {
  const child = spawn(file, args, { ...(env ? { env } : {}), ...(cwd ? { cwd } : {}) });
  const ended = once(child, "close");
  const [output, said] = [text(child.stdout), text(child.stderr)];
  child.stdin.end(input ?? "");
  const [status] = await ended;
  if (status === 0) return await output;
  throw new Error(`${file} ${args.join(" ")} failed: ${await said}`);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** One line of the report. `goal` is what is to be reached. */
export function report(what: string, figure: string, goal: string, details: string): void {
  console.log(`${what.padEnd(28)} ${figure.padStart(9)}   ${goal.padEnd(14)} ${details}`);
}
