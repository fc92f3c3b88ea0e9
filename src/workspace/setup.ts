/** The user's command that gets a new worktree ready: its time is limited, and what it says goes into a log. */
import { spawn } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { errors } from "../errors.ts";
import { endTurnProcesses, identify, turnMark } from "../platform/processes.ts";
import type { Git } from "./git.ts";
import type { WorktreePlan } from "./mod.ts";
import type { Places } from "./places.ts";

interface Site {
  git: Git;
  places: Places;
  plan: WorktreePlan;
  path: string;
}

const GRACE_MS = 2000;
/** What is kept of the output: how it began, and how it ended. */
const HEAD_BYTES = 1024 * 1024;
const TAIL_BYTES = 64 * 1024;

/**
 * Runs it with `sh -c` in the worktree. When it fails, takes too long, or is stopped, everything that it started
 * is ended.
 *
 * @throws setup-failed, start-stopped
 */
export async function runSetup(
  command: string,
  site: Site,
  signal: AbortSignal,
): Promise<void> {
  const log = site.places.log(site.plan.slug);
  const why = await runLogged(command, site, log, signal);
  if (signal.aborted) throw errors.startStopped(site.plan.ref, String(signal.reason));
  if (why !== undefined) throw errors.setupFailed(site.plan.ref, why, log);
}

/** Why it did not end well; undefined if it did. */
async function runLogged(
  command: string,
  { git, plan, path: cwd }: Site,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const log = new Log(path);
  const child = spawn("/bin/sh", ["-c", command], {
    cwd,
    env: { ...git.env, [turnMark(plan.id)]: "1" },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  child.stdout.on("data", (chunk: Uint8Array) => log.write(chunk));
  child.stderr.on("data", (chunk: Uint8Array) => log.write(chunk));
  const cut = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => cut.resolve(`it took longer than ${plan.setupSeconds} s`),
    plan.setupSeconds * 1000,
  );
  const stop = () => cut.resolve(`it was stopped by ${String(signal.reason)}`);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    // At the end of the command itself: what it leaves running on purpose may hold its output open.
    child.once(
      "exit",
      (code, killed) =>
        resolve(
          code === 0
            ? undefined
            : killed
            ? `it was ended by ${killed}`
            : `it ended with exit status ${code}`,
        ),
    );
  });
  try {
    const why = await Promise.race([ended, cut.promise]);
    if (why !== undefined) await endTurnProcesses(plan.id, identity, GRACE_MS);
    return why;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    await new Promise((later) => setTimeout(later, 20)); // what it said last is on its way
    child.stdout.destroy();
    child.stderr.destroy();
    log.close();
  }
}

class Log {
  readonly #file: number;
  #written = 0;
  #left = 0;
  #tail: Uint8Array = new Uint8Array();

  constructor(path: string) {
    try {
      this.#file = openSync(path, "w", 0o600);
    } catch (cause) {
      throw errors.unwritable(path, cause);
    }
  }

  /** A full disk under the log is no reason to end anything. */
  write(chunk: Uint8Array): void {
    const room = HEAD_BYTES - this.#written;
    if (room > 0) {
      this.#put(chunk.subarray(0, room));
      this.#written += Math.min(room, chunk.length);
    }
    const rest = chunk.subarray(Math.max(0, room));
    const both = Buffer.concat([this.#tail, rest]);
    this.#tail = both.subarray(Math.max(0, both.length - TAIL_BYTES));
    this.#left += both.length - this.#tail.length;
  }

  close(): void {
    if (this.#left > 0) this.#put(Buffer.from(`\n… ${this.#left} bytes left out …\n`));
    this.#put(this.#tail);
    closeSync(this.#file);
  }

  #put(bytes: Uint8Array): void {
    try {
      writeSync(this.#file, bytes);
    } catch { /* said above */ }
  }
}
