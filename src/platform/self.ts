/** Running kugetsu itself once more. */
import { dirname, join } from "node:path";

/** The program and the arguments that come before kugetsu's own: none for an executable. */
export function selfCommand(): string[] {
  const main = process.argv[1] ?? "";
  if (isExecutable(main)) return [process.execPath];
  if (process.versions.bun) return [process.execPath, main];
  const config = `--config=${join(dirname(main), "deno.json")}`;
  return [process.execPath, "run", "--allow-all", "--quiet", "--no-check", config, main];
}

/** Whether it is compiled: Bun's executables run from a file system of their own, Deno's say so. */
function isExecutable(main: string): boolean {
  const { Deno } = globalThis as { Deno?: { build?: { standalone?: boolean } } };
  return main.startsWith("/$bunfs/") || Deno?.build?.standalone === true;
}
