/**
 * Random moments within the time that a few commands take. How long that is depends on the machine and on what else
 * it has to do, so it is found by trying: half of the commands are to come to their end.
 */
export class Moments {
  #longestMs: number;

  /** `firstMs` is what to begin with. */
  constructor(firstMs = 150) {
    this.#longestMs = firstMs;
  }

  /** Resolves at such a moment. */
  next(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.random() * this.#longestMs));
  }

  /** Does something at such a moment. What comes back calls it off, or waits until it is done. */
  once(work: () => unknown): () => Promise<void> {
    let working: Promise<unknown> | undefined;
    const begin = () => working = Promise.resolve(work());
    const timer = setTimeout(begin, Math.random() * this.#longestMs);
    return async () => {
      clearTimeout(timer);
      await working;
    };
  }

  /** How many were cut off of how many. */
  learn(cutOff: number, all: number): void {
    this.#longestMs *= cutOff > all / 2 ? 1.15 : 0.9;
  }
}
