import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';

export interface Merged {
  /** Opening of the first candle that is new or different; null: nothing has changed. */
  readonly fromMs: number | null;
}

/** Candles of one pair and interval, ascending by opening, whatever order they come in. */
export class CandleList {
  private items: Candle[] = [];

  get candles(): readonly Candle[] {
    return this.items;
  }

  get oldest(): Candle | undefined {
    return this.items[0];
  }

  get newest(): Candle | undefined {
    return this.items.at(-1);
  }

  /** The candle that opens at `openTime`. */
  at(openTime: number): Candle | undefined {
    const found = this.items[this.indexFrom(openTime)];
    return found?.openTime === openTime ? found : undefined;
  }

  /** Up to `count` newest ones, oldest first. */
  tail(count: number): readonly Candle[] {
    return this.items.slice(-count);
  }

  /** Of two versions of a candle the one that knows more stays: an answer may be older than what the stream has said. */
  merge(incoming: readonly Candle[]): Merged {
    const sorted = incoming.toSorted((a, b) => a.openTime - b.openTime);
    let fromMs: number | null = null;
    const fresh: Candle[] = [];
    for (const candle of sorted) {
      const index = this.indexFrom(candle.openTime);
      const known = this.items[index];
      const twin = fresh.at(-1);
      if (twin?.openTime === candle.openTime) {
        if (isNewer(candle, twin)) fresh[fresh.length - 1] = candle;
      } else if (known?.openTime !== candle.openTime) fresh.push(candle);
      else if (isNewer(candle, known)) this.items[index] = candle;
      else continue;
      fromMs ??= candle.openTime;
    }
    if (fresh.length > 0) this.insert(fresh);
    return { fromMs };
  }

  clear(): void {
    this.items = [];
  }

  private insert(fresh: readonly Candle[]): void {
    const newest = this.newest;
    const isTail = newest === undefined || (fresh[0]?.openTime ?? 0) > newest.openTime;
    if (isTail) this.items.push(...fresh);
    else this.items = [...this.items, ...fresh].toSorted((a, b) => a.openTime - b.openTime);
  }

  /** Index of the first candle that opens at or after `openTime`. */
  private indexFrom(openTime: number): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.items[middle]?.openTime ?? 0) < openTime) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isNewer(candle: Candle, known: Candle): boolean {
  if (candle.count !== known.count) return candle.count > known.count;
  if (candle.revision !== known.revision) return candle.revision > known.revision;
  return !(candle.state === 'forming' && known.state !== 'forming');
}
