/**
 * Calls to a turn's watch, one after the other. The first that fails is the last: it ends the turn, and is thrown when
 * the turn is over. Nothing is told of a turn that is over.
 */
export class Telling {
  readonly #onFailure: () => void;
  #calls: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;
  #isOver = false;

  constructor(onFailure: () => void) {
    this.#onFailure = onFailure;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when the call was made, or left out. */
  tell(call: () => Promise<void> | void): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#calls = this.#calls.then(async () => {
      if (this.#failure) return;
      try {
        await call();
      } catch (error) {
        this.#failure = { error };
        this.#onFailure();
      }
    });
    return this.#calls;
  }

  /** Resolves when all calls were made. @throws what the first that failed has thrown */
  async over(): Promise<void> {
    this.#isOver = true;
    await this.#calls;
    if (this.#failure) throw this.#failure.error;
  }
}
