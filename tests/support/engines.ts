/** Runs a script of the tests under either runtime that kugetsu's source is for. */
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../scripts/_checkout.ts";
import { type Running, start } from "./running.ts";

export type Engine = "bun" | "deno";

export const ENGINES: Engine[] = ["bun", "deno"];

/** With the garbage collector within reach of the script. The test ends what it started. */
export function startScript(engine: Engine, file: string, args: string[]): Running {
  const script = join(ROOT, "tests", file);
  const [program, ...flags] = {
    bun: [join(ROOT, "node_modules", ".bin", "bun"), "--expose-gc"],
    deno: [process.execPath, "run", "-A", "--no-check", "--v8-flags=--expose-gc"],
  }[engine];
  const env = Object.entries(process.env).filter((it): it is [string, string] =>
    it[1] !== undefined
  );
  return start(program!, [...flags, script, ...args], { cwd: ROOT, env: Object.fromEntries(env) });
}
