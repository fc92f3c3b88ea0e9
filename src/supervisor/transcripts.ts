/** The transcripts that are written to or followed now, each open once. */
import type { Line, LineBody } from "./mod.ts";
import { Transcript, type TranscriptOptions } from "./transcript.ts";
import { newestFirst, readTranscript } from "./transcript_reader.ts";

export class Transcripts {
  readonly #open = new Map<string, { transcript: Transcript; users: number }>();
  readonly #pathOf: (name: string) => string;
  readonly #options: TranscriptOptions;

  /** `pathOf` gives the path of an issue's transcript, by the name. */
  constructor(pathOf: (name: string) => string, options: TranscriptOptions) {
    this.#pathOf = pathOf;
    this.#options = options;
  }

  /** Whether somebody writes or follows. */
  get areUsed(): boolean {
    return this.#open.size > 0;
  }

  /** To be given back with `release`. */
  open(name: string): Transcript {
    const known = this.#open.get(name) ??
      { transcript: new Transcript(this.#pathOf(name), this.#options), users: 0 };
    known.users++;
    this.#open.set(name, known);
    return known.transcript;
  }

  release(name: string): void {
    const known = this.#open.get(name);
    if (!known || --known.users > 0) return;
    known.transcript.close();
    this.#open.delete(name);
  }

  /** One line, by nobody who keeps writing. */
  append(name: string, turn: string, body: LineBody): void {
    this.open(name).append(turn, body);
    this.release(name);
  }

  read(name: string): Line[] {
    return readTranscript(this.#pathOf(name));
  }

  /** The lines after a number, of one turn or all, oldest first; the first of a turn says that it was accepted. */
  #stored(name: string, turn: string | undefined, after: number): Line[] {
    const found: Line[] = [];
    for (const line of newestFirst(this.#pathOf(name))) {
      if (line.seq <= after) break;
      if (turn !== undefined && line.turn !== turn) continue;
      found.push(line);
      if (turn !== undefined && line.kind === "accepted") break;
    }
    return found.reverse();
  }

  /** Hands out lines: those of one turn until it is over, or all after a number, without an end. */
  async follow(
    name: string,
    { turn, after = 0 }: { turn?: string; after?: number },
    onLine: (line: Line) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const transcript = this.open(name);
    transcript.toldUpTo(after);
    const over = Promise.withResolvers<void>();
    let last = after;
    const hand = (line: Line) => {
      if (line.seq <= last || (turn !== undefined && line.turn !== turn)) return;
      last = line.seq;
      onLine(line);
      if (turn !== undefined && line.kind === "ended") over.resolve();
    };
    let silence = () => {};
    try {
      // Nothing is appended between the two: this is one step of the only thread that appends.
      for (const line of this.#stored(name, turn, after)) hand(line);
      silence = transcript.listen(hand);
      const leave = () => over.resolve();
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
      await over.promise;
    } finally {
      silence();
      this.release(name);
    }
  }
}
