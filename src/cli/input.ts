/** What a command is given to read: text in UTF-8, of a length that a model can take. */
import { read } from "node:fs";
import { errors, KugetsuError } from "../errors.ts";

/** In bytes. Far more than a model reads, and little enough for one message to the supervisor. */
const MOST_BYTES = 8 * 1024 * 1024;

const PIECE_BYTES = 64 * 1024;
const STDIN = 0;

/** Standard input. @throws unreadable-input */
export async function* standardInput(): AsyncGenerator<Uint8Array> {
  try {
    yield* readInput();
  } catch (cause) {
    throw errors.unreadableInput(cause);
  }
}

/** Its stream takes longer to be set up than all the rest of a short command, so it is used only where it has to be. */
async function* readInput(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = new Uint8Array(PIECE_BYTES);
    const size = await new Promise<number | undefined>((resolve, reject) => {
      read(STDIN, piece, 0, PIECE_BYTES, null, (error, size) => {
        if (!error) resolve(size);
        // Somebody has set it up so that nobody waits for what is yet to come.
        else if (error.code === "EAGAIN") resolve(undefined);
        else reject(error);
      });
    });
    if (size === undefined) return yield* process.stdin as AsyncIterable<Uint8Array>;
    if (size === 0) return;
    yield piece.subarray(0, size);
  }
}

/** All of a stream, as it is. @throws no-text, too-much-text, what the stream fails with */
export async function textOf(stream: AsyncIterable<Uint8Array>, what: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MOST_BYTES) throw errors.tooMuchText(what, MOST_BYTES);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw errors.noText(what);
  }
}

/** The contents of a file. @throws unreadable-file, no-text, too-much-text */
export async function textOfFile(path: string, typed: string): Promise<string> {
  const { createReadStream } = await import("node:fs");
  try {
    return await textOf(createReadStream(path), JSON.stringify(typed));
  } catch (cause) {
    throw cause instanceof KugetsuError ? cause : errors.unreadableFile(typed, cause);
  }
}

/** Whether all arguments of this process are text: the runtime has replaced what is none. */
export async function argumentsAreText(): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const { readFile } = await import("node:fs/promises");
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(await readFile("/proc/self/cmdline"));
    return true;
  } catch (error) {
    return !(error instanceof TypeError);
  }
}
