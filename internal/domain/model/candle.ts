import { addExact, type ExactSum } from '../service/exact-sum.ts';
import { NO_TRADE_ID } from './tick-batch.ts';

/** forming: its end has not passed · final: closed · revised: closed, then a tick inside the allowed lateness came. */
export type CandleState = 'forming' | 'final' | 'revised';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;
/** 1970-01-05, the first Monday. */
const FIRST_MONDAY_MS = 4 * 24 * 60 * MINUTE_MS;

/** Opening of the candle that `atMs` falls into, UTC: weeks open on Monday, the others count from 1970. */
export function candleOpenMs(atMs: number, intervalMs: number): number {
  if (intervalMs % WEEK_MS !== 0) return atMs - (atMs % intervalMs);
  return atMs - ((atMs - FIRST_MONDAY_MS) % intervalMs);
}

/** Count, mean and range of ticks, with the moments of the range: what a period query answers. Merges. */
export interface Extremes {
  count: number;
  /** Sum of prices as high and low part; see `ExactSum`. */
  sumHi: number;
  sumLo: number;
  high: number;
  /** Event time of the earliest tick at `high`, Unix ms. */
  highAtMs: number;
  low: number;
  lowAtMs: number;
  /** Event times of the first and the last tick. */
  firstAtMs: number;
  lastAtMs: number;
}

export function emptyExtremes(): Extremes {
  return {
    count: 0,
    sumHi: 0,
    sumLo: 0,
    high: Number.NEGATIVE_INFINITY,
    highAtMs: 0,
    low: Number.POSITIVE_INFINITY,
    lowAtMs: 0,
    firstAtMs: Number.POSITIVE_INFINITY,
    lastAtMs: Number.NEGATIVE_INFINITY,
  };
}

/** A mean of these ticks' prices: in their range also where a sum that it was made of is beyond the greatest double. */
export function meanWithin({ low, high }: Extremes, mean: number): number {
  return Math.min(high, Math.max(low, mean));
}

/** `into` becomes the fold of the ticks of both. */
export function mergeExtremes(into: Extremes, part: Extremes): void {
  if (part.count === 0) return;
  into.count += part.count;
  addExact(into, part.sumHi, part.sumLo);
  if (part.high > into.high || (part.high === into.high && part.highAtMs < into.highAtMs)) {
    into.high = part.high;
    into.highAtMs = part.highAtMs;
  }
  if (part.low < into.low || (part.low === into.low && part.lowAtMs < into.lowAtMs)) {
    into.low = part.low;
    into.lowAtMs = part.lowAtMs;
  }
  if (part.firstAtMs < into.firstAtMs) into.firstAtMs = part.firstAtMs;
  if (part.lastAtMs > into.lastAtMs) into.lastAtMs = part.lastAtMs;
}

/**
 * The fold of the ticks of one candle. Merging the buckets of any split of the ticks gives the bucket of all of
 * them: `open` and `close` are the first and last in sequence (trade id, then event time, then order of arrival),
 * sums are exact.
 */
export interface Bucket extends Extremes {
  open: number;
  /** `NO_TRADE_ID` where the feed has none; likewise `closeId`. */
  openId: number;
  close: number;
  closeId: number;
  /** Event times of the ticks that gave `open` and `close`. */
  openAtMs: number;
  closeAtMs: number;
  /** Ticks with a quantity; 0: volume is not known. */
  quantityCount: number;
  /** Base units. */
  volumeHi: number;
  volumeLo: number;
  /** Quote units: Σ price × quantity. */
  quoteVolumeHi: number;
  quoteVolumeLo: number;
}

export function emptyBucket(): Bucket {
  return {
    ...emptyExtremes(),
    open: 0,
    openId: NO_TRADE_ID,
    openAtMs: 0,
    close: 0,
    closeId: NO_TRADE_ID,
    closeAtMs: 0,
    quantityCount: 0,
    volumeHi: 0,
    volumeLo: 0,
    quoteVolumeHi: 0,
    quoteVolumeLo: 0,
  };
}

/**
 * True if (atMs, id) comes before (otherAtMs, otherId); equal in both = not before. The exchange's sequence goes before its
 * clock: trades of one millisecond, or stamped out of order, are executed by id. Ticks without an id, all
 * `NO_TRADE_ID`, go by time and before those with one, so that the order is total and no grouping can change it.
 */
export function precedes(atMs: number, id: number, otherAtMs: number, otherId: number): boolean {
  return id < otherId || (id === otherId && atMs < otherAtMs);
}

/** `into` becomes the fold of the ticks of both; the ticks of `part` arrived after those of `into`. */
export function mergeBucket(into: Bucket, part: Bucket): void {
  if (part.count === 0) return;
  const first = into.count === 0;
  if (first || precedes(part.openAtMs, part.openId, into.openAtMs, into.openId)) {
    into.open = part.open;
    into.openAtMs = part.openAtMs;
    into.openId = part.openId;
  }
  if (first || !precedes(part.closeAtMs, part.closeId, into.closeAtMs, into.closeId)) {
    into.close = part.close;
    into.closeAtMs = part.closeAtMs;
    into.closeId = part.closeId;
  }
  mergeExtremes(into, part);
  if (part.quantityCount === 0) return;
  into.quantityCount += part.quantityCount;
  const volume: ExactSum = { sumHi: into.volumeHi, sumLo: into.volumeLo };
  addExact(volume, part.volumeHi, part.volumeLo);
  into.volumeHi = volume.sumHi;
  into.volumeLo = volume.sumLo;
  const quote: ExactSum = { sumHi: into.quoteVolumeHi, sumLo: into.quoteVolumeLo };
  addExact(quote, part.quoteVolumeHi, part.quoteVolumeLo);
  into.quoteVolumeHi = quote.sumHi;
  into.quoteVolumeLo = quote.sumLo;
}
