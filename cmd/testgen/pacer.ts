/** A pacer that is further behind than this (a suspended machine) gives up what it missed. */
const MAX_BEHIND_MS = 5_000;

/**
 * When ticks are due, on a monotonic clock: tick k at start + k / rate. Due times come from the count and never from
 * the timer, so the long-run rate is exact however late the timer is.
 */
export class Pacer {
  readonly #ticksPerMs: number;
  #startedAtMs = 0;
  #taken = 0;

  constructor(ticksPerSecond: number) {
    this.#ticksPerMs = ticksPerSecond / 1_000;
  }

  start(nowMs: number): void {
    this.#startedAtMs = nowMs;
    this.#taken = 0;
  }

  /** How many ticks are due and not taken. */
  due(nowMs: number): number {
    return Math.max(0, Math.floor((nowMs - this.#startedAtMs) * this.#ticksPerMs) + 1 - this.#taken);
  }

  /** Takes the next tick and returns when it was due. */
  take(): number {
    return this.#startedAtMs + this.#taken++ / this.#ticksPerMs;
  }

  nextDueAtMs(): number {
    return this.#startedAtMs + this.#taken / this.#ticksPerMs;
  }

  /** Gives up all due ticks but the newest when the oldest is overdue by more than 5 s; returns how many. */
  skipOverdue(nowMs: number): number {
    if (nowMs - this.nextDueAtMs() <= MAX_BEHIND_MS) return 0;
    const skipped = this.due(nowMs) - 1;
    this.#taken += skipped;
    return skipped;
  }
}
