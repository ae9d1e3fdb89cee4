export type BackoffOptions = {
  /** The cap of the first wait. */
  minMs: number;
  /** The cap that no wait passes. */
  maxMs: number;
  /** What the cap grows by at each try. Default 2. */
  factor?: number;
  /** Uniform in [0, 1). */
  random: () => number;
};

/**
 * Exponential backoff with full jitter: the n-th wait, from n = 0, is uniform in [0, min(maxMs, minMs · factorⁿ)].
 * It knows no clock: when things count as well again, and so when to `reset`, is for the caller to say.
 */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #factor: number;
  readonly #random: () => number;
  #capMs: number;
  #tries = 0;

  constructor(options: BackoffOptions) {
    if (!(options.minMs >= 0 && options.maxMs >= options.minMs)) throw new RangeError('0 ≤ minMs ≤ maxMs');
    this.#minMs = options.minMs;
    this.#maxMs = options.maxMs;
    this.#factor = options.factor ?? 2;
    if (!(this.#factor >= 1)) throw new RangeError('factor is at least 1');
    this.#random = options.random;
    this.#capMs = options.minMs;
  }

  /** Waits given out since the start or the last reset. */
  get tries(): number {
    return this.#tries;
  }

  nextMs(): number {
    const waitMs = this.#random() * this.#capMs;
    this.#capMs = Math.min(this.#maxMs, this.#capMs * this.#factor);
    this.#tries++;
    return waitMs;
  }

  reset(): void {
    this.#capMs = this.#minMs;
    this.#tries = 0;
  }
}
