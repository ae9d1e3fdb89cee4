import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emptyExtremes, mergeExtremes } from '../model/candle.ts';
import type { CandleRow } from '../model/checkpoint.ts';
import type { LogRecord } from '../model/log-record.ts';
import { anyLog } from './market.arbitrary.ts';
import {
  CheckpointShelf,
  DICTIONARY,
  feedRecord,
  OPTIONS,
  plainExtremes,
  plainRow,
  rowKey,
  rowsOf,
  stateOf,
  T0,
  type Tick,
  ticksRecord,
  viewOf,
} from './market.test-kit.ts';
import { MarketState } from './market-state.ts';

/** commit: as it should be · lost: the store refused the delta · crash: the process is gone, and comes back. */
type Event = 'commit' | 'lost' | 'crash';

/** A process over a log and a shelf, with things happening to it behind given records. */
function runWith(records: readonly LogRecord[], events: readonly { readonly after: number; readonly event: Event }[]) {
  const shelf = new CheckpointShelf();
  let state = new MarketState(OPTIONS);
  for (const [index, record] of records.entries()) {
    state.apply(record, index + 1);
    for (const { event } of events.filter(({ after }) => after % records.length === index)) {
      if (event === 'crash') state = restart(shelf, records.slice(0, index + 1));
      else commit(state, event === 'commit' ? shelf : null);
    }
  }
  return { state, shelf };
}

function commit(state: MarketState, shelf: CheckpointShelf | null): void {
  const delta = state.delta();
  if (delta === null || shelf === null) return;
  shelf.commit(delta);
  state.committed(delta);
}

function restart(shelf: CheckpointShelf, log: readonly LogRecord[]): MarketState {
  const state = new MarketState(OPTIONS);
  const checkpoint = shelf.load();
  if (checkpoint !== null) state.restore(checkpoint);
  for (let at = state.position; at < log.length; at++) state.apply(log[at]!, at + 1);
  return state;
}

const events = fc.array(
  fc.record({ after: fc.nat({ max: 70 }), event: fc.constantFrom<Event>('commit', 'commit', 'lost', 'crash') }),
  { maxLength: 14 },
);

test('replay(prefix) + rest = all: commits, refused commits and crashes anywhere leave no trace in the state', () => {
  fc.assert(
    fc.property(anyLog, events, (records, happened) => {
      const unbroken = stateOf(records);
      const { state } = runWith(records, happened);
      assert.deepEqual(viewOf(state), viewOf(unbroken));
      assert.equal(state.position, unbroken.position);
    }),
    { numRuns: 400 },
  );
});

test('…nor in the stored rows: each candle is there once, as if it had been written once at the end', () => {
  fc.assert(
    fc.property(anyLog, events, (records, happened) => {
      const unbroken = stateOf(records);
      const { state, shelf } = runWith(records, happened);
      commit(state, shelf);
      const stored = (intervalMs: number) => [...shelf.rows.values()].filter((row) => row.intervalMs === intervalMs);
      for (const intervalMs of OPTIONS.intervalsMs) {
        // Those that are forming are written when one of their minutes closes, not with every commit.
        const isSettled = (row: CandleRow) => intervalMs <= 60_000 || row.state !== 'forming';
        const plain = (rows: readonly CandleRow[]) =>
          new Map(
            rows
              .filter(isSettled)
              .map((row) => [rowKey(row), plainRow(row)] as const)
              .sort(),
          );
        assert.deepEqual(plain(stored(intervalMs)), plain(rowsOf(unbroken, intervalMs)));
      }
      for (const source of state.knownSources()) {
        const rows = stored(60_000).filter((row) => row.mode === source.mode && row.exchange === source.exchange);
        assert.equal(
          rows.reduce((sum, row) => sum + row.bucket.count, 0),
          source.counted,
        );
      }
    }),
    { numRuns: 300 },
  );
});

test('a state from a checkpoint goes on as the one that wrote it, tick by tick, and owes nothing new', () => {
  fc.assert(
    fc.property(anyLog, anyLog, (records, more) => {
      const { state, shelf } = runWith(records, [{ after: records.length - 1, event: 'commit' }]);
      const restored = restart(shelf, records);
      assert.equal(restored.delta(), null);
      for (const [index, record] of more.entries()) {
        for (const one of [state, restored]) one.apply(record, records.length + index + 1);
      }
      assert.deepEqual(viewOf(restored), viewOf(state));
    }),
    { numRuns: 200 },
  );
});

const minutes = (count: number): LogRecord[] =>
  Array.from({ length: count }, (_, k) =>
    ticksRecord([{ symbol: 0, price: k + 1, atMs: T0 + k * 60_000 } satisfies Tick], { receivedAtMs: T0 + k * 60_000 }),
  );

test('minutes that no tick can reach leave memory once they are committed, and all history stays in the sums', () => {
  const state = stateOf([...DICTIONARY, ...minutes(60)]);
  const shelf = new CheckpointShelf();
  commit(state, shelf);
  const minuteCount = () => state.sources[0]!.instruments[0]!.minutes.length;
  assert.equal(minuteCount(), 60, 'what is not committed stays');
  for (const [k, record] of minutes(62).slice(60).entries()) state.apply(record, 100 + k);
  commit(state, shelf);
  assert.equal(minuteCount(), 4, 'minute 58 has become final since the commit before');
  state.apply(feedRecord(true, T0), 102);
  commit(state, shelf);
  assert.equal(minuteCount(), 3, 'the newest, and two minutes of lateness');
  assert.equal(state.sources[0]!.countInCandles(), 62);
  const { history } = state.sources[0]!.instruments[0]!;
  assert.deepEqual([history.count, history.low, history.high], [59, 1, 59]);
  const stored = emptyExtremes();
  for (const row of shelf.rows.values()) if (row.intervalMs === 60_000) mergeExtremes(stored, row.bucket);
  state.sources[0]!.instruments[0]!.summariseMinutes(0, Number.POSITIVE_INFINITY, history);
  assert.deepEqual(plainExtremes(stored), plainExtremes(history));
});

test('the last commit of a run writes the longer candles that are forming too, as they stand', () => {
  const state = stateOf([...DICTIONARY, ...minutes(3)]);
  const shelf = new CheckpointShelf();
  commit(state, shelf);
  const stored = () =>
    [...shelf.rows.values()].filter((row) => row.intervalMs === 3_600_000).map((row) => row.bucket.count);
  state.apply(ticksRecord([{ symbol: 0, price: 9, atMs: T0 + 121_000 }]), 90);
  commit(state, shelf);
  assert.deepEqual(stored(), [3]);
  const last = state.delta(true);
  assert.ok(last !== null);
  shelf.commit(last);
  state.committed(last);
  assert.deepEqual(stored(), [4]);
  assert.equal(state.delta(), null);
});

test('a late tick that is in time finds its minute, or makes one, on either side of a restart', () => {
  const records = [...DICTIONARY, ...minutes(10), ...minutes(12).slice(10)];
  const { shelf, state } = runWith(records, [
    { after: records.length - 2, event: 'commit' },
    { after: records.length - 1, event: 'commit' },
  ]);
  const restored = restart(shelf, records);
  const late = ticksRecord([
    { symbol: 0, price: 500, atMs: T0 + 9 * 60_000 + 5 },
    { symbol: 1, price: 7, atMs: T0 + 9 * 60_000 + 6 },
    { symbol: 0, price: 900, atMs: T0 + 8 * 60_000 + 59_999 },
  ]);
  for (const one of [state, restored]) one.apply(late, records.length + 1);
  assert.deepEqual(viewOf(restored), viewOf(state));
  const row = rowsOf(restored).find(({ openMs, symbol }) => openMs === T0 + 9 * 60_000 && symbol === 'A')!;
  assert.deepEqual([row.bucket.count, row.bucket.high, row.revision, row.state], [2, 500, 1, 'revised']);
  assert.equal(restored.sources[0]!.counted, 14);
});

test('the watermark survives in the checkpoint: after a restart the same ticks are late', () => {
  const records = [...DICTIONARY, feedRecord(true, T0), ...minutes(10)];
  const { shelf } = runWith(records, [{ after: records.length - 1, event: 'commit' }]);
  const restored = restart(shelf, records);
  restored.apply(ticksRecord([{ symbol: 0, price: 1, atMs: T0 }]), records.length + 1);
  assert.equal(restored.sources[0]!.counted, 10);
});

test('a source that stays silent after a restart is overdue as before it: its longer candles are closed too', () => {
  const records = [...DICTIONARY, ...minutes(1), { kind: 'finalise', source: 0, upToMs: T0 + 60_000 } as const];
  const before = stateOf(records);
  const shelf = new CheckpointShelf();
  commit(before, shelf);
  const after = restart(shelf, records);
  for (const afterMs of [61_000, 122_000, 302_000, 3_602_000, 604_802_000]) {
    const overdueMs = before.sources[0]!.overdueUpToMs(T0 + afterMs);
    assert.equal(after.sources[0]!.overdueUpToMs(T0 + afterMs), overdueMs, `${afterMs} ms later`);
  }
  assert.equal(after.sources[0]!.overdueUpToMs(T0 + 122_000), T0 + 120_000);
  assert.equal(after.sources[0]!.lastReceivedAtMs, T0);
});

test('a delta holds what has changed since the last commit, and no more', () => {
  const state = stateOf([...DICTIONARY, ...minutes(4)]);
  const shelf = new CheckpointShelf();
  commit(state, shelf);
  state.apply({ kind: 'symbol', id: 4, name: 'E' }, 90);
  state.apply(ticksRecord([{ symbol: 0, price: 9, atMs: T0 + 3 * 60_000 + 150 }]), 91);
  const delta = state.delta()!;
  assert.deepEqual([delta.position, delta.firstSymbolId, delta.newSymbols], [91, 4, ['E']]);
  assert.deepEqual(
    delta.candles.map(({ intervalMs, openMs }) => [intervalMs, (openMs - T0) / 60_000]),
    [
      [1_000, 3],
      [60_000, 3],
    ],
  );
  assert.deepEqual([delta.sources.map(({ id }) => id), delta.instruments.map(({ symbol }) => symbol)], [[0], [0]]);
  assert.deepEqual(
    delta.steps.map(({ stepMs, index }) => index * stepMs),
    [T0 + 3 * 60_000 + 100, T0 + 3 * 60_000],
  );
});

test('a symbol, a source and a tick that come while a delta is being stored are in the next one', () => {
  const state = stateOf([...DICTIONARY, ...minutes(1)]);
  const delta = state.delta()!;
  state.apply({ kind: 'symbol', id: 4, name: 'E' }, delta.position + 1);
  state.apply({ kind: 'source', id: 3, mode: 'live', exchange: 'three' }, delta.position + 2);
  state.apply(ticksRecord([{ symbol: 4, price: 9, atMs: T0 + 5 }], { source: 3 }), delta.position + 3);
  state.committed(delta);
  const next = state.delta()!;
  assert.deepEqual([next.firstSymbolId, next.newSymbols], [4, ['E']]);
  assert.deepEqual([next.sources.map(({ id }) => id), next.instruments.map(({ symbol }) => symbol)], [[3], [4]]);
  assert.deepEqual([...new Set(next.candles.map(({ symbol }) => symbol))], ['E']);
});

test('a stored minute that was closed by the clock is written again, as broken, when its feed turns out to be down', () => {
  const up = [feedRecord(true, T0 - 5_000), ...minutes(1)];
  const state = stateOf([...DICTIONARY, ...up, { kind: 'finalise', source: 0, upToMs: T0 + 60_000 }]);
  const shelf = new CheckpointShelf();
  const stored = () =>
    [...shelf.rows.values()]
      .filter(({ intervalMs }) => intervalMs === 60_000)
      .map((row) => `${row.state} ${row.complete}`);
  commit(state, shelf);
  assert.deepEqual(stored(), ['final true']);
  state.apply(feedRecord(false, T0 + 70_000), 90);
  commit(state, shelf);
  assert.deepEqual(stored(), ['final false']);
});

test('a stored minute is written again, as broken, and longer candles with it, when the log turns out to be damaged there', () => {
  const shelf = new CheckpointShelf();
  const at = (afterMs: number) => ticksRecord([{ symbol: 0, price: 1, atMs: T0 + afterMs }]);
  const up = [feedRecord(true, T0 - 65_000), at(-1)];
  const state = stateOf([...DICTIONARY, ...up, ...[0, 60_000, 120_000, 180_000].map(at)]);
  /** Of the first two minutes from T0, and of the two minutes together. */
  const complete = () =>
    [`${T0}`, `${T0 + 60_000}`, `${T0} 120000`].map((key) => shelf.rows.get(`live one A ${key}`)?.complete);
  commit(state, shelf);
  assert.deepEqual(complete(), [true, true, true]);
  const span = { fromMs: T0 + 60_000, toMs: T0 + 60_005 };
  state.apply({ kind: 'damage', batches: 1, ticks: 3, source: 0, ...span }, state.position + 1);
  commit(state, shelf);
  assert.deepEqual(complete(), [true, false, false]);
});
