/** Programs that a test starts, watches, signals and waits for. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import type { RunResult } from "../../scripts/_run.ts";

export interface StartOptions {
  /** What the program reads; without it, its standard input is empty. */
  input?: string | Uint8Array;
  cwd: string;
  env: Record<string, string>;
}

/** A program that is under way. */
export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves once the pattern is in what it printed, rejects if it ends without that. */
  sees(pattern: RegExp, timeoutMs?: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  isRunning(): boolean;
  readonly ended: Promise<RunResult>;
}

/** Starts a program in a process group of its own, as a terminal does. */
export function start(command: string, args: string[], options: StartOptions): Running {
  const { input, cwd, env } = options;
  const child = spawn(command, args, {
    cwd,
    env,
    detached: true,
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const stdout = collect(child.stdout!);
  const stderr = collect(child.stderr!);
  // A program that refuses its arguments does not read its input: how it ends is what counts, not EPIPE.
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  const ended = new Promise<RunResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({ code, signal, stdout: stdout(), stderr: stderr() });
    });
  });
  // Whoever wants the end awaits it; a test that does not must not fail because of it.
  ended.catch(() => {});
  // Not from child.signalCode: under deno that is set as soon as a signal is sent.
  let running = child.pid !== undefined;
  child.once("exit", () => running = false);
  return {
    pid: child.pid ?? -1,
    child,
    stdout,
    stderr,
    sees: (pattern, timeoutMs = 60_000) =>
      until(() => pattern.test(stdout()) || pattern.test(stderr()), () => running, timeoutMs)
        .catch(({ message }) => {
          throw complaint(`${message} ${pattern}`, child.spawnargs, stdout(), stderr());
        }),
    kill(signal) {
      // Not child.kill(): under deno that sends one signal and no more.
      try {
        if (running) process.kill(child.pid!, signal);
      } catch { /* it has just ended */ }
    },
    isRunning: () => running,
    ended,
  };
}

/** The end of a program that must not take longer; a program that hangs is killed and what it printed told. */
export async function endOf(running: Running, timeoutMs: number): Promise<RunResult> {
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    running.kill("SIGKILL");
    // Its children may hold the pipes open, which would hide that it hung.
    running.child.stdout?.destroy();
    running.child.stderr?.destroy();
  }, timeoutMs);
  const result = await running.ended.finally(() => clearTimeout(timer));
  if (!hung) return result;
  const { child } = running;
  throw complaint(`It hung for ${timeoutMs} ms`, child.spawnargs, result.stdout, result.stderr);
}

async function until(
  isSo: () => boolean,
  mayBecomeSo: () => boolean,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (true) {
    const last = !mayBecomeSo();
    if (isSo()) return;
    if (last) throw new Error("It ended without");
    if (Date.now() > deadline) throw new Error("It took too long for");
    await new Promise((later) => setTimeout(later, 20));
  }
}

function complaint(what: string, args: string[], stdout: string, stderr: string): Error {
  const shown = (text: string) => text.length > 4000 ? `…${text.slice(-4000)}` : text;
  const call = args.join(" ").slice(0, 300);
  return new Error(`${what}\n$ ${call}\n${shown(stdout)}\nstderr:\n${shown(stderr)}`);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Uint8Array[] = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}
