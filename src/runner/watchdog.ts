/** Watches a turn's limits, so that none can hang for ever. */
import type { Limits } from "./mod.ts";

export type LimitName = "first-event" | "silence" | "total";

type Timer = ReturnType<typeof setTimeout>;

/** Calls back once, when the first limit is passed; never again after that or after `stop`. Limits are in seconds. */
export class Watchdog {
  readonly #limits: Omit<Limits, "answer">;
  readonly #onLimit: (limit: LimitName, seconds: number) => void;
  #total: Timer | undefined;
  #quiet: Timer | undefined;
  #over = false;
  #paused = false;
  #leftMs: number;
  #since = 0;

  constructor(
    limits: Omit<Limits, "answer">,
    onLimit: (limit: LimitName, seconds: number) => void,
  ) {
    this.#limits = limits;
    this.#onLimit = onLimit;
    this.#leftMs = limits.total * 1000;
  }

  start(): void {
    this.#runTotal();
    this.#quiet ??= this.#after("first-event", this.#limits.firstEvent);
  }

  /** A sign of life. */
  sign(): void {
    if (this.#paused) return;
    clearTimeout(this.#quiet);
    this.#quiet = this.#after("silence", this.#limits.silence);
  }

  /** No limit counts until `resume`: the turn waits for somebody else. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#leftMs -= performance.now() - this.#since;
    clearTimeout(this.#total);
    clearTimeout(this.#quiet);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#runTotal();
    this.sign();
  }

  stop(): void {
    this.#over = true;
    clearTimeout(this.#total);
    clearTimeout(this.#quiet);
  }

  #runTotal(): void {
    this.#since = performance.now();
    this.#total = this.#after("total", this.#limits.total, this.#leftMs);
  }

  #after(limit: LimitName, seconds: number, ms = seconds * 1000): Timer | undefined {
    if (this.#over) return undefined;
    return setTimeout(() => {
      this.stop();
      this.#onLimit(limit, seconds);
    }, Math.max(0, ms));
  }
}
