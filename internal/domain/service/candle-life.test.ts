import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord } from '../model/log-record.ts';
import { Reason } from '../model/rejection.ts';
import {
  CheckpointShelf,
  DICTIONARY,
  feedRecord,
  OPTIONS,
  rowsOf,
  stateOf,
  T0,
  ticksRecord,
} from './market.test-kit.ts';
import { MarketState } from './market-state.ts';

const MIN = 60_000;

/** Ticks of symbol A at these event times after T0, received then. */
const ticks = (...afterMs: number[]): LogRecord =>
  ticksRecord(
    afterMs.map((ms) => ({ symbol: 0, price: 10, atMs: T0 + ms })),
    { receivedAtMs: T0 + Math.max(...afterMs) },
  );
const feed = (up: boolean, afterMs: number) => feedRecord(up, T0 + afterMs);
const finalise = (afterMs: number): LogRecord => ({ kind: 'finalise', source: 0, upToMs: T0 + afterMs });

/** `minute: state complete|broken revision` of each candle, minutes counted from T0. */
function candles(state: MarketState): string[] {
  return rowsOf(state)
    .filter((row) => row.mode === 'live' && row.exchange === 'one')
    .map((row) => `${(row.openMs - T0) / MIN}: ${row.state} ${row.complete ? 'complete' : 'broken'} ${row.revision}`);
}

const after = (...records: LogRecord[]) => candles(stateOf([...DICTIONARY, ...records]));
/** A feed that has been up and heard since the minute before T0, so that minute 0 can be complete. */
const UP = [feed(true, -MIN - 5_000), ticks(-1)];
const withoutFirst = (rows: string[]) => rows.slice(1);

test('a minute is forming, then final at its end plus the slack, then revised by each tick inside the lateness', () => {
  assert.deepEqual(withoutFirst(after(...UP, ticks(0))), ['0: forming broken 0']);
  assert.deepEqual(withoutFirst(after(...UP, ticks(0, MIN + 1_999))), ['0: forming broken 0', '1: forming broken 0']);
  const closed = [...UP, ticks(0, MIN + 2_000)];
  assert.deepEqual(withoutFirst(after(...closed)), ['0: final complete 0', '1: forming broken 0']);
  assert.deepEqual(withoutFirst(after(...closed, ticks(5), ticks(6, 7))), [
    '0: revised complete 3',
    '1: forming broken 0',
  ]);
});

test('minutes without ticks are absent', () => {
  assert.deepEqual(withoutFirst(after(...UP, ticks(0, 4 * MIN + 2_000))), [
    '0: final complete 0',
    '4: forming broken 0',
  ]);
});

test('each source has its own watermark', () => {
  const other = ticksRecord([{ symbol: 0, price: 1, atMs: T0 + 9 * MIN }], { source: 1 });
  assert.deepEqual(withoutFirst(after(...UP, ticks(0), other)), ['0: forming broken 0']);
});

test('a feed that was not up from a minute on its edge leaves that minute broken, the next is complete', () => {
  assert.deepEqual(after(feed(true, 10_000), ticks(20_000, MIN + 5, 2 * MIN + 2_000)), [
    '0: final broken 0',
    '1: final complete 0',
    '2: forming broken 0',
  ]);
  // Up 5 s before the minute began, by our clock: by whatever clock the exchange has, nothing of it can have been missed.
  assert.deepEqual(after(feed(true, -5_000), ticks(20_000, MIN + 2_000)), [
    '0: final complete 0',
    '1: forming broken 0',
  ]);
  assert.deepEqual(after(feed(true, -4_999), ticks(20_000, MIN + 2_000))[0], '0: final broken 0');
});

test('a feed of old data: the gap ends where its data begin, whatever our clock said', () => {
  const rows = after(feed(true, 9_000 * MIN), ticks(20_000, MIN + 5, 2 * MIN + 2_000));
  assert.deepEqual(rows, ['0: final broken 0', '1: final complete 0', '2: forming broken 0']);
});

test('a disconnect breaks the minutes from the newest tick before it to the first after it, and no other', () => {
  const rows = after(
    ...UP,
    ticks(5, MIN + 10_000, 2 * MIN + 30_000),
    feed(false, 2 * MIN + 40_000),
    feed(true, 3 * MIN + 10_000),
    ticks(4 * MIN + 5_000, 5 * MIN + 1),
    ticks(6 * MIN + 2_000),
  );
  assert.deepEqual(withoutFirst(rows), [
    '0: final complete 0',
    '1: final complete 0',
    '2: final broken 0',
    // The feed came up in minute 3, by our clock, so that minute 4 was heard from its beginning.
    '4: final complete 0',
    '5: final complete 0',
    '6: forming broken 0',
  ]);
});

test('a disconnect breaks its minute even if the minute ended, final or not, while the feed was down', () => {
  const down = [...UP, ticks(5, MIN - 10), feed(false, MIN - 5)];
  assert.deepEqual(withoutFirst(after(...down, finalise(MIN))), ['0: final broken 0']);
  assert.deepEqual(withoutFirst(after(...down, feed(true, MIN + 50), ticks(3 * MIN))), [
    '0: final broken 0',
    '3: forming broken 0',
  ]);
  // A minute that was over, and all of it heard, stays complete.
  const later = [...UP, ticks(5, MIN + 5), feed(false, MIN + 6)];
  assert.deepEqual(withoutFirst(after(...later, finalise(2 * MIN))), ['0: final complete 0', '1: final broken 0']);
});

test('a short break within one minute breaks that minute', () => {
  const rows = after(
    ...UP,
    ticks(MIN + 5),
    feed(false, MIN + 20),
    feed(true, MIN + 30),
    ticks(MIN + 40, 2 * MIN + 2_000),
  );
  assert.deepEqual(withoutFirst(rows), ['1: final broken 0', '2: forming broken 0']);
});

test('a minute that no tick can reach any more stays in memory until it is final, however long the slack is', () => {
  const shelf = new CheckpointShelf();
  const state = new MarketState({ ...OPTIONS, latenessMs: 0, slackMs: 3 * MIN });
  const records = [...DICTIONARY, ...UP, ...[0, 1, 2, 3, 4, 5].map((minute) => ticks(minute * MIN))];
  for (const [index, record] of records.entries()) {
    state.apply(record, index + 1);
    const delta = state.delta();
    if (delta === null) continue;
    shelf.commit(delta);
    state.committed(delta);
  }
  const stored = [...shelf.rows.values()].filter((row) => row.intervalMs === MIN && row.openMs >= T0);
  assert.deepEqual(
    stored.map((row) => row.state),
    ['final', 'final', 'forming', 'forming', 'forming', 'forming'],
  );
});

test('a disconnect breaks the minute whose first millisecond was the last that was heard', () => {
  // The exchange is two seconds ahead of our clock: by ours the feed came back before that minute.
  const rows = after(
    ...UP,
    ticks(MIN),
    feed(false, MIN - 1_500),
    feed(true, MIN - 1_000),
    ticks(MIN + 10_000, 2 * MIN + 2_000),
  );
  assert.deepEqual(withoutFirst(rows), ['1: final broken 0', '2: forming broken 0']);
});

test('gaps land on the same minutes when the process ends and comes back in the middle', () => {
  const records = [
    ...[...DICTIONARY, ...UP, ticks(5, MIN + 10_000, 2 * MIN + 30_000)],
    // Nothing tells of the disconnect before the restart does.
    ...[feed(false, 5 * MIN), feed(true, 5 * MIN + 5_000), ticks(5 * MIN + 9_000, 6 * MIN + 1, 7 * MIN + 2_000)],
  ];
  for (let cut = DICTIONARY.length; cut < records.length; cut++) {
    const shelf = new CheckpointShelf();
    const first = stateOf(records.slice(0, cut));
    const delta = first.delta()!;
    shelf.commit(delta);
    first.committed(delta);
    const state = new MarketState(OPTIONS);
    state.restore(shelf.load()!);
    for (let at = cut; at < records.length; at++) state.apply(records[at]!, at + 1);
    const last = state.delta()!;
    shelf.commit(last);
    const rows = [...shelf.rows.values()].filter((row) => row.intervalMs === MIN).sort((a, b) => a.openMs - b.openMs);
    assert.deepEqual(
      rows.map((row) => `${(row.openMs - T0) / MIN}: ${row.complete}`),
      ['-1: true', '0: true', '1: true', '2: false', '5: false', '6: true', '7: false'],
      `cut at ${cut}`,
    );
  }
});

test('the clock closes the minutes of a silent source; its later ticks are revisions', () => {
  const silent = [...UP, ticks(5, MIN + 5)];
  assert.deepEqual(withoutFirst(after(...silent, finalise(MIN))), ['0: final complete 0', '1: forming broken 0']);
  assert.deepEqual(withoutFirst(after(...silent, finalise(2 * MIN), ticks(MIN + 9))), [
    '0: final complete 0',
    '1: revised complete 1',
  ]);
  // A clock that is behind what the ticks closed opens nothing again.
  assert.deepEqual(withoutFirst(after(...silent, ticks(3 * MIN), finalise(MIN))).slice(0, 2), [
    '0: final complete 0',
    '1: final complete 0',
  ]);
});

test('what is overdue at a moment: the newest minute that is past its end and the slack, and still forming', () => {
  const book = stateOf([...DICTIONARY, ...UP, ticks(5, MIN + 5)]).sources[0]!;
  assert.equal(book.overdueUpToMs(T0 + MIN + 1_999), null);
  assert.equal(book.overdueUpToMs(T0 + MIN + 2_000), T0 + MIN);
  const onlyMinutes = { ...OPTIONS, intervalsMs: [MIN] };
  const withoutLonger = stateOf([...DICTIONARY, ...UP, ticks(5, MIN + 5)], onlyMinutes).sources[0]!;
  assert.equal(withoutLonger.overdueUpToMs(T0 + 99 * MIN), T0 + 2 * MIN, 'no further than there are ticks');
  const closed = stateOf([...DICTIONARY, ...UP, ticks(5, MIN + 5), finalise(2 * MIN)], onlyMinutes).sources[0]!;
  assert.equal(closed.overdueUpToMs(T0 + 99 * MIN), null);
});

test('longer candles of a silent source are overdue one after the other; those of a feed of old data are not', () => {
  const hourMs = 60 * MIN;
  const options = { ...OPTIONS, intervalsMs: [MIN, 5 * MIN, hourMs] };
  const openMs = T0 - (T0 % hourMs);
  const tickAt = (atMs: number, receivedAtMs: number) =>
    ticksRecord([{ symbol: 0, price: 10, atMs }], { receivedAtMs });
  const state = stateOf([...DICTIONARY, tickAt(openMs + 1, openMs + 5_001)], options);
  const book = state.sources[0]!;
  let position = 100;
  const closeAt = (nowMs: number) => {
    const upToMs = book.overdueUpToMs(nowMs);
    if (upToMs !== null) state.apply({ kind: 'finalise', source: 0, upToMs }, position++);
    return upToMs === null ? null : (upToMs - openMs) / MIN;
  };
  assert.equal(closeAt(openMs + MIN + 2_000), 1);
  assert.equal(closeAt(openMs + 5 * MIN + 6_999), null, 'the slack, and the five seconds that the feed is behind');
  assert.equal(closeAt(openMs + 5 * MIN + 7_000), 5);
  assert.equal(rowsOf(state, 5 * MIN)[0]?.state, 'final');
  assert.equal(closeAt(openMs + 59 * MIN), null);
  assert.equal(closeAt(openMs + 70 * MIN), 60);
  assert.equal(closeAt(openMs + 999 * MIN), null);

  const old = stateOf([...DICTIONARY, tickAt(openMs + 1, openMs + 9 * hourMs)], options).sources[0]!;
  assert.equal(old.overdueUpToMs(openMs + 10 * hourMs), openMs + MIN);
});

test('damage breaks the minutes that it hit; where that is not known, all that a tick could still fall into', () => {
  const damage = (source: number | null, fromMs: number | null, toMs: number | null): LogRecord => ({
    ...{ kind: 'damage', batches: 2, ticks: 30, source, fromMs, toMs },
  });
  const base = [...UP, ticks(5, MIN + 5), ticks(2 * MIN + 2_000)];
  assert.deepEqual(withoutFirst(after(...base, damage(0, T0, T0 + MIN - 1))).slice(0, 2), [
    '0: final broken 0',
    '1: final complete 0',
  ]);
  assert.deepEqual(withoutFirst(after(...base, damage(1, T0, T0 + MIN))).slice(0, 2), [
    '0: final complete 0',
    '1: final complete 0',
  ]);
  const later = [ticks(4 * MIN + 3_000), ticks(5 * MIN), ticks(6 * MIN), ticks(7 * MIN + 2_000)];
  for (const source of [0, null]) {
    // The newest tick is at 4:03, the lateness 2:00: a lost one may lie anywhere behind 2:03 and up to the next that came.
    const lost = [...base, ticks(3 * MIN + 2_000), later[0]!, damage(source, null, null), ...later.slice(1)];
    assert.deepEqual(withoutFirst(after(...lost)), [
      ...['0: final complete 0', '1: final complete 0', '2: final broken 0', '3: final broken 0'],
      ...['4: final broken 0', '5: final broken 0', '6: final complete 0', '7: forming broken 0'],
    ]);
  }
  const state = stateOf([...DICTIONARY, ...base, damage(0, null, null)]);
  assert.deepEqual([state.damagedBatches, state.damagedTicks], [2, 30]);
});

test('a lost record of one source says nothing of where another stands', () => {
  const old = (afterMs: number) =>
    ticksRecord([{ symbol: 0, price: 1, atMs: T0 + afterMs }], { source: 1, receivedAtMs: T0 + 90 * MIN });
  const unknown: LogRecord = { kind: 'damage', batches: 1, ticks: 0, source: null, fromMs: null, toMs: null };
  const rows = (...records: LogRecord[]) =>
    rowsOf(stateOf([...DICTIONARY, ...records])).filter(({ exchange }) => exchange === 'two');
  const up: LogRecord = { kind: 'feed', source: 1, epoch: 1, up: true, atMs: T0 - MIN - 5_000 };
  const records = [up, old(-1), old(1), old(MIN + 1), ticks(80 * MIN)];
  const states = (all: LogRecord[]) => rows(...all).map(({ complete }) => complete);
  assert.deepEqual(states([...records, old(2 * MIN + 2_000)]), [true, true, true, false]);
  assert.deepEqual(states([...records, unknown, old(2 * MIN + 2_000)]), [false, false, false, false]);
});

test('a gap ends where the exchange was when we connected, by its own clock, which may be 5 s ahead', () => {
  const leadMs = 3_000;
  const ahead = (...afterMs: number[]): LogRecord =>
    ticksRecord(
      afterMs.map((ms) => ({ symbol: 0, price: 10, atMs: T0 + ms })),
      { receivedAtMs: T0 + Math.max(...afterMs) - leadMs },
    );
  // Lost: what the exchange stamped from 0:55 to 1:00.488. We connected at 0:57.5 by our clock.
  const outage = [ahead(5, 55_000), feed(false, 52_000), feed(true, 57_500)] as const;
  for (const first of [MIN + 600, MIN + 20_000]) {
    const rows = withoutFirst(after(...UP, ...outage, ahead(MIN + 488, first), ahead(3 * MIN)));
    assert.deepEqual(rows.slice(0, 2), ['0: final broken 0', '1: final broken 0'], `${first}`);
  }
  // A tick that is older than others, or late, before the gap, and a first tick that was held up: the same.
  const older = ticksRecord([{ symbol: 1, price: 1, atMs: T0 + 54_900 }], { receivedAtMs: T0 + 57_000 });
  const heldUp = ticksRecord([{ symbol: 0, price: 10, atMs: T0 + MIN + 20_000 }], { receivedAtMs: T0 + 2 * MIN });
  const [one, down, up] = outage;
  assert.deepEqual(withoutFirst(after(...UP, one!, older, down!, up!, heldUp, ahead(3 * MIN))).slice(0, 2), [
    '0: final broken 0',
    '1: final broken 0',
  ]);
  // Back before the minute ended by the exchange's clock too.
  const early = [ahead(5, 50_000), feed(false, 47_000), feed(true, 52_500)];
  assert.deepEqual(withoutFirst(after(...UP, ...early, ahead(MIN + 20_000), ahead(3 * MIN))).slice(0, 2), [
    '0: final broken 0',
    '1: final complete 0',
  ]);
});

test('lines that no worker survives break what they may have hit: from the lateness before them to the next tick', () => {
  const shed = (afterMs: number): LogRecord => {
    const record = ticksRecord([], { receivedAtMs: T0 + afterMs });
    if (record.kind === 'ticks') {
      record.batch.frames = 7;
      record.batch.rejected[Reason.shed] = 7;
    }
    return record;
  };
  const records = [
    ...UP,
    ticks(5),
    ticks(MIN + 5),
    ticks(2 * MIN + 5),
    ticks(3 * MIN + 5),
    shed(3 * MIN + 6),
    ticks(4 * MIN + 5),
    ticks(5 * MIN),
    ticks(6 * MIN + 2_000),
  ];
  assert.deepEqual(withoutFirst(after(...records)), [
    ...['0: final complete 0', '1: final broken 0', '2: final broken 0', '3: final broken 0'],
    ...['4: final broken 0', '5: final complete 0', '6: forming broken 0'],
  ]);
});
