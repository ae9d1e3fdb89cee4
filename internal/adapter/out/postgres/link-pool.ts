import type { Link, Row, Rows, Value } from './link.ts';
import { PostgresStoreError } from './store-error.ts';

/** Callers that wait for a connection; one more is refused. */
const WAITING_MAX = 512;

/** After a connection could not be made, callers are refused for so long instead of trying again each. */
const REFUSAL_MS = 200;

/** What a caller may do with the connection that it has. */
export interface Reading {
  query(text: string, values: readonly Value[]): Promise<Rows>;
  each(text: string, values: readonly Value[], onRow: (row: Row) => void): Promise<void>;
}

interface Waiting {
  readonly serve: (link: Link) => void;
  readonly refuse: (error: PostgresStoreError) => void;
}

/** Connections for reading, at most `size`, made when they are needed. Every call is answered or rejected by its deadline. */
export class LinkPool {
  readonly #open: () => Link;
  readonly #size: number;
  readonly #label: string;
  readonly #idle: Link[] = [];
  readonly #busy = new Set<Link>();
  readonly #waiting: Waiting[] = [];
  #refusal: PostgresStoreError | null = null;
  #refusedUntilMs = 0;
  #isClosed = false;

  constructor(open: () => Link, size: number, label: string) {
    this.#open = open;
    this.#size = size;
    this.#label = label;
  }

  /** Runs `work`, which must be safe to repeat: it is, once, when the connection turns out to be dead. */
  async use<T>(deadlineMs: number, work: (reading: Reading) => Promise<T>): Promise<T> {
    const endsAtMs = performance.now() + deadlineMs;
    const leftMs = () => endsAtMs - performance.now();
    for (let isFirst = true; ; isFirst = false) {
      const link = await this.#acquire(leftMs());
      const wasReady = link.isReady;
      try {
        return await work({
          query: (text, values) => link.query(text, values, leftMs()),
          each: (text, values, onRow) => link.each(text, values, leftMs(), onRow),
        });
      } catch (cause) {
        const error = PostgresStoreError.from(cause, this.#label);
        if (!wasReady && error.severity === 'retry') this.#refuseFor(error);
        const isLost = error.code === 'unreachable' && wasReady && isFirst && leftMs() > 0;
        if (!isLost) throw error;
      } finally {
        this.#release(link);
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(this.#closedError());
    for (const link of this.#busy) link.destroy();
    await Promise.all(this.#idle.splice(0).map((link) => link.close()));
  }

  #acquire(waitMs: number): Promise<Link> {
    if (this.#isClosed) return Promise.reject(this.#closedError());
    const link = this.#next();
    if (link instanceof PostgresStoreError) return Promise.reject(link);
    if (link !== null) return Promise.resolve(link);
    if (this.#waiting.length >= WAITING_MAX) return Promise.reject(this.#busyError('too many queries at once'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(this.#busyError('no connection was free in time'));
      }, waitMs);
      const waiting: Waiting = {
        serve: (free) => {
          clearTimeout(timer);
          resolve(free);
        },
        refuse: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiting.push(waiting);
    });
  }

  /** null: all are busy. */
  #next(): Link | PostgresStoreError | null {
    let link = this.#idle.pop();
    while (link?.isClosed) link = this.#idle.pop();
    if (link === undefined) {
      if (this.#refusal !== null && performance.now() < this.#refusedUntilMs) return this.#refusal;
      if (this.#busy.size >= this.#size) return null;
      link = this.#open();
    }
    this.#busy.add(link);
    return link;
  }

  #release(link: Link): void {
    this.#busy.delete(link);
    if (this.#isClosed) link.destroy();
    else if (!link.isClosed) this.#idle.push(link);
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) {
      const next = this.#next();
      if (next instanceof PostgresStoreError) {
        waiting.refuse(next);
        continue;
      }
      if (next === null) this.#waiting.unshift(waiting);
      else waiting.serve(next);
      return;
    }
  }

  #refuseFor(error: PostgresStoreError): void {
    this.#refusal = error;
    this.#refusedUntilMs = performance.now() + REFUSAL_MS;
  }

  #closedError(): PostgresStoreError {
    return new PostgresStoreError('closed', `${this.#label}: the candle store is closed`);
  }

  #busyError(reason: string): PostgresStoreError {
    return new PostgresStoreError('busy', `${this.#label}: ${reason}`);
  }
}
