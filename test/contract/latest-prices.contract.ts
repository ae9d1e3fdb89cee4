import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type {
  LatestPrices,
  PublishedTick,
  PublishingRun,
  SecondBucket,
  SourceNews,
  Standing,
  SystemReport,
} from '../../internal/application/port/out/latest-prices.ts';
import { emptyExtremes } from '../../internal/domain/model/candle.ts';
import { REJECTION_REASONS, type RejectionReason } from '../../internal/domain/model/rejection.ts';

/** One place that several processes look at. */
export interface CacheUnderTest {
  open(run: PublishingRun): Promise<LatestPrices>;
  /** As a server that comes back without its data. */
  empty(): Promise<void>;
  dispose(): Promise<void>;
}

/** Seconds expire by the real clock. */
const NOW_MS = Math.floor(Date.now() / 60_000) * 60_000;

export const RUN: PublishingRun = { startedAtMs: 1_000, tag: 'first' };
const LATER_RUN: PublishingRun = { startedAtMs: 2_000, tag: 'later' };

export function tick(changes: Partial<PublishedTick> = {}): PublishedTick {
  return { symbol: 'BTCUSDT', price: 67_321.5, eventAtMs: NOW_MS, receivedAtMs: NOW_MS + 3, position: 5, ...changes };
}

export function second(changes: Partial<SecondBucket> = {}): SecondBucket {
  const openMs = changes.openMs ?? NOW_MS;
  const ends = { highAtMs: openMs, lowAtMs: openMs + 999, firstAtMs: openMs, lastAtMs: openMs + 999 };
  const summary = { ...emptyExtremes(), count: 2, sumHi: 3, sumLo: 0, high: 2, low: 1, ...ends };
  return { symbol: 'BTCUSDT', openMs, position: 5, summary, open: 2, close: 1, ...changes };
}

export function news(changes: Partial<SourceNews> = {}): SourceNews {
  const coverage = { coveredFromMs: 0, storedBeforeMs: NOW_MS - 60_000 };
  return { mode: 'live', exchange: 'exchange1', full: false, latest: [], seconds: [], ...coverage, ...changes };
}

const STANDING: Standing = {
  mode: { mode: 'test', epoch: 7, sinceMs: NOW_MS, switched: true },
  exchanges: { live: ['exchange1'], test: ['exchange1', 'exchange2'] },
  symbols: ['BTCUSDT', 'A:B/c-d.e_f'],
};

const REPORT: SystemReport = {
  atMs: Date.now(),
  health: {
    ...{ status: 'degraded', mode: 'test', role: 'all', uptimeMs: 5, version: '1' },
    sources: [
      { exchange: 'exchange1', state: 'live', lastTickAt: null, ageMs: null, ticksPerSecond: 1.5, reconnects: 2 },
    ],
    storage: { kind: 'sqlite', status: 'ok' },
    cache: { kind: 'redis', status: 'degraded', detail: 'why' },
    tickLog: { kind: 'wal', status: 'ok', bytes: 1, segments: 2 },
  },
  audit: {
    ...{ received: 3, accepted: 2, counted: 2, open: 0, balanced: true, inCandles: 2 },
    rejected: Object.fromEntries(REJECTION_REASONS.map((reason) => [reason, 0])) as Record<RejectionReason, number>,
    damaged: { batches: 0, ticks: 0 },
    position: { log: 1, folded: 1, checkpoint: 1 },
    exchanges: [],
  },
  symbols: [{ symbol: 'BTCUSDT', status: null, exchanges: [] }],
  exchanges: [],
};

/** What every LatestPrices does. */
export function latestPricesContract(name: string, create: () => Promise<CacheUnderTest>): void {
  const proves = (title: string, run: (cache: LatestPrices, given: CacheUnderTest) => Promise<void>): void => {
    it(title, async () => {
      const given = await create();
      try {
        await run(await given.open(RUN), given);
      } finally {
        await given.dispose();
      }
    });
  };
  const told = async (cache: LatestPrices, changes: Partial<SourceNews>): Promise<void> => {
    assert.deepEqual(await cache.publish(news(changes)), { outcome: 'done', foreignKeys: [] });
  };
  const all = (cache: LatestPrices, symbol = 'BTCUSDT') =>
    cache.seconds('live', 'exchange1', symbol, NOW_MS - 600_000, NOW_MS + 60_000);

  describe(`LatestPrices contract: ${name}`, () => {
    proves('knows nothing at first', async (cache) => {
      assert.equal(await cache.standing(), null);
      assert.equal(await cache.lastReport(), null);
      assert.equal(await cache.latest('live', 'exchange1', 'BTCUSDT'), null);
      assert.equal(await all(cache), null);
    });

    proves('gives every figure back as it was, to other processes too', async (cache, given) => {
      const odd = tick({
        symbol: 'A:B/c-d.e_f',
        price: Number.MIN_VALUE,
        eventAtMs: NOW_MS + 1,
        position: 2 ** 53 - 1,
      });
      const openMs = NOW_MS + 59_000;
      const moments = { highAtMs: openMs + 1, lowAtMs: openMs + 2, firstAtMs: openMs, lastAtMs: openMs + 998 };
      const figures = { count: 123_456, sumHi: 0.1 + 0.2, sumLo: -5e-324, high: Number.MAX_VALUE, low: 1e-7 };
      const full = second({
        openMs,
        position: 2 ** 53 - 1,
        summary: { ...figures, ...moments },
        open: 1 / 3,
        close: 0.1,
      });
      await told(cache, { full: true, latest: [tick(), odd], seconds: [full, second()], storedBeforeMs: NOW_MS });
      for (const reader of [cache, await given.open({ startedAtMs: 5, tag: 'reader' })]) {
        assert.deepEqual(await reader.latest('live', 'exchange1', 'BTCUSDT'), tick());
        assert.deepEqual(await reader.latest('live', 'exchange1', 'A:B/c-d.e_f'), odd);
        const known = { coveredFromMs: 0, storedBeforeMs: NOW_MS, latest: tick(), seconds: [second(), full] };
        assert.deepEqual(await all(reader), known);
      }
    });

    proves('keeps sources, modes and symbols apart, and a range to its seconds', async (cache) => {
      await told(cache, {
        full: true,
        latest: [tick()],
        seconds: [0, 1, 61].map((s) => second({ openMs: NOW_MS + s * 1_000 - 60_000 })),
      });
      await told(cache, { full: true, mode: 'test', latest: [tick({ price: 1 })] });
      await told(cache, { full: true, exchange: 'exchange2', latest: [tick({ price: 2 })] });
      assert.equal((await cache.latest('live', 'exchange1', 'BTCUSDT'))?.price, 67_321.5);
      assert.equal((await cache.latest('test', 'exchange1', 'BTCUSDT'))?.price, 1);
      assert.equal((await cache.latest('live', 'exchange2', 'BTCUSDT'))?.price, 2);
      assert.equal(await cache.latest('live', 'exchange2', 'ETHUSDT'), null);
      const range = await cache.seconds('live', 'exchange1', 'BTCUSDT', NOW_MS - 59_000, NOW_MS + 1_000);
      assert.deepEqual(
        range?.seconds.map(({ openMs }) => openMs),
        [NOW_MS - 59_000],
      );
      assert.deepEqual((await all(cache, 'ETHUSDT'))?.seconds, []);
    });

    proves(
      'ends with the newest tick, by event time, then by log position, in whatever order they are told',
      async (cache) => {
        let asked = 0;
        const one = fc.record({ eventAtMs: fc.nat({ max: 4 }), position: fc.nat({ max: 4 }) });
        await fc.assert(
          fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 12 }), async (ticks) => {
            const exchange = `exchange${++asked}`;
            for (const [k, at] of ticks.entries())
              await told(cache, { exchange, full: k === 0, latest: [tick({ ...at, price: k + 1 })] });
            const best = Math.max(...ticks.map(({ eventAtMs, position }) => eventAtMs * 10 + position));
            const held = await cache.latest('live', exchange, 'BTCUSDT');
            assert.equal((held?.eventAtMs ?? 0) * 10 + (held?.position ?? 0), best);
          }),
          { numRuns: 40 },
        );
      },
    );

    proves('replaces a second by one of a higher position alone', async (cache) => {
      const counted = (count: number, position: number) =>
        second({ position, summary: { ...second().summary, count } });
      await told(cache, { full: true, seconds: [counted(5, 9)] });
      await told(cache, { seconds: [counted(4, 8)] });
      assert.equal((await all(cache))?.seconds[0]?.summary.count, 5);
      await told(cache, { full: true, seconds: [counted(4, 8)] });
      assert.equal((await all(cache))?.seconds[0]?.summary.count, 5);
      await told(cache, { seconds: [counted(6, 10)] });
      assert.equal((await all(cache))?.seconds[0]?.summary.count, 6);
    });

    proves('keeps what is known of a second when it is told again with less', async (cache) => {
      await told(cache, { full: true, seconds: [second()] });
      await told(cache, { full: true, seconds: [second({ position: 6, open: null, close: null })] });
      assert.deepEqual((await all(cache))?.seconds, [second()]);
    });

    proves('says that it is lost when what this run told is not there, and takes nothing', async (cache, given) => {
      const outcome = async (changes: Partial<SourceNews>) => (await cache.publish(news(changes))).outcome;
      assert.equal(await outcome({ latest: [tick()] }), 'lost');
      assert.equal(await cache.latest('live', 'exchange1', 'BTCUSDT'), null);
      await told(cache, { full: true, latest: [tick()], seconds: [second()] });
      await told(cache, {});
      await given.empty();
      assert.equal(await outcome({ latest: [tick({ position: 6 })] }), 'lost');
      assert.equal(await outcome({}), 'lost');
      assert.equal(await cache.latest('live', 'exchange1', 'BTCUSDT'), null);
      await told(cache, { full: true, latest: [tick({ position: 6 })], seconds: [second()] });
      await told(cache, { latest: [tick({ position: 7 })] });
      assert.equal((await cache.latest('live', 'exchange1', 'BTCUSDT'))?.position, 7);
      assert.deepEqual((await all(cache))?.seconds, [second()]);
    });

    proves(
      'a later run takes over when it tells everything: nothing of the earlier one is left, nor gets in',
      async (cache, given) => {
        await told(cache, {
          full: true,
          latest: [tick({ position: 99 }), tick({ symbol: 'GONE' })],
          seconds: [second({ position: 99 })],
        });
        const later = await given.open(LATER_RUN);
        assert.equal((await later.publish(news({ latest: [tick()] }))).outcome, 'lost');
        assert.equal((await cache.latest('live', 'exchange1', 'BTCUSDT'))?.position, 99);
        const older = tick({ eventAtMs: NOW_MS - 5, position: 1 });
        await told(later, { full: true, latest: [older], seconds: [second({ openMs: NOW_MS + 1_000, position: 1 })] });
        for (const reader of [cache, later]) {
          assert.deepEqual(await reader.latest('live', 'exchange1', 'BTCUSDT'), older);
          assert.equal(await reader.latest('live', 'exchange1', 'GONE'), null);
          assert.deepEqual(
            (await all(reader))?.seconds.map(({ openMs }) => openMs),
            [NOW_MS + 1_000],
          );
        }
        for (const full of [false, true]) {
          const late = news({ full, latest: [tick({ position: 100 })], seconds: [second({ position: 100 })] });
          assert.deepEqual(await cache.publish(late), { outcome: 'superseded', foreignKeys: [] });
        }
        assert.deepEqual(await later.latest('live', 'exchange1', 'BTCUSDT'), older);
        assert.equal((await all(later))?.seconds.length, 1);
        await given.empty();
        await told(cache, { full: true, latest: [tick()] });
      },
    );

    proves('holds the newest coverage that was told', async (cache) => {
      await told(cache, { full: true, coveredFromMs: NOW_MS, storedBeforeMs: 0 });
      await told(cache, { coveredFromMs: NOW_MS - 5_000, storedBeforeMs: NOW_MS - 60_000 });
      const { coveredFromMs, storedBeforeMs, latest } = (await all(cache)) ?? {};
      assert.deepEqual([coveredFromMs, storedBeforeMs, latest], [NOW_MS - 5_000, NOW_MS - 60_000, null]);
    });

    proves('holds what was announced last by the latest run, and the report', async (cache, given) => {
      assert.equal((await cache.announce(STANDING)).outcome, 'done');
      assert.equal((await cache.announce(STANDING)).outcome, 'done');
      const later = await given.open(LATER_RUN);
      assert.deepEqual(await later.standing(), STANDING);
      const next = { ...STANDING, mode: { ...STANDING.mode, mode: 'live' as const, epoch: 8 } };
      assert.equal((await later.announce(next)).outcome, 'done');
      assert.equal((await cache.announce(STANDING)).outcome, 'superseded');
      assert.deepEqual(await cache.standing(), next);
      const report = { ...REPORT, atMs: Date.now() };
      await cache.report(report);
      assert.deepEqual(await later.lastReport(), report);
      await given.empty();
      assert.equal(await cache.standing(), null);
      assert.equal(await cache.lastReport(), null);
      assert.equal((await cache.announce(STANDING)).outcome, 'done');
    });

    proves('takes thousands of pairs at once', async (cache) => {
      const symbols = Array.from({ length: 2_000 }, (_, k) => `SYMBOL${k}`);
      await told(cache, {
        full: true,
        latest: symbols.map((symbol, position) => tick({ symbol, position })),
        seconds: symbols.flatMap((symbol) => [second({ symbol }), second({ symbol, openMs: NOW_MS - 1_000 })]),
      });
      assert.equal((await cache.latest('live', 'exchange1', 'SYMBOL1999'))?.position, 1_999);
      assert.equal((await all(cache, 'SYMBOL1999'))?.seconds.length, 2);
    });

    proves('refuses once it is closed', async (cache) => {
      await cache.close();
      await assert.rejects(cache.publish(news({ full: true })), { code: 'closed', severity: 'fatal' });
      await assert.rejects(cache.latest('live', 'exchange1', 'BTCUSDT'), { code: 'closed' });
      await cache.close();
    });
  });
}
