import { type Bucket, candleOpenMs, emptyBucket, MINUTE_MS, mergeBucket } from '../model/candle.ts';
import type { LiveCandle } from './candle-series.ts';

/** Numbers of one interval's entry: interval, opening, epoch, position, closing, then the bucket's. */
const HEAD = 5;
const OPEN_MS = 1;
const EPOCH = 2;
const POSITION = 3;
const CLOSED_AT = 4;
const NOTHING_OPEN = -1;

/** Fields of a `Bucket` in the order in which they are stored; a change of it is a new format. */
const BUCKET_FIELDS = [
  ...(['count', 'sumHi', 'sumLo', 'high', 'highAtMs', 'low', 'lowAtMs', 'firstAtMs', 'lastAtMs'] as const),
  ...(['open', 'openId', 'openAtMs', 'close', 'closeId', 'closeAtMs'] as const),
  ...(['quantityCount', 'volumeHi', 'volumeLo', 'quoteVolumeHi', 'quoteVolumeLo'] as const),
] satisfies readonly (keyof Bucket)[];
const ENTRY = HEAD + BUCKET_FIELDS.length;

/** One candle longer than a minute, as it stands. */
export interface LongerCandle {
  readonly openMs: number;
  readonly bucket: Bucket;
  readonly revision: number;
  readonly epoch: number;
  /** Log position of the last change of anything that its row says. */
  readonly changedAt: number;
  /** The same, of what is worth writing: a minute of it closed, a closed one changed, or it closed itself. */
  readonly settledAt: number;
}

/** Ticks that reached a longer candle after it was final. */
interface Revision {
  readonly intervalMs: number;
  readonly openMs: number;
  ticks: number;
}

/**
 * The candles of one pair that are longer than a minute. They are merges of its minutes: of those in memory, and of
 * what has left it, which is kept here, one sum for each interval, because only one candle of an interval can have
 * minutes on both sides.
 */
export class LongerCandles {
  /** Log position of the last change of what `encode` gives. */
  changedAt = 0;
  private readonly intervalsMs: readonly number[];
  private entries: Float64Array | null = null;
  private revisions: Revision[] = [];

  constructor(intervalsMs: readonly number[]) {
    this.intervalsMs = intervalsMs;
  }

  /** Minutes that leave memory, ascending: no tick can reach them any more. */
  absorb(minutes: readonly LiveCandle[], position: number): void {
    if (minutes.length === 0 || this.intervalsMs.length === 0) return;
    const entries = this.open();
    for (const [k, intervalMs] of this.intervalsMs.entries()) {
      const at = k * ENTRY;
      const bucket = readBucket(entries, at);
      for (const minute of minutes) {
        const openMs = candleOpenMs(minute.openMs, intervalMs);
        if (openMs !== entries[at + OPEN_MS]) {
          Object.assign(bucket, emptyBucket());
          entries[at + OPEN_MS] = openMs;
          entries[at + POSITION] = 0;
          entries[at + CLOSED_AT] = 0;
        }
        mergeBucket(bucket, minute.bucket);
        entries[at + EPOCH] = minute.epoch;
        entries[at + POSITION] = Math.max(entries[at + POSITION] ?? 0, minute.changedAt, minute.settledAt);
      }
      writeBucket(entries, at, bucket);
    }
    this.changedAt = position;
  }

  /** What lies before `beforeMs` can't be revised any more. */
  forgetRevisions(beforeMs: number): void {
    if (this.revisions.length === 0) return;
    this.revisions = this.revisions.filter(({ openMs, intervalMs }) => openMs + intervalMs > beforeMs);
  }

  /** `ticks` came into the minute that opens at `minuteMs`; counts for those candles around it that end at or before `finalUpToMs`. */
  revise(minuteMs: number, ticks: number, finalUpToMs: number, position: number): void {
    for (const intervalMs of this.intervalsMs) {
      const openMs = candleOpenMs(minuteMs, intervalMs);
      if (openMs + intervalMs > finalUpToMs) continue;
      const known = this.revisions.find((one) => one.intervalMs === intervalMs && one.openMs === openMs);
      if (known === undefined) this.revisions.push({ intervalMs, openMs, ticks });
      else known.ticks += ticks;
      this.changedAt = position;
    }
  }

  /**
   * The clock or the watermark closed what ends in `(fromMs, toMs]`: noted at the newest minute that there is of such a
   * candle, or here, where all of them have left memory. Returns true if there was such a candle.
   */
  close(fromMs: number, toMs: number, minutes: readonly LiveCandle[], position: number): boolean {
    let closed = false;
    for (const [k, intervalMs] of this.intervalsMs.entries()) {
      if (candleOpenMs(toMs, intervalMs) <= fromMs) continue;
      const at = k * ENTRY;
      const openMs = this.entries?.[at + OPEN_MS] ?? NOTHING_OPEN;
      if (this.entries !== null && openMs !== NOTHING_OPEN && isIn(openMs + intervalMs, fromMs, toMs)) {
        this.entries[at + CLOSED_AT] = position;
        this.changedAt = position;
        closed = true;
      }
      for (const [i, minute] of minutes.entries()) {
        const ofMs = candleOpenMs(minute.openMs, intervalMs);
        const next = minutes[i + 1];
        if (!isIn(ofMs + intervalMs, fromMs, toMs)) continue;
        if (next !== undefined && candleOpenMs(next.openMs, intervalMs) === ofMs) continue;
        minute.settledAt = position;
        closed = true;
      }
    }
    return closed;
  }

  /** Something that the rows of all open candles say has changed, but no tick. */
  touch(position: number): void {
    const entries = this.entries;
    if (entries === null) return;
    for (let at = 0; at < entries.length; at += ENTRY) entries[at + CLOSED_AT] = position;
    this.changedAt = position;
  }

  /**
   * The last minute of the earliest candle that ends after `goneBeforeMs` and of which something was noted here after
   * `position`: if minutes from there on leave memory, its row is never written. Infinity: there is none.
   */
  unwrittenFromMs(position: number, goneBeforeMs: number): number {
    let fromMs = Number.POSITIVE_INFINITY;
    if (this.entries === null) return fromMs;
    for (const [k, intervalMs] of this.intervalsMs.entries()) {
      const openMs = this.entries[k * ENTRY + OPEN_MS] ?? NOTHING_OPEN;
      const isWritten = (this.entries[k * ENTRY + CLOSED_AT] ?? 0) <= position;
      if (openMs === NOTHING_OPEN || isWritten || openMs + intervalMs <= goneBeforeMs) continue;
      fromMs = Math.min(fromMs, openMs + intervalMs - MINUTE_MS);
    }
    return fromMs;
  }

  /** The candles of one interval that ticks can still reach, or that hold minutes which they can; ascending. */
  candles(intervalMs: number, minutes: readonly LiveCandle[]): LongerCandle[] {
    const k = this.intervalsMs.indexOf(intervalMs);
    if (k < 0) return [];
    const candles: LongerCandle[] = [];
    const { entries } = this;
    const at = k * ENTRY;
    let building: { -readonly [F in keyof LongerCandle]: LongerCandle[F] } | null = null;
    if (entries !== null && entries[at + OPEN_MS] !== NOTHING_OPEN) {
      const openMs = entries[at + OPEN_MS] ?? 0;
      const closedAt = entries[at + CLOSED_AT] ?? 0;
      const changedAt = Math.max(entries[at + POSITION] ?? 0, closedAt);
      building = {
        ...{ openMs, bucket: readBucket(entries, at), revision: this.revisionOf(intervalMs, openMs) },
        ...{ epoch: entries[at + EPOCH] ?? 0, changedAt, settledAt: closedAt },
      };
      candles.push(building);
    }
    for (const minute of minutes) {
      const openMs = candleOpenMs(minute.openMs, intervalMs);
      if (building === null || building.openMs !== openMs) {
        const revision = this.revisionOf(intervalMs, openMs);
        building = { openMs, bucket: emptyBucket(), revision, epoch: 0, changedAt: 0, settledAt: 0 };
        candles.push(building);
      }
      mergeBucket(building.bucket, minute.bucket);
      building.epoch = minute.epoch;
      building.changedAt = Math.max(building.changedAt, minute.changedAt, minute.settledAt);
      building.settledAt = Math.max(building.settledAt, minute.settledAt);
    }
    return candles;
  }

  encode(): Uint8Array {
    const entries = this.entries ?? new Float64Array(0);
    const numbers = new Float64Array(1 + entries.length + 3 * this.revisions.length);
    numbers[0] = entries.length / ENTRY;
    numbers.set(entries, 1);
    for (const [i, { intervalMs, openMs, ticks }] of this.revisions.entries()) {
      numbers.set([intervalMs, openMs, ticks], 1 + entries.length + 3 * i);
    }
    return new Uint8Array(numbers.buffer);
  }

  /** Puts back what `encode` gave, as far as its intervals are still kept. */
  restore(data: Uint8Array): void {
    const numbers = new Float64Array(data.slice().buffer);
    const stored = numbers[0] ?? 0;
    for (let i = 0; i < stored; i++) {
      const entry = numbers.subarray(1 + i * ENTRY, 1 + (i + 1) * ENTRY);
      const k = this.intervalsMs.indexOf(entry[0] ?? 0);
      if (k >= 0) this.open().set(entry, k * ENTRY);
    }
    for (let at = 1 + stored * ENTRY; at + 2 < numbers.length; at += 3) {
      const [intervalMs = 0, openMs = 0, ticks = 0] = numbers.subarray(at, at + 3);
      if (this.intervalsMs.includes(intervalMs)) this.revisions.push({ intervalMs, openMs, ticks });
    }
  }

  private open(): Float64Array {
    if (this.entries !== null) return this.entries;
    const entries = new Float64Array(this.intervalsMs.length * ENTRY);
    for (const [k, intervalMs] of this.intervalsMs.entries()) {
      entries[k * ENTRY] = intervalMs;
      entries[k * ENTRY + OPEN_MS] = NOTHING_OPEN;
      writeBucket(entries, k * ENTRY, emptyBucket());
    }
    this.entries = entries;
    return entries;
  }

  private revisionOf(intervalMs: number, openMs: number): number {
    if (this.revisions.length === 0) return 0;
    return this.revisions.find((one) => one.intervalMs === intervalMs && one.openMs === openMs)?.ticks ?? 0;
  }
}

function readBucket(entries: Float64Array, at: number): Bucket {
  const bucket = emptyBucket();
  for (const [i, field] of BUCKET_FIELDS.entries()) bucket[field] = entries[at + HEAD + i] ?? 0;
  return bucket;
}

function writeBucket(entries: Float64Array, at: number, bucket: Bucket): void {
  for (const [i, field] of BUCKET_FIELDS.entries()) entries[at + HEAD + i] = bucket[field];
}

function isIn(atMs: number, afterMs: number, toMs: number): boolean {
  return atMs > afterMs && atMs <= toMs;
}
