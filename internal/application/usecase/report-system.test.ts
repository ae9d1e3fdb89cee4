import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryCandleStore } from '../../adapter/out/memory/memory-candle-store.ts';
import { MemoryTickLog } from '../../adapter/out/memory/memory-tick-log.ts';
import { REJECTION_REASONS, Reason } from '../../domain/model/rejection.ts';
import { TickBatch } from '../../domain/model/tick-batch.ts';
import { anyLog } from '../../domain/service/market.arbitrary.ts';
import { FakeFeeds, ManualClock, newState, noteHappenings, T0 } from './fakes.test-kit.ts';
import { IngestTicks } from './ingest-ticks.ts';
import { KeepCheckpoints } from './keep-checkpoints.ts';
import { ReportSystem } from './report-system.ts';
import { SymbolDirectory } from './symbol-directory.ts';
import { WatchSources } from './watch-sources.ts';

function setUp(state = newState()) {
  const [clock, log, store, feeds] = [new ManualClock(), new MemoryTickLog(), new MemoryCandleStore(), new FakeFeeds()];
  const [happenings, nowMs] = [noteHappenings(), clock.nowMs];
  const onFatal = (cause: unknown) => assert.fail(String(cause));
  const symbols = new SymbolDirectory([], ['BTC', 'ETH'], 4);
  const checkpoints = new KeepCheckpoints({ state, store, log, happenings, nowMs, intervalMs: 1_000, onFatal });
  const ingest = new IngestTicks({
    log,
    state,
    symbols,
    happenings,
    nowMs,
    onFatal,
    commit: () => checkpoints.commit(),
  });
  const watch = new WatchSources({ state, feeds, ingest, nowMs, elapsedMs: nowMs, staleAfterMs: 10_000 });
  const unready: string[] = [];
  const system = new ReportSystem({
    ...{ state, feeds, log, store, checkpoints, watch, symbols, nowMs, startedAtMs: T0, role: 'all', version: '1' },
    unready: () => unready,
  });
  return { clock, log, store, feeds, checkpoints, ingest, system, unready, state };
}

test('the audit balances whatever the log holds, and its parts are the sums of its exchanges', () => {
  fc.assert(
    fc.property(anyLog, (records) => {
      const { system, state } = setUp();
      for (const [index, record] of records.entries()) state.apply(record, index + 1);
      const audit = system.audit();
      const refused = Object.values(audit.rejected).reduce((sum, count) => sum + count, 0);
      assert.equal(audit.balanced, true);
      assert.equal(audit.received, audit.accepted + refused);
      assert.equal(audit.accepted, audit.counted + audit.open);
      assert.equal(audit.counted, audit.inCandles);
      assert.deepEqual(Object.keys(audit.rejected), [...REJECTION_REASONS]);
      const sum = (of: (one: (typeof audit.exchanges)[number]) => number) =>
        audit.exchanges.reduce((total, one) => total + of(one), 0);
      assert.equal(
        sum((one) => one.received),
        audit.received,
      );
      assert.equal(
        sum((one) => one.rejected.late),
        audit.rejected.late,
      );
    }),
    { numRuns: 100 },
  );
});

test('the audit sees a tick that is counted and in no candle, and a frame that is in no book or in two', async () => {
  const { system, ingest, state } = setUp();
  await ingest.append({ kind: 'mode', mode: 'live', epoch: 1, atMs: T0, switched: false });
  ingest.addSymbol('BTC');
  const batch = new TickBatch(2);
  batch.reset(ingest.openSource('live', 'one'), 1, T0);
  batch.push(0, 5, T0);
  await ingest.accept(batch);
  assert.equal(system.audit().balanced, true);
  const source = state.sources[0]!;
  const balancedWith = (frames: number, counted: number, rejected: number) => {
    source.frames += frames;
    source.counted += counted;
    source.rejected[Reason.late]! += rejected;
    const { balanced } = system.audit();
    source.frames -= frames;
    source.counted -= counted;
    source.rejected[Reason.late]! -= rejected;
    return balanced;
  };
  assert.equal(balancedWith(1, 1, 0), false, 'counted, and in no candle');
  assert.equal(balancedWith(1, 0, 0), false, 'received, and neither counted nor rejected');
  assert.equal(balancedWith(0, 0, 1), false, 'rejected, and never received, or counted as well');
  assert.equal(balancedWith(1, 0, 1), true);
});

test('health: degraded by a source that is not live and by a store that fails, never down by them; symbols tell their best status', async () => {
  const { clock, system, ingest, feeds, store, checkpoints } = setUp();
  await ingest.append({ kind: 'mode', mode: 'live', epoch: 1, atMs: T0, switched: false });
  for (const name of ['BTC', 'ETH']) ingest.addSymbol(name);
  const batch = new TickBatch(2);
  batch.reset(ingest.openSource('live', 'two'), 1, T0);
  batch.push(0, 5, T0 - 40);
  await ingest.accept(batch);
  clock.ms += 250;
  const health = system.health();
  assert.deepEqual([health.status, health.mode, health.uptimeMs], ['ok', 'live', 250]);
  assert.deepEqual(
    health.sources.map(({ exchange, lastTickAt, ageMs }) => [exchange, lastTickAt, ageMs]),
    [
      ['one', null, null],
      ['two', T0, 250],
    ],
  );
  assert.deepEqual(system.symbols(), [
    { symbol: 'BTC', status: 'live', exchanges: [{ exchange: 'two', status: 'live', lastTickAt: T0 }] },
    { symbol: 'ETH', status: null, exchanges: [] },
  ]);
  assert.deepEqual(
    system.exchanges().map(({ exchange, symbols }) => [exchange, symbols]),
    [
      ['one', []],
      ['two', ['BTC']],
    ],
  );
  feeds.state = 'down';
  assert.equal(system.health().status, 'degraded');
  assert.equal(system.symbols()[0]!.status, 'down');
  feeds.state = 'live';
  store.commit = () => Promise.reject(new Error('full'));
  await checkpoints.commit();
  const { status, storage } = system.health();
  assert.deepEqual([status, storage], ['degraded', { kind: 'memory', status: 'degraded', detail: 'full' }]);
});

test('what is known from before is listed too: an exchange that is no source any more is down, a symbol that is not accepted any more comes last', async () => {
  const { system, ingest, feeds, state } = setUp();
  await ingest.append({ kind: 'symbol', id: 0, name: 'OLD' });
  await ingest.append({ kind: 'symbol', id: 1, name: 'ELSEWHERE' });
  const sources = [
    ['live', 'gone', 0],
    ['live', 'two', 0],
    ['test', 'other', 1],
  ] as const;
  for (const [mode, exchange, symbol] of sources) {
    await ingest.append({ kind: 'mode', mode, epoch: 1, atMs: T0, switched: false });
    const batch = new TickBatch(1);
    batch.reset(ingest.openSource(mode, exchange), 1, T0);
    batch.push(symbol, 5, T0);
    await ingest.accept(batch);
  }
  await ingest.append({ kind: 'mode', mode: 'live', epoch: 2, atMs: T0, switched: true });
  assert.equal(state.knownSources().length, 3);
  const heard = { mode: 'live', symbols: ['OLD'], lastTickAt: T0 };
  assert.deepEqual(system.exchanges(), [
    { exchange: 'one', mode: 'live', state: 'live', address: 'tcp://one', symbols: [], lastTickAt: null },
    { exchange: 'two', state: 'live', address: 'tcp://two', ...heard },
    { exchange: 'gone', state: 'down', address: null, ...heard },
  ]);
  assert.deepEqual(system.symbols().at(-1), {
    symbol: 'OLD',
    status: 'live',
    exchanges: [
      { exchange: 'gone', status: 'down', lastTickAt: T0 },
      { exchange: 'two', status: 'live', lastTickAt: T0 },
    ],
  });
  assert.ok(system.symbols().every(({ symbol }) => symbol !== 'ELSEWHERE'));
  feeds.status = () => [];
  assert.deepEqual(
    system.exchanges().map(({ exchange, state }) => [exchange, state]),
    [
      ['one', 'connecting'],
      ['two', 'connecting'],
      ['gone', 'down'],
    ],
  );
});

test('ready as long as nothing speaks against it; a source that is down does not', () => {
  const { system, unready, feeds } = setUp();
  feeds.state = 'down';
  assert.deepEqual(system.readiness(), { ready: true, reasons: [] });
  unready.push('stopping');
  assert.deepEqual(system.readiness(), { ready: false, reasons: ['stopping'] });
});
