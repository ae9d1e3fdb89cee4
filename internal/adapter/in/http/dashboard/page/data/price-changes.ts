import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';
import { intervalMsOf } from '../../../../../../domain/model/interval-text.ts';
import type { Mode } from '../../../../../../domain/model/mode.ts';
import { askApi, pathOf } from './api.ts';
import { pairKey } from './stream-wire.ts';

export interface Reference {
  /** Opening price of the first candle of the period. */
  readonly price: number;
  readonly openTime: number;
  /** Start of the period that was asked for, Unix ms. */
  readonly from: number;
}

export interface Pair {
  readonly exchange: string;
  readonly symbol: string;
}

/** A period is looked at through candles of about this part of it. */
const PARTS_OF_PERIOD = 30;
const PARALLEL = 4;
/** A little less than what one request may span. */
const RANGE_MAX_INTERVALS = 4_000_000;
const WAIT_AFTER_REFUSAL_MS = 5_000;

/** What prices are compared with to say by how much they have changed over the chosen period. */
export class PriceChanges {
  private readonly references = new Map<string, Reference | null>();
  private readonly intervals: readonly string[];
  private generation = 0;
  private refusedUntilMs = 0;

  constructor(intervals: readonly string[]) {
    this.intervals = intervals;
  }

  reference({ exchange, symbol }: Pair): Reference | null {
    return this.references.get(pairKey(exchange, symbol)) ?? null;
  }

  clear(): void {
    this.generation++;
    this.references.clear();
  }

  /** `periodMs` null: all history. */
  async refresh(mode: Mode, periodMs: number | null, pairs: readonly Pair[], nowMs: number): Promise<void> {
    const { generation } = this;
    const interval = this.intervalFor(periodMs);
    const intervalMs = intervalMsOf(interval) ?? 1;
    const lengthMs = periodMs ?? Math.min(nowMs, RANGE_MAX_INTERVALS * intervalMs);
    const from = Math.ceil((nowMs - lengthMs) / intervalMs) * intervalMs;
    const rest = pairs.filter((pair) => this.reference(pair)?.from !== from);
    const work = async (): Promise<void> => {
      for (let pair = rest.pop(); pair !== undefined; pair = rest.pop()) {
        if (generation !== this.generation || performance.now() < this.refusedUntilMs) return;
        const reference = await this.ask(mode, interval, from, pair);
        if (generation !== this.generation || reference === undefined) return;
        this.references.set(pairKey(pair.exchange, pair.symbol), reference);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }

  /** Undefined: no answer. */
  private async ask(mode: Mode, interval: string, from: number, pair: Pair): Promise<Reference | null | undefined> {
    const query = { interval, mode, from, limit: 1, order: 'asc' };
    const path = pathOf(['v1', 'candles', pair.exchange, pair.symbol], query);
    const answer = await askApi<{ readonly candles: readonly Candle[] }>(path);
    if (!answer.ok) {
      if (answer.code === 'too_many_requests' || answer.code === 'unreachable') {
        this.refusedUntilMs = performance.now() + WAIT_AFTER_REFUSAL_MS;
        return undefined;
      }
      return null;
    }
    const [first] = answer.value.candles;
    return first === undefined ? null : { price: first.open, openTime: first.openTime, from };
  }

  private intervalFor(periodMs: number | null): string {
    const lengths = this.intervals.map((text) => ({ text, ms: intervalMsOf(text) ?? 0 }));
    const longest = periodMs === null ? Number.POSITIVE_INFINITY : periodMs / PARTS_OF_PERIOD;
    return (lengths.findLast(({ ms }) => ms <= longest) ?? lengths[0])?.text ?? '1m';
  }
}
