import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';
import { describeState, placesOf } from './bars.ts';
import { CandleList } from './candle-list.ts';

const MINUTE_MS = 60_000;

function candle(minute: number, change: Partial<Candle> = {}): Candle {
  const openTime = minute * MINUTE_MS;
  return {
    ...{
      openTime,
      closeTime: openTime + MINUTE_MS,
      open: 1,
      high: 2,
      low: 1,
      close: 2,
      volume: null,
      quoteVolume: null,
    },
    ...{ count: 1, average: 1.5, vwap: null, firstTradeId: null, lastTradeId: null, state: 'final', complete: true },
    ...{ source: 'ticks', revision: 0, ...change },
  } as Candle;
}

test('whatever the order of pages and updates, the list is ascending and has the newest version of each', () => {
  const versions = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 5 })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(versions, fc.array(fc.integer({ min: 1, max: 7 })), (all, sizes) => {
      const list = new CandleList();
      const rest = all.map(([minute, count]) => candle(minute, { count }));
      for (const size of [...sizes, rest.length + 1]) list.merge(rest.splice(0, size));
      const newest = new Map<number, number>();
      for (const [minute, count] of all) newest.set(minute, Math.max(count, newest.get(minute) ?? 0));
      const expected = [...newest].sort(([a], [b]) => a - b);
      assert.deepEqual(
        list.candles.map(({ openTime, count }) => [openTime / MINUTE_MS, count]),
        expected,
      );
    }),
  );
});

test('an answer that is older than what is known changes nothing', () => {
  const list = new CandleList();
  list.merge([candle(1, { count: 5, state: 'final' })]);
  assert.equal(list.merge([candle(1, { count: 4, state: 'forming' })]).fromMs, null);
  assert.equal(list.merge([candle(1, { count: 5, state: 'forming' })]).fromMs, null);
  assert.equal(list.newest?.state, 'final');
  assert.equal(list.merge([candle(1, { count: 6, state: 'revised', revision: 1 }), candle(2)]).fromMs, MINUTE_MS);
  assert.equal(list.at(MINUTE_MS)?.revision, 1);
  assert.equal(list.at(MINUTE_MS + 1), undefined);
  assert.deepEqual(
    list.tail(1).map(({ openTime }) => openTime),
    [2 * MINUTE_MS],
  );
});

test('minutes without a tick are empty places, and a long outage takes a bounded number of them', () => {
  const openings = (minutes: number[]) =>
    placesOf(
      minutes.map((minute) => candle(minute)),
      MINUTE_MS,
    ).map(({ openTime, candle: one }) => (one === null ? -openTime / MINUTE_MS : openTime / MINUTE_MS));
  assert.deepEqual(openings([1, 2, 5]), [1, 2, -3, -4, 5]);
  const long = openings([1, 1_000]);
  assert.equal(long.length, 122);
  assert.deepEqual(long.slice(-2), [-999, 1_000]);
});

test('a candle says in words what it is', () => {
  assert.equal(describeState(candle(1)), 'final, complete');
  assert.equal(describeState(candle(1, { state: 'forming', complete: false })), 'forming');
  assert.equal(
    describeState(candle(1, { state: 'revised', revision: 2, complete: false, source: 'mixed' })),
    'revised by 2 late ticks, incomplete, mixed',
  );
});
