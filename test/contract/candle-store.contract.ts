import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CandleRange, CandleStore } from '../../internal/application/port/out/candle-store.ts';
import { type Extremes, emptyExtremes, MINUTE_MS, mergeExtremes } from '../../internal/domain/model/candle.ts';
import type { CandleRow, Checkpoint } from '../../internal/domain/model/checkpoint.ts';
import { exactValue } from '../../internal/domain/service/exact-sum.ts';
import {
  BARE_CANDLE,
  bucketOf,
  candle,
  delta,
  FULL_CANDLE,
  instrument,
  source,
  T0_MS,
} from './candle-store-samples.ts';

const WEEK_MS = 7 * 86_400_000;

/** A store over one place; `reopen` closes it and opens the same place again, where the adapter keeps anything. */
export interface StoreUnderTest {
  readonly store: CandleStore;
  reopen(): Promise<CandleStore>;
  dispose(): Promise<void>;
}

/** What every CandleStore does. */
export function candleStoreContract(name: string, create: () => Promise<StoreUnderTest>): void {
  const proves = (title: string, run: (given: StoreUnderTest) => Promise<void>): void => {
    it(title, async () => {
      const given = await create();
      try {
        await run(given);
      } finally {
        await given.dispose();
      }
    });
  };

  describe(`CandleStore contract: ${name}`, () => {
    proves('is null before the first commit, and there after an empty one', async ({ store }) => {
      assert.equal(await store.load(), null);
      await store.commit(delta(4, { damagedBatches: 2, damagedTicks: 30 }));
      const loaded = await loadedFrom(store);
      assert.deepEqual(loaded, emptyCheckpoint(4, { damagedBatches: 2, damagedTicks: 30 }));
    });

    proves('gives back every field as it was, after a new start too', async (given) => {
      const parts = {
        mode: { mode: 'test', epoch: 12, sinceMs: T0_MS + 7, switched: true },
        sources: [
          source({ brokenMinutes: [{ fromMs: T0_MS, toMs: T0_MS + MINUTE_MS }], upSinceMs: T0_MS, feedUp: false }),
          source({ id: 1, exchange: 'exchange2', watermarkMs: null, finalUpToMs: 0, evictedBeforeMs: -Infinity }),
          source({
            id: 2,
            mode: 'test',
            brokenMinutes: [{ fromMs: -Infinity, toMs: Infinity }],
            brokenLonger: [
              { intervalMs: 300_000, openMs: T0_MS - 240_000 },
              { intervalMs: WEEK_MS, openMs: T0_MS - (T0_MS % WEEK_MS) },
            ],
          }),
        ],
        instruments: [
          instrument({ tradeIds: new Uint8Array([0, 255, 7]), lastAtMs: 2 ** 53 - 1, lastPrice: 5e-324 }),
          instrument({ id: 1, symbol: 1, history: bucketHistory(), lastAtMs: -Infinity, tradeIds: new Uint8Array(0) }),
        ],
        candles: [FULL_CANDLE, BARE_CANDLE, candle({ mode: 'test', intervalMs: 1_000, epoch: 2 })],
        steps: [
          { stepMs: 100, index: Math.floor(T0_MS / 100), data: new Uint8Array([1, 2, 3]) },
          { stepMs: 1000, index: Math.floor(T0_MS / 1000), data: new Uint8Array(5000).fill(9) },
        ],
        longer: [
          { instrument: 0, data: new Uint8Array([0, 1, 255]) },
          { instrument: 1, data: new Uint8Array(0) },
        ],
      } as const;
      await given.store.commit(delta(9, { ...parts, newSymbols: ['BTCUSDT', 'ДОГЕ/usdt'] }));
      const wanted = { ...emptyCheckpoint(9), ...parts, symbols: ['BTCUSDT', 'ДОГЕ/usdt'] };
      assert.deepEqual(await loadedFrom(given.store), wanted);
      assert.deepEqual(await loadedFrom(await given.reopen()), wanted);
    });

    proves('adds what changed to what was there', async ({ store }) => {
      const mode = { mode: 'live', epoch: 1, sinceMs: T0_MS, switched: false } as const;
      const sources = [source(), source({ id: 1, exchange: 'exchange2' })];
      const instruments = [instrument(), instrument({ id: 1, symbol: 1 })];
      await store.commit(delta(1, { mode, sources, instruments, newSymbols: ['A', 'B'], candles: [candle()] }));
      const changed = source({ id: 1, exchange: 'exchange2', counted: 99 });
      const moved = instrument({ id: 1, symbol: 1, lastPrice: 7 });
      const replaced = candle({ position: 2, revision: 1, state: 'revised' });
      const second = { sources: [changed], instruments: [moved], candles: [replaced, BARE_CANDLE] };
      await store.commit(delta(2, { ...second, newSymbols: ['C'], firstSymbolId: 2, damagedTicks: 5 }));
      assert.deepEqual(await loadedFrom(store), {
        ...emptyCheckpoint(2, { damagedTicks: 5 }),
        mode,
        symbols: ['A', 'B', 'C'],
        sources: [source(), changed],
        instruments: [instrument(), moved],
        candles: [replaced, BARE_CANDLE],
      });
    });

    proves('never replaces a row by one of a lower position, and does by an equal one', async ({ store }) => {
      const sources = [source()];
      await store.commit(delta(10, { sources, candles: [candle({ position: 10, revision: 1 })] }));
      await store.commit(delta(11, { candles: [candle({ position: 9, revision: 0 })] }));
      assert.equal((await loadedFrom(store)).candles[0]?.revision, 1);
      await store.commit(delta(12, { candles: [candle({ position: 10, revision: 2 })] }));
      assert.equal((await loadedFrom(store)).candles[0]?.revision, 2);
    });

    proves('takes the same delta again, and refuses one that is older than the checkpoint', async ({ store }) => {
      const first = delta(5, { sources: [source()], candles: [candle({ position: 5 })], newSymbols: ['A'] });
      await store.commit(first);
      const before = await loadedFrom(store);
      await store.commit(first);
      assert.deepEqual(await loadedFrom(store), before);
      await assert.rejects(store.commit(delta(4, { candles: [BARE_CANDLE] })), { code: 'stale', severity: 'drop' });
      assert.deepEqual(await loadedFrom(store), before);
    });

    proves('a commit that fails leaves nothing of itself, and the next one works', async ({ store }) => {
      await store.commit(delta(1, { sources: [source()], candles: [candle()] }));
      const before = await loadedFrom(store);
      // What no store can take, after much that it can.
      const poison = { stepMs: 100, index: 1, data: (() => 0) as unknown as Uint8Array };
      const many = Array.from({ length: 3000 }, (_, i) => candle({ openMs: T0_MS + i * MINUTE_MS, position: 2 }));
      const doomed = delta(2, {
        candles: many,
        sources: [source({ counted: 77 })],
        newSymbols: ['X'],
        steps: [poison],
      });
      await assert.rejects(store.commit(doomed));
      assert.deepEqual(await loadedFrom(store), before);
      await store.commit(delta(2, { candles: many }));
      assert.equal((await loadedFrom(store)).candles.length, 3000);
    });

    proves('loads the candles of each source from its evictedBeforeMs on', async ({ store }) => {
      const minutes = [0, 1, 2, 3].map((minute) => T0_MS + minute * MINUTE_MS);
      const ofBoth = ['exchange1', 'exchange2'].flatMap((exchange) =>
        ['AAA', 'ZZZ'].flatMap((symbol) => minutes.map((openMs) => candle({ exchange, symbol, openMs }))),
      );
      const sources = [
        source({ evictedBeforeMs: T0_MS + 2 * MINUTE_MS }),
        source({ id: 1, exchange: 'exchange2', evictedBeforeMs: T0_MS + 3 * MINUTE_MS }),
      ];
      await store.commit(delta(1, { candles: ofBoth, sources }));
      const loaded = (await loadedFrom(store)).candles;
      const wanted = ofBoth.filter((row) => row.openMs >= T0_MS + (row.exchange === 'exchange1' ? 2 : 3) * MINUTE_MS);
      assert.deepEqual(loaded, wanted);
    });

    proves('loads candles of up to a minute, and keeps the longer ones for queries', async ({ store }) => {
      const lengths = [1_000, MINUTE_MS, 5 * MINUTE_MS, 90 * MINUTE_MS, 86_400_000, WEEK_MS];
      const candles = lengths.map((intervalMs) => candle({ intervalMs, openMs: T0_MS + MINUTE_MS }));
      await store.commit(delta(1, { candles, sources: [source()] }));
      const loaded = (await loadedFrom(store)).candles.map((row) => row.intervalMs);
      assert.deepEqual(
        loaded.sort((a, b) => a - b),
        [1_000, MINUTE_MS],
      );
      for (const row of candles) assert.deepEqual(await store.candles(everything(row.intervalMs)), [row]);
    });

    proves('replaces what longer candles hold, instrument by instrument', async ({ store }) => {
      const first = [0, 1].map((instrument) => ({ instrument, data: bytes(instrument) }));
      await store.commit(delta(1, { longer: first }));
      await store.commit(delta(2, { longer: [{ instrument: 1, data: bytes(77) }] }));
      assert.deepEqual((await loadedFrom(store)).longer, [
        { instrument: 0, data: bytes(0) },
        { instrument: 1, data: bytes(77) },
      ]);
    });

    proves('gives the candles of one pair and interval that open in [from, to), in either order', async ({ store }) => {
      const openings = Array.from({ length: 1_203 }, (_, i) => T0_MS + i * MINUTE_MS);
      const rows = openings.map((openMs) => candle({ openMs, revision: openMs % 7 }));
      const others = [
        { mode: 'test' },
        { exchange: 'exchange2' },
        { symbol: 'BTCUSD' },
        { intervalMs: 300_000 },
      ] as const;
      await store.commit(delta(1, { candles: [...rows, FULL_CANDLE, ...others.map((other) => candle(other))] }));
      const [, second] = rows;
      const all = [FULL_CANDLE, ...rows.slice(1)];
      const whole = everything(MINUTE_MS);
      assert.deepEqual(await store.candles(whole), all);
      assert.deepEqual(await store.candles({ ...whole, order: 'desc' }), all.toReversed());
      assert.deepEqual(await store.candles({ ...whole, limit: 1_001 }), all.slice(0, 1_001));
      assert.deepEqual(await store.candles({ ...whole, limit: 2, order: 'desc' }), all.toReversed().slice(0, 2));
      const part = { ...whole, fromMs: T0_MS + 1, toMs: T0_MS + 2 * MINUTE_MS };
      for (const order of ['asc', 'desc'] as const) {
        assert.deepEqual(await store.candles({ ...part, order }), [second]);
        assert.deepEqual(await store.candles({ ...part, order, exchange: 'nobody' }), []);
      }
      const open = { ...whole, fromMs: -Infinity, toMs: Infinity };
      assert.equal((await store.candles(open)).length, all.length);
    });

    proves('gives the newest minute of every pair of a mode', async ({ store }) => {
      const later = { openMs: T0_MS + MINUTE_MS };
      const newest = [
        FULL_CANDLE,
        candle({ symbol: 'ZZZ', ...later, state: 'forming' }),
        candle({ exchange: 'exchange2', ...later }),
      ];
      const older = [candle({ symbol: 'ZZZ' }), candle({ exchange: 'exchange2' })];
      const ofOthers = [
        candle({ mode: 'test', ...later }),
        candle({ symbol: 'ZZZ', intervalMs: 1_000, openMs: T0_MS + 2 * MINUTE_MS }),
      ];
      const noMinute = candle({ symbol: 'SECONDS', intervalMs: 1_000 });
      await store.commit(delta(1, { candles: [...newest, ...older, ...ofOthers, noMinute] }));
      assert.deepEqual(byPair(await store.newest('live')), byPair(newest));
      assert.deepEqual(await store.newest('test'), ofOthers.slice(0, 1));
    });

    proves('drops expired candles of the interval and source in question, of all its pairs', async ({ store }) => {
      const spared = [{ exchange: 'exchange2' }, { mode: 'test' }] as const;
      const pairs = [{}, { symbol: 'AAA' }, ...spared] as const;
      const seconds = [0, 1, 2].map((second) => T0_MS + second * 1_000);
      const candles = pairs.flatMap((pair) => [
        ...seconds.map((openMs) => candle({ ...pair, intervalMs: 1_000, openMs })),
        candle(pair),
      ]);
      await store.commit(delta(1, { candles }));
      const ofSource = { mode: 'live', exchange: 'exchange1' } as const;
      await store.commit(delta(2, { expiredCandles: [{ ...ofSource, intervalMs: 1_000, beforeMs: T0_MS + 2_000 }] }));
      const left = [];
      for (const pair of pairs) {
        left.push((await store.candles({ ...everything(1_000), ...pair })).map((row) => row.openMs));
        assert.equal((await store.candles({ ...everything(MINUTE_MS), ...pair })).length, 1);
      }
      assert.deepEqual(left, [[T0_MS + 2_000], [T0_MS + 2_000], seconds, seconds]);
    });

    proves('drops many expired candles over several commits', async ({ store }) => {
      const candles = Array.from({ length: 5_000 }, (_, i) => candle({ intervalMs: 1_000, openMs: T0_MS + i * 1_000 }));
      await store.commit(delta(1, { candles }));
      const ofSource = { mode: 'live', exchange: 'exchange1' } as const;
      const expiredCandles = [{ ...ofSource, intervalMs: 1_000, beforeMs: T0_MS + 4_999_000 }];
      const left = async () => (await store.candles(everything(1_000))).length;
      for (let position = 2; position < 20 && (await left()) > 1; position++) {
        await store.commit(delta(position, { expiredCandles }));
      }
      assert.deepEqual(await store.candles(everything(1_000)), candles.slice(-1));
    });

    proves('drops expired steps of the width in question', async ({ store }) => {
      const steps = [1, 2, 3].flatMap((index) => [100, 1000].map((stepMs) => ({ stepMs, index, data: bytes(index) })));
      await store.commit(delta(1, { steps }));
      await store.commit(delta(2, { expiredSteps: [{ stepMs: 100, beforeIndex: 3 }] }));
      const left = (await loadedFrom(store)).steps.map((step) => `${step.stepMs}/${step.index}`);
      assert.deepEqual(left, ['100/3', '1000/1', '1000/2', '1000/3']);
    });

    proves('serves commits in the order of the calls, each as of its call', async ({ store }) => {
      const { bucket, ...key } = candle();
      const live = { ...bucket };
      const counts = [1, 2, 3, 4, 5, 6];
      const calls = counts.map((count) => {
        live.count = count;
        const rows = Array.from({ length: 500 }, (_, i) => ({
          ...key,
          position: count,
          openMs: T0_MS + i,
          bucket: live,
        }));
        return store.commit(delta(count, { sources: [source()], candles: rows }));
      });
      live.count = 1000;
      await Promise.all(calls);
      const loaded = await loadedFrom(store);
      assert.equal(loaded.position, 6);
      assert.deepEqual(new Set(loaded.candles.map((row) => row.bucket.count)), new Set([6]));
    });

    proves('keeps thousands of rows in one commit', async (given) => {
      const candles = Array.from({ length: 20_000 }, (_, i) =>
        candle({ symbol: `S${i % 100}`, openMs: T0_MS + i * MINUTE_MS, position: i + 1 }),
      );
      await given.store.commit(delta(20_000, { sources: [source()], candles }));
      const loaded = await loadedFrom(await given.reopen());
      assert.deepEqual(byOpening(loaded.candles), byOpening(candles));
    });

    proves('summarises the one-minute candles of one pair that open in [from, to)', async ({ store }) => {
      const inside = candle({ bucket: bucketOf([{ price: 2, atMs: T0_MS + 5 }]) });
      const [before, after] = [candle({ openMs: T0_MS - MINUTE_MS }), candle({ openMs: T0_MS + MINUTE_MS })];
      const others = [
        { mode: 'test' },
        { exchange: 'exchange2' },
        { symbol: 'ETHUSDT' },
        { intervalMs: 3_600_000 },
      ] as const;
      await store.commit(delta(1, { candles: [before, inside, after, ...others.map((other) => candle(other))] }));
      const { open, ...rest } = bucketOf([{ price: 2, atMs: T0_MS + 5 }]);
      const found = await store.summarise('live', 'exchange1', 'BTCUSDT', T0_MS, T0_MS + MINUTE_MS);
      assert.equal(open, 2);
      assert.deepEqual(found, onlyExtremes(rest));
      const nothing = await store.summarise('live', 'exchange1', 'BTCUSDT', T0_MS + 1, T0_MS + MINUTE_MS);
      assert.deepEqual(nothing, emptyExtremes());
    });

    proves(
      'summarises exactly: any split of the time adds up to the whole, ties go to the earliest',
      async ({ store }) => {
        let hour = 0;
        const tick = fc.record({
          price: fc.constantFrom(0.1, 0.2, 0.3, 67_321.07, 67_321.08, 1 / 3, 1e-3),
          atMs: fc.integer({ min: 0, max: 30 * MINUTE_MS - 1 }),
        });
        const cuts = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 5 });
        await fc.assert(
          fc.asyncProperty(fc.array(tick, { minLength: 1, maxLength: 60 }), cuts, async (ticks, cutMinutes) => {
            const fromMs = T0_MS + hour++ * 60 * MINUTE_MS;
            const shifted = ticks.map(({ price, atMs }) => ({ price, atMs: fromMs + atMs }));
            await store.commit(delta(hour, { candles: minutesOf(shifted, hour) }));
            const edges = [0, ...cutMinutes.sort((a, b) => a - b), 30].map((minute) => fromMs + minute * MINUTE_MS);
            const total = emptyExtremes();
            for (const [index, edge] of edges.slice(1).entries()) {
              const part = await store.summarise('live', 'exchange1', 'BTCUSDT', edges[index] ?? 0, edge);
              mergeExtremes(total, part);
            }
            const whole = await store.summarise('live', 'exchange1', 'BTCUSDT', fromMs, fromMs + 30 * MINUTE_MS);
            const oracle = onlyExtremes(bucketOf(shifted));
            for (const found of [whole, total]) assert.deepEqual(summed(found), summed(oracle));
          }),
          { numRuns: 60 },
        );
      },
    );

    proves('summarises a long range without being disturbed by commits and short queries', async ({ store }) => {
      const minutes = 12_000;
      const rows = (position: number) =>
        Array.from({ length: minutes }, (_, i) =>
          candle({ position, openMs: T0_MS + i * MINUTE_MS, bucket: ofMinute(i) }),
        );
      await store.commit(delta(1, { candles: rows(1) }));
      const toMs = T0_MS + minutes * MINUTE_MS;
      const [long, , short, again] = await Promise.all([
        store.summarise('live', 'exchange1', 'BTCUSDT', T0_MS, toMs),
        store.commit(delta(2, { candles: rows(2) })),
        store.summarise('live', 'exchange1', 'BTCUSDT', T0_MS, T0_MS + 60 * MINUTE_MS),
        store.summarise('live', 'exchange1', 'BTCUSDT', T0_MS, toMs),
      ]);
      assert.equal(short.count, 60);
      for (const found of [long, again]) {
        assert.equal(found.count, minutes);
        assert.equal(exactValue(found), (minutes * (minutes + 1)) / 2);
        assert.deepEqual([found.highAtMs, found.lowAtMs], [toMs - MINUTE_MS, T0_MS]);
      }
    });

    proves('refuses everything once closed', async ({ store }) => {
      await store.close();
      await store.close();
      await assert.rejects(store.load(), { code: 'closed' });
      await assert.rejects(store.commit(delta(1)), { code: 'closed' });
      await assert.rejects(store.summarise('live', 'a', 'b', 0, MINUTE_MS), { code: 'closed' });
      await assert.rejects(store.candles(everything(MINUTE_MS)), { code: 'closed' });
      await assert.rejects(store.newest('live'), { code: 'closed' });
    });
  });
}

async function loadedFrom(store: CandleStore): Promise<Checkpoint> {
  const loaded = await store.load();
  assert.ok(loaded);
  return loaded;
}

function emptyCheckpoint(position: number, changes: Partial<Checkpoint> = {}): Checkpoint {
  const lists = { symbols: [], sources: [], instruments: [], candles: [], steps: [], longer: [] };
  return { position, mode: null, damagedBatches: 0, damagedTicks: 0, ...lists, ...changes };
}

/** All candles of the usual pair. */
function everything(intervalMs: number): CandleRange {
  const pair = { mode: 'live', exchange: 'exchange1', symbol: 'BTCUSDT' } as const;
  return { ...pair, intervalMs, fromMs: 0, toMs: 2 ** 45, limit: 10_000, order: 'asc' };
}

function byPair(rows: readonly CandleRow[]): CandleRow[] {
  const key = (row: CandleRow) => `${row.exchange} ${row.symbol}`;
  return rows.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

function bucketHistory(): Extremes {
  return onlyExtremes(bucketOf([0.1, 0.2, 0.7].map((price, i) => ({ price, atMs: T0_MS + i }))));
}

function onlyExtremes(bucket: Extremes): Extremes {
  const { count, sumHi, sumLo, high, highAtMs, low, lowAtMs, firstAtMs, lastAtMs } = bucket;
  return { count, sumHi, sumLo, high, highAtMs, low, lowAtMs, firstAtMs, lastAtMs };
}

/** The pair of a sum depends on the order of addition; its value does not. */
function summed(found: Extremes): object {
  return { ...onlyExtremes(found), sumHi: 0, sumLo: 0, sum: exactValue(found) };
}

function minutesOf(ticks: readonly { price: number; atMs: number }[], position: number): CandleRow[] {
  const byMinute = Map.groupBy(ticks, ({ atMs }) => atMs - (atMs % MINUTE_MS));
  return [...byMinute].map(([openMs, part]) => candle({ openMs, position, bucket: bucketOf(part) }));
}

function ofMinute(index: number) {
  return bucketOf([{ price: index + 1, atMs: T0_MS + index * MINUTE_MS }]);
}

function byOpening(rows: readonly CandleRow[]): CandleRow[] {
  return rows.toSorted((a, b) => a.openMs - b.openMs);
}

function bytes(value: number): Uint8Array {
  return new Uint8Array([value]);
}
