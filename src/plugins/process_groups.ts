/**
 * Processes that kugetsu starts in groups of their own, which Ctrl-C does not reach: they must not outlive a kugetsu that
 * a signal ends.
 */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";

const alive = new Set<number>();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Starts a program in a group of its own; with `release` it is no longer looked after. */
export function spawnGroup<T extends SpawnOptions>(
  program: string,
  args: readonly string[],
  options: T,
): ChildProcess {
  listenForSignals(); // before there is anything that a signal could leave behind
  const child = spawn(program, args, { ...options, detached: true });
  if (child.pid === undefined) release(undefined);
  else alive.add(child.pid);
  return child;
}

export function release(pid: number | undefined): void {
  if (pid !== undefined) alive.delete(pid);
  if (alive.size > 0) return;
  for (const name of SIGNALS) process.off(name, onSignal);
}

export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch { /* nothing is left of it */ }
}

function listenForSignals(): void {
  if (process.listeners("SIGINT").includes(onSignal)) return;
  for (const name of SIGNALS) process.on(name, onSignal);
}

function onSignal(name: NodeJS.Signals): void {
  // While a turn runs, a signal is the turn's: plugins are ended when the command is.
  if (process.listenerCount(name) > 1) return;
  for (const pid of alive) killGroup(pid);
  process.off(name, onSignal);
  process.kill(process.pid, name);
}
