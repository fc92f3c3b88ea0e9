/** Runs a script of the tests under either runtime that kugetsu's source is for. */
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../scripts/_checkout.ts";
import { endProcesses } from "./processes.ts";
import { type Running, start } from "./running.ts";

export type Engine = "bun" | "deno";

export const ENGINES: Engine[] = ["bun", "deno"];

/**
 * Starts it with the garbage collector within its reach, and kills it at the end of the block if it still runs.
 * `under` is put in front of the command: a tracer.
 */
export function startScript(
  engine: Engine,
  file: string,
  args: string[],
  under: string[] = [],
): Running & AsyncDisposable {
  const runtime = {
    bun: [join(ROOT, "node_modules", ".bin", "bun"), "--expose-gc"],
    deno: [process.execPath, "run", "-A", "--no-check", "--v8-flags=--expose-gc"],
  }[engine];
  const [program, ...rest] = [...under, ...runtime, join(ROOT, "tests", file), ...args];
  const env = Object.entries(process.env).filter((it): it is [string, string] =>
    it[1] !== undefined
  );
  const running = start(program!, rest, { cwd: ROOT, env: Object.fromEntries(env) });
  return {
    ...running,
    [Symbol.asyncDispose]: () =>
      running.isRunning() ? endProcesses([running.pid]) : Promise.resolve(),
  };
}

/** The command that runs kugetsu from its source, with these arguments. */
export function kugetsuSource(...args: string[]): string[] {
  const config = `--config=${join(ROOT, "deno.json")}`;
  return [
    process.execPath,
    "run",
    "-A",
    "--quiet",
    "--no-check",
    config,
    join(ROOT, "main.ts"),
    ...args,
  ];
}
