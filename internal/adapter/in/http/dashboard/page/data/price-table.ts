import type { LatestPrice, PriceStatus } from '../../../../../../application/port/in/queries.ts';
import { pairKey } from './stream-wire.ts';
import { decimalsOf } from './text.ts';

export interface Quote {
  readonly price: number;
  readonly status: PriceStatus;
  /** Event time, Unix ms. */
  readonly timestamp: number;
  /** When it was received, by this page's `performance.now()`: the two clocks need not agree. */
  readonly receivedAtMs: number;
  /** Where the price went at its last change. */
  readonly direction: -1 | 0 | 1;
}

export interface Spread {
  readonly absolute: number;
  /** Of the lowest price. */
  readonly ratio: number;
  readonly lowest: string;
  readonly highest: string;
}

/** The newest price of every pair that was heard of. */
export class PriceTable {
  private readonly quotes = new Map<string, Quote>();
  private readonly decimals = new Map<string, number>();
  /** The server's clock − `performance.now()`. */
  private serverAheadMs = Date.now() - performance.now();

  take({ exchange, symbol, price, status, timestamp, receivedAt, ageMs }: LatestPrice, nowMs: number): void {
    this.serverAheadMs = receivedAt + ageMs - nowMs;
    const key = pairKey(exchange, symbol);
    const before = this.quotes.get(key);
    const direction =
      before === undefined ? 0 : price === before.price ? before.direction : price > before.price ? 1 : -1;
    this.quotes.set(key, { price, status, timestamp, receivedAtMs: nowMs - ageMs, direction });
    this.decimals.set(symbol, Math.max(this.decimals.get(symbol) ?? 0, decimalsOf(price)));
  }

  quote(exchange: string, symbol: string): Quote | undefined {
    return this.quotes.get(pairKey(exchange, symbol));
  }

  /** Digits behind the point, the same for all prices of the symbol. */
  decimalsOf(symbol: string): number {
    return this.decimals.get(symbol) ?? 2;
  }

  /** Between the exchanges whose feeds are well; null with less than two of them. */
  spread(symbol: string, exchanges: readonly string[]): Spread | null {
    let low: readonly [string, number] | null = null;
    let high: readonly [string, number] | null = null;
    let count = 0;
    for (const exchange of exchanges) {
      const quote = this.quote(exchange, symbol);
      if (quote === undefined || quote.status === 'stale' || quote.status === 'down') continue;
      count++;
      if (low === null || quote.price < low[1]) low = [exchange, quote.price];
      if (high === null || quote.price > high[1]) high = [exchange, quote.price];
    }
    if (low === null || high === null || count < 2) return null;
    const absolute = high[1] - low[1];
    return { absolute, ratio: absolute / low[1], lowest: low[0], highest: high[0] };
  }

  /** By the server's clock, Unix ms: that of this machine may be wrong. */
  serverNowMs(): number {
    return performance.now() + this.serverAheadMs;
  }

  forget(key: string): void {
    this.quotes.delete(key);
  }

  clear(): void {
    this.quotes.clear();
  }
}
