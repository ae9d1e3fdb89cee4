import { type Bucket, emptyBucket, mergeBucket } from '../model/candle.ts';

/** One minute or one second of one pair while ticks can still reach it. */
export interface LiveCandle {
  readonly openMs: number;
  readonly bucket: Bucket;
  /** Ticks that came after it was final; 0 = none. */
  revision: number;
  epoch: number;
  /** Log position of the last change of anything that its row says. */
  changedAt: number;
  /** The same, of changes since it is final, its closing included: what the stored rows of longer candles follow. */
  settledAt: number;
}

/** The candles of one interval of one pair that are in memory, ascending. */
export class CandleSeries {
  readonly intervalMs: number;
  list: LiveCandle[] = [];
  private current: LiveCandle | null = null;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  /** The candle that `atMs` falls into, made if there is none; `isNew` tells the caller's count of candles. */
  at(atMs: number, epoch: number): { candle: LiveCandle; isNew: boolean } {
    const { current, intervalMs, list } = this;
    if (current !== null && atMs >= current.openMs && atMs < current.openMs + intervalMs) {
      return { candle: current, isNew: false };
    }
    const openMs = atMs - (atMs % intervalMs);
    let at = list.length;
    while (at > 0 && (list[at - 1]?.openMs ?? 0) > openMs) at--;
    const before = list[at - 1];
    const known = before?.openMs === openMs ? before : null;
    const candle = known ?? { openMs, bucket: emptyBucket(), revision: 0, epoch, changedAt: 0, settledAt: 0 };
    if (known === null) list.splice(at, 0, candle);
    this.current = candle;
    return { candle, isNew: known === null };
  }

  /** Lets the candles go that open before `beforeMs`, and returns them. */
  evict(beforeMs: number): LiveCandle[] {
    let n = 0;
    while (n < this.list.length && (this.list[n]?.openMs ?? beforeMs) < beforeMs) n++;
    if (n === 0) return [];
    if (this.current !== null && this.current.openMs < beforeMs) this.current = null;
    return this.list.splice(0, n);
  }

  /** Marks those that end in `(fromMs, toMs]` as closed at `position`; returns true if there are any. */
  close(fromMs: number, toMs: number, position: number): boolean {
    let closed = false;
    for (let k = this.list.length - 1; k >= 0; k--) {
      const candle = this.list[k];
      if (candle === undefined || candle.openMs + this.intervalMs <= fromMs) break;
      if (candle.openMs + this.intervalMs > toMs) continue;
      candle.changedAt = position;
      candle.settledAt = position;
      closed = true;
    }
    return closed;
  }

  /** Something that the rows of candles from `fromMs` on say has changed, and maybe of longer ones around any of them, but no tick. */
  touch(fromMs: number, position: number): void {
    for (const candle of this.list) {
      if (candle.openMs >= fromMs) candle.changedAt = position;
      candle.settledAt = position;
    }
  }
}

/** Merges `part` into the candle; a final candle becomes a revision, once for each tick. */
export function mergeIntoCandle(
  candle: LiveCandle,
  part: Bucket,
  isFinal: boolean,
  epoch: number,
  position: number,
): void {
  mergeBucket(candle.bucket, part);
  if (isFinal) {
    candle.revision += part.count;
    candle.settledAt = position;
  }
  candle.epoch = epoch;
  candle.changedAt = position;
}
