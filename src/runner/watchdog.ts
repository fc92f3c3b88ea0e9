/** Watches a turn's limits, so that none can hang for ever. */
import type { Limits } from "./mod.ts";

export type LimitName = "first-event" | "silence" | "total";

/** Calls back once, when the first limit is passed; never again after that or after `stop`. Limits are in seconds. */
export class Watchdog {
  readonly #limits: Limits;
  readonly #onLimit: (limit: LimitName, seconds: number) => void;
  #total: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(limits: Limits, onLimit: (limit: LimitName, seconds: number) => void) {
    this.#limits = limits;
    this.#onLimit = onLimit;
  }

  start(): void {
    this.#total = this.#after("total", this.#limits.total);
    this.#quiet ??= this.#after("first-event", this.#limits.firstEvent);
  }

  /** A sign of life. */
  sign(): void {
    clearTimeout(this.#quiet);
    this.#quiet = this.#after("silence", this.#limits.silence);
  }

  stop(): void {
    this.#over = true;
    clearTimeout(this.#total);
    clearTimeout(this.#quiet);
  }

  #after(limit: LimitName, seconds: number): ReturnType<typeof setTimeout> | undefined {
    if (this.#over) return undefined;
    return setTimeout(() => {
      this.stop();
      this.#onLimit(limit, seconds);
    }, seconds * 1000);
  }
}
