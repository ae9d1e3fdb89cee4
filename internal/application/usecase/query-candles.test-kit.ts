import fc from 'fast-check';
import { candleOpenMs, emptyBucket, mergeBucket } from '../../domain/model/candle.ts';
import type { CandleRow } from '../../domain/model/checkpoint.ts';
import { NO_TRADE_ID } from '../../domain/model/tick-batch.ts';
import type { Candle, CandleQuestion } from '../port/in/candle-queries.ts';
import type { CandleRange, CandleStore } from '../port/out/candle-store.ts';
import { QueryCandles } from './query-candles.ts';
import type { CandleMemory } from './query-candles-memory.ts';
import { CandleSource, type CandleSourceParts } from './query-candles-source.ts';

/** A Monday. */
export const T0 = Date.UTC(2025, 5, 2);
export const MINUTE_MS = 60_000;

/** One tick of a test; ids only at exchanges that have them. */
export interface SimTick {
  readonly atMs: number;
  readonly price: number;
  readonly quantity: number | null;
  readonly tradeId: number | null;
}

export interface RowChanges extends Partial<Pick<CandleRow, 'state' | 'complete' | 'revision' | 'exchange'>> {
  readonly intervalMs?: number;
}

/** The row of these ticks, all of one bucket, in their order of arrival. */
export function rowOfTicks(ticks: readonly SimTick[], changes: RowChanges = {}): CandleRow {
  const bucket = emptyBucket();
  for (const { atMs, price, quantity, tradeId } of ticks) {
    const id = tradeId ?? NO_TRADE_ID;
    mergeBucket(bucket, {
      ...emptyBucket(),
      ...{ count: 1, sumHi: price, high: price, low: price, open: price, close: price, openId: id, closeId: id },
      ...{ openAtMs: atMs, closeAtMs: atMs, highAtMs: atMs, lowAtMs: atMs, firstAtMs: atMs, lastAtMs: atMs },
      ...(quantity === null ? {} : { quantityCount: 1, volumeHi: quantity, quoteVolumeHi: price * quantity }),
    });
  }
  const intervalMs = changes.intervalMs ?? MINUTE_MS;
  const openMs = candleOpenMs(ticks[0]?.atMs ?? 0, intervalMs);
  return {
    ...{ mode: 'live', exchange: 'one', symbol: 'BTC', intervalMs, openMs, state: 'final', complete: true },
    ...{ source: 'ticks', revision: 0, epoch: 1, position: 1, bucket },
    ...changes,
  };
}

/** A row at a minute from T0 with one tick. */
export function rowAt(minute: number, price: number, changes: RowChanges = {}): CandleRow {
  const tick = { atMs: T0 + minute * MINUTE_MS + 1, price, quantity: null, tradeId: null };
  return rowOfTicks([tick], changes);
}

/** A store that is a list. */
export class ListStore implements Pick<CandleStore, 'candles'> {
  readonly rows: CandleRow[];
  asked: CandleRange[] = [];
  gate: Promise<void> = Promise.resolve();

  constructor(rows: readonly CandleRow[] = []) {
    this.rows = [...rows];
  }

  async candles(range: CandleRange): Promise<readonly CandleRow[]> {
    this.asked.push(range);
    await this.gate;
    const { mode, exchange, symbol, intervalMs, fromMs, toMs, order, limit } = range;
    const found = this.rows.filter(
      (row) =>
        row.mode === mode &&
        row.exchange === exchange &&
        row.symbol === symbol &&
        row.intervalMs === intervalMs &&
        row.openMs >= fromMs &&
        row.openMs < toMs,
    );
    const sign = order === 'asc' ? 1 : -1;
    return found.sort((a, b) => sign * (a.openMs - b.openMs)).slice(0, limit);
  }
}

export class ListMemory implements CandleMemory {
  readonly held: CandleRow[];
  settledMs: Record<string, number> = {};

  constructor(rows: readonly CandleRow[] = []) {
    this.held = [...rows];
  }

  rows(mode: string, exchange: string, symbol: string, intervalMs: number): readonly CandleRow[] {
    return this.held
      .filter(
        (row) =>
          row.mode === mode && row.exchange === exchange && row.symbol === symbol && row.intervalMs === intervalMs,
      )
      .sort((a, b) => a.openMs - b.openMs);
  }

  settledBeforeMs(_mode: string, exchange: string): number {
    return this.settledMs[exchange] ?? 0;
  }
}

export interface World {
  readonly store: ListStore;
  readonly memory: ListMemory;
  readonly source: CandleSource;
  readonly queries: QueryCandles;
}

export function worldOf(
  stored: readonly CandleRow[],
  live: readonly CandleRow[] = [],
  changes: Partial<CandleSourceParts> = {},
): World {
  const store = new ListStore(stored);
  const memory = new ListMemory(live);
  const source = new CandleSource({
    ...{ store, memory, intervalsMs: [MINUTE_MS], mode: () => 'live' },
    exchanges: (mode) => (mode === 'live' ? ['two', 'one', 'three'] : ['one']),
    knowsSymbol: (symbol) => symbol === 'BTC',
    nowMs: () => T0 + 1_000 * MINUTE_MS,
    ...changes,
  });
  return { store, memory, source, queries: new QueryCandles(source) };
}

export const QUESTION: CandleQuestion = {
  ...{ mode: null, exchange: 'one', symbol: 'BTC', intervalMs: MINUTE_MS, fromMs: null, toMs: null },
  ...{ limit: 500, order: 'asc', fill: 'none', afterOpenMs: null },
};

export interface Walked {
  readonly candles: Candle[];
  readonly pages: number;
}

/** All pages of a question. */
export async function walk(queries: QueryCandles, changes: Partial<CandleQuestion>): Promise<Walked> {
  let question = { ...QUESTION, ...changes };
  const candles: Candle[] = [];
  for (let pages = 1; pages < 1_000; pages++) {
    const answer = await queries.candles(question);
    if (!answer.ok) throw new Error(answer.detail);
    const { value } = answer;
    if (value.candles.length > question.limit) throw new Error('more than the limit');
    candles.push(...value.candles);
    if (!value.more) return { candles, pages };
    const { mode, fromMs, toMs } = value;
    question = { ...question, mode, fromMs, toMs, afterOpenMs: value.candles.at(-1)?.openTime ?? 0 };
  }
  throw new Error('it does not end');
}

/** Rows of up to three exchanges over an hour, what of them is stored, and what is in memory in a newer version. */
export const rowSets = fc
  .array(
    fc.record({
      exchange: fc.constantFrom('one', 'two', 'three'),
      minute: fc.integer({ min: 0, max: 59 }),
      price: fc.integer({ min: 1, max: 50 }),
      place: fc.constantFrom('store', 'memory', 'both'),
      complete: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  .map((drawn) => {
    const seen = new Map(drawn.map((one) => [`${one.exchange} ${one.minute}`, one]));
    const stored: CandleRow[] = [];
    const live: CandleRow[] = [];
    const actual: CandleRow[] = [];
    for (const { exchange, minute, price, place, complete } of seen.values()) {
      const state = place === 'store' ? 'final' : 'forming';
      const row = rowAt(minute, price, { exchange, complete, state });
      actual.push(row);
      if (place === 'store') stored.push(row);
      else live.push(row);
      if (place === 'both') stored.push(rowAt(minute, price + 1_000, { exchange, complete, state: 'forming' }));
    }
    actual.sort((a, b) => a.openMs - b.openMs);
    return { stored, live, actual };
  });
