/**
 * Writing to standard output and standard error at once and in full.
 *
 * The streams of the runtime cost as much as the rest of a short command's start-up, buffer without limit, and
 * lose what is not flushed when the process ends. A reader that went away must not end a turn, so what it
 * would have read is dropped; any other failure is kept for the end of the command.
 */
import { fstatSync, writeSync } from "node:fs";

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** Whether somebody sits there. What can tell a terminal is loaded only where there may be one. */
export function isTerminal(stream: number): boolean {
  try {
    if (!fstatSync(stream).isCharacterDevice()) return false;
  } catch {
    return false; // it is closed
  }
  return process.getBuiltinModule("node:tty").isatty(stream);
}

const closed = new Set<number>();
const RETRY_MS = 5;
let failure: unknown;

/** Why standard output could not be written, if it could not; a reader that went away is no failure. */
export function outputFailure(): unknown {
  return failure;
}

/** Whether what is written there is dropped. */
export function isClosed(stream: number): boolean {
  return closed.has(stream);
}

export function writeAll(stream: number, text: string): void {
  if (closed.has(stream)) return;
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(stream, bytes, written);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EAGAIN") pause();
      else {
        closed.add(stream);
        if (stream === STDOUT && !GONE.includes(code ?? "")) failure = error;
        return;
      }
    }
  }
}

/** The reader or the terminal is gone. */
const GONE = ["EPIPE", "EIO", "EBADF"];

/** For a pipe that somebody made non-blocking and that is full. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
}
