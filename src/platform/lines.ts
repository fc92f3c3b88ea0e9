/** Splitting a stream into lines without ever holding more of it than one line may have. */
import type { Readable } from "node:stream";

/** Longer lines are dropped: no event that we read comes near it, and a tool can print anything. */
const LONGEST_LINE = 16 * 1024 * 1024;

export interface LineOptions {
  /** In bytes. */
  longest?: number;
  /** A longer line was dropped. */
  onDropped?(): void;
}

/** Calls `onLine` for each line, without its end; resolves when the stream is over, however it ends. */
export function readLines(
  stream: Readable,
  onLine: (line: string) => void,
  { longest = LONGEST_LINE, onDropped }: LineOptions = {},
): Promise<void> {
  let held: Uint8Array[] = [];
  let size = 0;
  let dropping = false;
  const flush = () => {
    if (!dropping && size > 0) onLine(Buffer.concat(held).toString("utf8").replace(/\r$/, ""));
    held = [];
    size = 0;
    dropping = false;
  };
  const keep = (piece: Uint8Array) => {
    if (dropping || piece.length === 0) return;
    if (size + piece.length > longest) {
      dropping = true;
      held = [];
      return onDropped?.();
    }
    held.push(piece);
    size += piece.length;
  };
  stream.on("data", (chunk: Uint8Array) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      keep(chunk.subarray(start, end));
      flush();
      start = end + 1;
    }
    keep(chunk.subarray(start));
  });
  return new Promise((over) => {
    stream.once("close", () => {
      flush();
      over();
    });
    stream.once("error", () => over());
  });
}
