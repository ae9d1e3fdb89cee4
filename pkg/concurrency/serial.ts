export class SerialFullError extends Error {
  readonly code = 'serial_full';

  constructor(waitingMax: number) {
    super(`${waitingMax} calls are waiting already`);
    this.name = 'SerialFullError';
  }
}

/** Runs functions one at a time, in the order of the calls. A failing one does not stop the next. */
export class Serial {
  readonly #waitingMax: number;
  #tail: Promise<unknown> = Promise.resolve();
  #unfinished = 0;

  constructor(waitingMax = 1_000) {
    this.#waitingMax = waitingMax;
  }

  /** Calls that wait or run. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** Settles as `work` does; rejects with SerialFullError when too many wait. `work` must not wait for another `run`. */
  run<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.#unfinished > this.#waitingMax) return Promise.reject(new SerialFullError(this.#waitingMax));
    this.#unfinished++;
    const result = this.#tail.then(work);
    const settled = () => {
      this.#unfinished--;
    };
    this.#tail = result.then(settled, settled);
    return result;
  }
}
