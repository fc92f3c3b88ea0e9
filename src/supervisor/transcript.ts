/**
 * What was said and done in all turns of an issue: one JSON object a line, 0600, the newest kept.
 *
 * Two files share the limit: when the newer one is full it takes the place of the older one. A disk that is full, or
 * any other trouble, costs lines and never a turn: the lines still reach those who follow, and a gap is noted where
 * writing works again.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Line, LineBody } from "./mod.ts";
import { newestFirst, olderOf } from "./transcript_reader.ts";

/** Longer texts are cut in the file: a transcript is for reading, and opencode has the whole. */
const LONGEST_TEXT = 200_000;
const NEWLINE = 10;

export interface TranscriptOptions {
  /** For both files together. */
  maxBytes: number;
  now(): string;
}

export class Transcript {
  readonly #path: string;
  readonly #options: TranscriptOptions;
  readonly #listeners = new Set<(line: Line) => void>();
  #seq: number;
  #size = 0;
  #file: number | undefined;
  #lost = false;

  constructor(path: string, options: TranscriptOptions) {
    this.#path = path;
    this.#options = options;
    const [newest] = newestFirst(path);
    this.#seq = newest?.seq ?? 0;
  }

  /** The number of the newest line. */
  get seq(): number {
    return this.#seq;
  }

  append(turn: string, body: LineBody): Line {
    if (this.#lost) {
      this.#lost = false;
      this.#store(this.#line(turn, { kind: "gap" }));
    }
    const line = this.#line(turn, body);
    if (!this.#lost) this.#store(line);
    for (const listener of [...this.#listeners]) listener(line);
    return line;
  }

  #line(turn: string, body: LineBody): Line {
    return { seq: ++this.#seq, time: this.#options.now(), turn, ...body } as Line;
  }

  /** Somebody was told lines up to this number, which a full disk did not take: the next one is behind them. */
  toldUpTo(seq: number): void {
    this.#seq = Math.max(this.#seq, seq);
  }

  listen(listener: (line: Line) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #store(line: Line): void {
    try {
      this.#write(line);
    } catch {
      this.#lost = true;
      this.close();
    }
  }

  /** Whole lines only: what could be written of one that did not fit is taken back. */
  #write(line: Line): void {
    const bytes = Buffer.from(`${JSON.stringify(shortened(line))}\n`);
    if (this.#size + bytes.length > this.#options.maxBytes / 2 && this.#size > 0) this.#rotate();
    this.#file ??= this.#open();
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#file, bytes, written);
    } catch (error) {
      ftruncateSync(this.#file, this.#size);
      throw error;
    }
    this.#size += bytes.length;
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const file = openSync(this.#path, "a+", 0o600);
    try {
      this.#size = fstatSync(file).size;
      // A crash may have cut the last line: the next one must not become part of it.
      const end = Buffer.alloc(1);
      if (this.#size > 0 && readSync(file, end, 0, 1, this.#size - 1) === 1 && end[0] !== NEWLINE) {
        this.#size += writeSync(file, "\n");
      }
      return file;
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  #rotate(): void {
    this.close();
    renameSync(this.#path, olderOf(this.#path));
    this.#size = 0;
  }
}

/** Where an issue's lines are, by the name in files. */
export function transcriptIn(stateFolder: string, name: string): string {
  return join(stateFolder, "logs", "issues", `${name}.jsonl`);
}

export function removeTranscript(path: string): void {
  for (const file of [olderOf(path), path]) rmSync(file, { force: true });
}

function shortened(line: Line): Line {
  if (!("text" in line) || line.text.length <= LONGEST_TEXT) return line;
  return { ...line, text: `${line.text.slice(0, LONGEST_TEXT)} …` };
}
