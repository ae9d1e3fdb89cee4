import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candleOpenMs } from '../model/candle.ts';
import type { LogRecord } from '../model/log-record.ts';
import { Reason } from '../model/rejection.ts';
import { CheckpointShelf, DICTIONARY, feedRecord, OPTIONS, rowsOf, ticksRecord } from './market.test-kit.ts';
import { MarketState } from './market-state.ts';

const MIN = 60_000;
const FIVE = 5 * MIN;
const HOUR = 60 * MIN;
/** An opening of an hour. */
const H0 = Date.UTC(2026, 2, 4, 10);

const tick = (symbol: number, atMs: number, price = 10): LogRecord =>
  ticksRecord([{ symbol, price, atMs }], { receivedAtMs: atMs });
const feed = (up: boolean, atMs: number) => feedRecord(up, atMs);

/** A process over a shelf that commits after every record; `at` is the next log position. */
class Committing {
  readonly shelf = new CheckpointShelf();
  state: MarketState;
  private at = 1;

  constructor(options = OPTIONS) {
    this.state = new MarketState(options);
    for (const record of DICTIONARY) this.state.apply(record, this.at++);
  }

  apply(...records: LogRecord[]): this {
    for (const record of records) {
      this.state.apply(record, this.at++);
      this.commit();
    }
    return this;
  }

  commit(): void {
    const delta = this.state.delta();
    if (delta === null) return;
    this.shelf.commit(delta);
    this.state.committed(delta);
  }

  restart(options = OPTIONS): this {
    const checkpoint = this.shelf.load();
    this.state = new MarketState(options);
    if (checkpoint !== null) this.state.restore(checkpoint);
    return this;
  }

  /** `minute from H0: state complete|broken count revision` of one symbol's stored candles. */
  stored(intervalMs: number, symbol = 'A'): string[] {
    return [...this.shelf.rows.values()]
      .filter((row) => row.intervalMs === intervalMs && row.symbol === symbol)
      .sort((a, b) => a.openMs - b.openMs)
      .map(({ openMs, state, complete, bucket, revision }) => {
        const word = complete ? 'complete' : 'broken';
        return `${(openMs - H0) / MIN}: ${state} ${word} ${bucket.count} ${revision}`;
      });
  }
}

test('weeks open on Monday, UTC, everything else counts from 1970', () => {
  const at = Date.UTC(2026, 10, 21, 13, 46, 58, 5);
  const open = (intervalMs: number) => new Date(candleOpenMs(at, intervalMs)).toISOString();
  assert.equal(open(7 * 24 * HOUR), '2026-11-16T00:00:00.000Z');
  assert.equal(open(24 * HOUR), '2026-11-21T00:00:00.000Z');
  assert.equal(open(4 * HOUR), '2026-11-21T12:00:00.000Z');
  assert.equal(open(1_000), '2026-11-21T13:46:58.000Z');
  const monday = Date.UTC(2026, 10, 16);
  assert.equal(candleOpenMs(monday, 7 * 24 * HOUR), monday);
  assert.equal(candleOpenMs(monday - 1, 7 * 24 * HOUR), monday - 7 * 24 * HOUR);
});

test('a longer candle becomes final in the store when its end has passed, though its last tick left memory long before', () => {
  const run = new Committing().apply(feed(true, H0 - 5_000), tick(0, H0), tick(0, H0 + MIN), tick(1, H0 + 4 * MIN));
  assert.equal(run.state.sources[0]!.instruments[0]!.minutes.length, 2);
  run.apply(tick(1, H0 + 4 * MIN + 10_000), tick(1, H0 + 4 * MIN + 20_000));
  assert.deepEqual(run.stored(FIVE), ['0: forming broken 2 0']);
  run.apply(tick(1, H0 + 9 * MIN));
  assert.deepEqual(run.stored(FIVE), ['0: final complete 2 0']);
  run.restart().apply(tick(1, H0 + HOUR), tick(1, H0 + HOUR + 2_000));
  assert.deepEqual(run.stored(HOUR), ['0: final complete 2 0']);
});

test('…and when its last tick is still in memory and committed', () => {
  const run = new Committing().apply(feed(true, H0 - 5_000), tick(0, H0 + 3 * MIN), tick(1, H0 + 4 * MIN + 10_000));
  assert.deepEqual(run.stored(FIVE), ['0: forming broken 1 0']);
  run.apply(tick(1, H0 + 5 * MIN + 2_000));
  assert.deepEqual(run.stored(FIVE), ['0: final complete 1 0']);
});

test('…and when no minute of it is in memory: nothing is let go before its row is written', () => {
  const run = new Committing().apply(feed(true, H0 - 5_000), tick(0, H0 - 1), tick(0, H0 + 50 * MIN));
  // The slack keeps the hour open beyond its end, while its own minutes leave memory.
  run.apply(tick(1, H0 + HOUR), tick(1, H0 + HOUR + 500));
  assert.deepEqual(run.state.sources[0]?.instruments[0]?.minutes, []);
  assert.deepEqual(run.stored(HOUR).slice(1), ['0: forming broken 1 0']);
  run.apply(tick(1, H0 + HOUR + 10 * MIN));
  assert.deepEqual(run.stored(HOUR).slice(1), ['0: final complete 1 0']);
  run.restart().apply(tick(1, H0 + 2 * HOUR), tick(1, H0 + 2 * HOUR + 500));
  assert.deepEqual(run.stored(HOUR).slice(1), ['0: final complete 1 0']);
});

test('a late tick revises the candles that are final, and only adds to those that are forming; a restart changes nothing', () => {
  const run = new Committing().apply(feed(true, H0 - 5_000), tick(0, H0 + 4 * MIN), tick(1, H0 + 5 * MIN + 3_000));
  run.apply(tick(0, H0 + 4 * MIN + 5));
  assert.deepEqual(run.stored(FIVE), ['0: revised complete 2 1']);
  assert.deepEqual(
    rowsOf(run.state, HOUR)
      .map(({ revision, state }) => `${state} ${revision}`)
      .slice(0, 1),
    ['forming 0'],
  );
  run.restart().apply(tick(0, H0 + 4 * MIN + 6));
  assert.deepEqual(run.stored(FIVE), ['0: revised complete 3 2']);
  run.apply(tick(1, H0 + 9 * MIN), tick(1, H0 + 14 * MIN));
  assert.deepEqual(run.stored(FIVE), ['0: revised complete 3 2'], 'eviction forgets no revision that is stored');
});

test('the candle in which the feed was first heard is not complete, the next one is', () => {
  const run = new Committing().apply(feed(true, H0 + 2 * MIN), tick(0, H0 + 2 * MIN + 5));
  for (let minute = 3; minute <= 11; minute++) run.apply(tick(0, H0 + minute * MIN));
  assert.deepEqual(run.stored(FIVE), ['0: final broken 3 0', '5: final complete 5 0']);
});

test('a gap stays with the longer candle when its minutes have left memory, over a restart too', () => {
  const run = new Committing().apply(feed(true, H0 - MIN - 5_000), tick(0, H0 - 1), tick(0, H0 + 30_000));
  run.apply(feed(false, H0 + 40_000), feed(true, H0 + 50_000), tick(0, H0 + 55_000));
  for (let minute = 1; minute <= 30; minute++) run.apply(tick(0, H0 + minute * MIN));
  run.restart();
  for (let minute = 31; minute <= 121; minute++) run.apply(tick(0, H0 + minute * MIN));
  assert.deepEqual(run.stored(HOUR).slice(1), ['0: final broken 61 0', '60: final complete 60 0']);
  assert.match(run.stored(FIVE)[1] ?? '', /^0: final broken/);
  assert.match(run.stored(FIVE)[2] ?? '', /^5: final complete/);
});

test('an interval that is kept from now on: what is open lacks the past, the next candle is complete', () => {
  const without = { ...OPTIONS, intervalsMs: [60_000] };
  const run = new Committing(without).apply(feed(true, H0 - MIN - 5_000), tick(0, H0 - 1));
  for (let minute = 0; minute <= 10; minute++) run.apply(tick(0, H0 + minute * MIN));
  assert.deepEqual(run.stored(HOUR), []);
  run.restart();
  for (let minute = 11; minute <= 62; minute++) run.apply(tick(0, H0 + minute * MIN));
  run.apply(tick(0, H0 + 120 * MIN + 2_000));
  const [first = '', second = ''] = run.stored(HOUR);
  assert.match(first, /^0: final broken/);
  assert.match(second, /^60: final complete 3/);
});

test('seconds: final two seconds after their end, revised by a late tick, told to expire a day behind', () => {
  const run = new Committing().apply(feed(true, H0 - 5_000), tick(0, H0 + 100), tick(0, H0 + 900), tick(0, H0 + 2_999));
  assert.deepEqual(
    rowsOf(run.state, 1_000).map(({ openMs, state, bucket }) => `${openMs - H0} ${state} ${bucket.count}`),
    ['0 forming 2', '2000 forming 1'],
  );
  run.apply(tick(1, H0 + 3_000), tick(0, H0 + 950));
  assert.deepEqual(
    rowsOf(run.state, 1_000).map(({ openMs, state, bucket }) => `${openMs - H0} ${state} ${bucket.count}`),
    ['0 revised 3', '2000 forming 1', '3000 forming 1'],
  );
  run.apply(tick(0, H0 + 3 * MIN));
  run.apply(tick(0, H0 + 3 * MIN + 5_000));
  assert.deepEqual(
    run.state.sources[0]!.instruments[0]!.seconds.map(({ openMs }) => openMs - H0),
    [3 * MIN, 3 * MIN + 5_000],
  );
  run.state.apply(tick(0, H0 + 4 * MIN), 100);
  assert.deepEqual(run.state.delta()?.expiredCandles, [
    { mode: 'live', exchange: 'one', intervalMs: 1_000, beforeMs: H0 + 4 * MIN - 86_400_000 },
  ]);
});

test('seconds that a late tick can reach do not expire, however short they are kept: a restart goes on with them', () => {
  const run = new Committing({ ...OPTIONS, latenessMs: HOUR, secondsRetentionMs: 10 * MIN });
  run.apply(feed(true, H0 - 5_000), tick(0, H0), tick(0, H0 + 30 * MIN));
  run.state.apply(tick(0, H0 + 31 * MIN), 100);
  const ofSeconds = { mode: 'live', exchange: 'one', intervalMs: 1_000 } as const;
  assert.deepEqual(run.state.delta()?.expiredCandles, [{ ...ofSeconds, beforeMs: H0 - 29 * MIN }]);
  run.state.apply(tick(0, H0 + HOUR + 5 * MIN), 101);
  run.commit();
  run.state.apply(tick(0, H0 + HOUR + 6 * MIN), 102);
  assert.deepEqual(run.state.delta()?.expiredCandles, [{ ...ofSeconds, beforeMs: H0 + 6 * MIN }]);
});

test('of two gaps in a row the second stays on its last minute when the first, and its own beginning, have left memory', () => {
  const run = new Committing().apply(feed(true, H0 - MIN - 5_000), tick(0, H0 - 1), tick(0, H0 + 5));
  run.apply(feed(false, H0 + 10), feed(true, H0 + 20), tick(0, H0 + 30), tick(0, H0 + MIN + 5));
  run.apply(tick(0, H0 + 2 * MIN - 5), tick(0, H0 + 2 * MIN), feed(false, H0 + 2 * MIN + 10));
  run.apply(feed(true, H0 + 10 * MIN + 20_000), tick(0, H0 + 10 * MIN + 30_000), tick(0, H0 + 10 * MIN + 40_000));
  run.apply(tick(0, H0 + 11 * MIN + 2_000));
  assert.deepEqual(run.stored(MIN).slice(1), [
    '0: final broken 2 0',
    '1: final complete 2 0',
    '2: final broken 1 0',
    '10: final broken 2 0',
    '11: forming broken 1 0',
  ]);
});

for (const quantity of [undefined, 2]) {
  const way = quantity === undefined ? 'price and time' : 'quantities';
  test(`a greater lateness from now on reaches no minute that has left memory: its stored candle stays (${way})`, () => {
    const at = (atMs: number) => ticksRecord([{ symbol: 0, price: 10, atMs, quantity }], { receivedAtMs: atMs });
    const run = new Committing().apply(feed(true, H0 - 5_000), at(H0 - 1));
    for (let minute = 0; minute < 10; minute++) run.apply(at(H0 + minute * MIN), at(H0 + minute * MIN + 5));
    const before = [...run.shelf.rows.values()].filter(({ openMs }) => openMs <= H0 + 5 * MIN);
    run.restart({ ...OPTIONS, latenessMs: HOUR }).apply(at(H0 + 5 * MIN + 7));
    assert.deepEqual(
      [...run.shelf.rows.values()].filter(({ openMs }) => openMs <= H0 + 5 * MIN),
      before,
    );
    assert.equal(run.state.sources[0]?.rejected[Reason.late], 1);
    run.apply(at(H0 + 8 * MIN + 7));
    assert.equal(run.stored(MIN)[9], '8: forming broken 3 0');
  });
}
