/** Runs one program for a script and says how it ended; the scripts need no more than that. */
import { spawn } from "node:child_process";
import process from "node:process";

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Written to the program's standard input; without it the program reads an empty one. */
  input?: string | Uint8Array;
  /** `show` lets the program write to our own streams, `stderr` sends all of it to our stderr. */
  output?: "capture" | "show" | "stderr";
  /** After this long the program is killed. */
  timeoutMs?: number;
}

export interface RunResult {
  /** Null when a signal ended the program. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs `command` to its end. Rejects only when it cannot be started at all. */
export function run(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const output = options.output ?? "capture";
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [options.input === undefined ? "ignore" : "pipe", ...OUTPUTS[output]],
  });
  const killer = options.timeoutMs && setTimeout(() => child.kill("SIGKILL"), options.timeoutMs);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  // A program that does not read its input closes the pipe; how it ends tells more than EPIPE.
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (killer) clearTimeout(killer);
      resolve({ code, signal, stdout: stdout(), stderr: stderr() });
    });
  });
}

const OUTPUTS = {
  capture: ["pipe", "pipe"],
  show: ["inherit", "inherit"],
  stderr: [2, "inherit"],
} satisfies Record<string, ("pipe" | "inherit" | number)[]>;

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Uint8Array[] = [];
  stream?.on("data", (chunk) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}
