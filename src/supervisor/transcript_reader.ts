/**
 * Reading what is stored of an issue's turns. Most of those who read want what is newest: that is read from the end, as far
 * as it is asked for, since an issue's lines add up to megabytes and whoever reads may be the only thread of all turns.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import * as v from "valibot";
import { errors } from "../errors.ts";
import { once } from "../platform/once.ts";
import type { Line } from "./mod.ts";

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;

const lineShape = once(() =>
  v.looseObject({
    seq: v.number(),
    time: v.string(),
    turn: v.string(),
    kind: v.string(),
  })
);

/** The file that a transcript was continued from. */
export function olderOf(path: string): string {
  return path.replace(/\.jsonl$/, ".older.jsonl");
}

/** Which lines: those behind a number, and of one turn alone. */
export interface Wanted {
  after?: number | undefined;
  turn?: string | undefined;
}

/**
 * The stored lines, oldest first. A line that is no line, such as one that a crash has cut, is left out.
 *
 * @throws unreadable
 */
export function readTranscript(path: string, { after = 0, turn }: Wanted = {}): Line[] {
  const found: Line[] = [];
  for (const line of newestFirst(path)) {
    if (line.seq <= after) break;
    if (turn !== undefined && line.turn !== turn) continue;
    found.push(line);
    // The first line of a turn.
    if (turn !== undefined && line.kind === "accepted") break;
  }
  return found.reverse();
}

/** The same from the other end. @throws unreadable */
export function* newestFirst(path: string): Generator<Line> {
  let last = Infinity;
  for (const file of [path, olderOf(path)]) {
    for (const text of linesFromEnd(file)) {
      const line = text.length > 0 && parse(text.toString());
      // Whoever writes may have begun a new file meanwhile, so that the one just read is the older one by now.
      if (!line || line.seq >= last) continue;
      last = line.seq;
      yield line;
    }
  }
}

/** As bytes: a block may begin in the middle of a character. @throws unreadable */
function* linesFromEnd(path: string): Generator<Buffer> {
  const file = openIfThere(path);
  if (file === undefined) return;
  try {
    let rest = Buffer.alloc(0);
    for (let end = fstatSync(file).size; end > 0;) {
      const start = Math.max(0, end - BLOCK_BYTES);
      const block = Buffer.alloc(end - start);
      readSync(file, block, 0, block.length, start);
      rest = Buffer.concat([block, rest]);
      for (let at = rest.lastIndexOf(NEWLINE); at >= 0; at = rest.lastIndexOf(NEWLINE)) {
        yield rest.subarray(at + 1);
        rest = rest.subarray(0, at);
      }
      end = start;
    }
    yield rest;
  } catch (cause) {
    throw errors.unreadable(path, cause);
  } finally {
    closeSync(file);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return undefined;
    throw errors.unreadable(path, cause);
  }
}

function parse(text: string): Line | undefined {
  try {
    const result = v.safeParse(lineShape(), JSON.parse(text));
    return result.success ? result.output as unknown as Line : undefined;
  } catch {
    return undefined;
  }
}
