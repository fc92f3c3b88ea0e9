/** The transcripts that are written to or followed now, each open once. */
import type { Line, LineBody } from "./mod.ts";
import { Transcript, type TranscriptOptions } from "./transcript.ts";
import { readTranscript } from "./transcript_reader.ts";

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
      for (const line of readTranscript(this.#pathOf(name), { turn, after })) hand(line);
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
