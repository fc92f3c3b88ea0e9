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

  /** Resolves at such a moment; `cancel` calls it off. */
  wait(): { passed: Promise<void>; cancel: () => void } {
    let timer: ReturnType<typeof setTimeout>;
    const passed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.random() * this.#longestMs);
    });
    return { passed, cancel: () => clearTimeout(timer) };
  }

  /** How many were cut off of how many. */
  learn(cutOff: number, all: number): void {
    this.#longestMs *= cutOff > all / 2 ? 1.15 : 0.9;
  }
}
