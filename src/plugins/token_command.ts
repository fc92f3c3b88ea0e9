/** The command of the user's that prints a token. Neither what it prints nor what it is goes into any error. */
import { killGroup, release, spawnGroup } from "./process_groups.ts";

const LIMIT_MS = 30_000;
const LONGEST = 64 * 1024;

/** The first line that it prints; undefined if it fails, takes too long, or prints none. */
export async function tokenFrom(
  command: string,
  env: Record<string, string | undefined>,
  limitMs = LIMIT_MS,
): Promise<string | undefined> {
  const child = spawnGroup("/bin/sh", ["-c", command], {
    cwd: "/",
    env: env as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const output = child.stdout!;
  let printed = "";
  output.on("data", (chunk: Uint8Array) => {
    if (printed.length < LONGEST) printed += new TextDecoder().decode(chunk);
  });
  const ended = new Promise<boolean>((resolve) => {
    child.once("error", () => resolve(false));
    // Of the pipe, not of the process: what it said last may still be in there.
    child.once("close", (code) => resolve(code === 0));
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    const [token] = await Promise.race([ended, late]) ? printed.trim().split("\n") : [];
    return token || undefined;
  } finally {
    clearTimeout(timer);
    if (child.pid !== undefined) killGroup(child.pid);
    release(child.pid);
    output.destroy();
  }
}
