import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTickLog } from '../../adapter/out/memory/memory-tick-log.ts';
import { Reason } from '../../domain/model/rejection.ts';
import { PROVISIONAL_SYMBOL, TickBatch } from '../../domain/model/tick-batch.ts';
import { ManualClock, newState, noteHappenings, T0 } from './fakes.test-kit.ts';
import { IngestTicks } from './ingest-ticks.ts';
import { replayLog } from './recover-state.ts';
import { SymbolDirectory } from './symbol-directory.ts';

function setUp(log = new MemoryTickLog(), symbolLimit = 3) {
  const [state, happened] = [newState(), [] as string[]];
  const symbols = new SymbolDirectory([], '*', symbolLimit);
  const faults: unknown[] = [];
  const commits: number[] = [];
  const store = { isDown: false };
  const ingest = new IngestTicks({
    ...{ log, state, symbols, happenings: noteHappenings(happened), nowMs: new ManualClock().nowMs },
    commit: async () => {
      commits.push(state.candleCount());
      const delta = store.isDown ? null : state.delta();
      if (delta !== null) state.committed(delta);
    },
    onFatal: (cause) => void faults.push(cause),
  });
  return { log, state, symbols, ingest, happened, faults, commits, store };
}

function batchOf(source: number, names: readonly string[], atMs = T0): TickBatch {
  const batch = new TickBatch(Math.max(1, names.length));
  batch.reset(source, 0, T0);
  batch.newSymbols = [...new Set(names)];
  for (const name of names) batch.push(PROVISIONAL_SYMBOL + batch.newSymbols.indexOf(name), 5, atMs);
  return batch;
}

test('names and sources are in the log before the ticks that use them: a replay ends in the same state', async () => {
  const { log, state, ingest, happened } = setUp();
  const source = ingest.openSource('live', 'one');
  assert.equal(ingest.openSource('live', 'one'), source);
  assert.notEqual(ingest.openSource('test', 'one'), source);
  await ingest.accept(batchOf(source, ['A', 'B', 'A']));
  assert.equal(state.sources[source]!.counted, 3);
  assert.deepEqual(happened.slice(0, 2), ['symbolAdded(A, 1, 3)', 'symbolAdded(B, 2, 3)']);
  const replayed = newState();
  await replayLog(replayed, log, noteHappenings(happened), () => T0);
  assert.deepEqual(replayed.symbols, ['A', 'B']);
  assert.equal(replayed.sources[source]!.counted, 3);
  assert.equal(happened.at(-1), 'replayed(5, 3, 0)');
});

test('names beyond the limit are unknown symbols, counted in the same chunk', async () => {
  const { state, ingest } = setUp();
  const source = ingest.openSource('live', 'one');
  await ingest.accept(batchOf(source, ['A', 'B', 'C', 'D', 'E', 'A']));
  const { counted, frames, rejected } = state.sources[source]!;
  assert.deepEqual([counted, frames, rejected[Reason.unknown_symbol]], [4, 6, 2]);
});

test('a chunk without a frame is not logged; one with refused frames only is', async () => {
  const { log, state, ingest } = setUp();
  const source = ingest.openSource('live', 'one');
  await ingest.accept(batchOf(source, []));
  assert.equal(log.stats().lastPosition, 1);
  const refused = batchOf(source, []);
  refused.rejected[Reason.bad_json] = 2;
  refused.frames = 2;
  await ingest.accept(refused);
  assert.equal(state.sources[source]!.rejected[Reason.bad_json], 2);
});

test('a log that is broken for good is told once for each append, and nothing of it is folded or answered', async () => {
  const { log, state, ingest, faults } = setUp();
  const source = ingest.openSource('live', 'one');
  await new Promise(setImmediate);
  await log.close();
  const accepted = ingest.accept(batchOf(source, []));
  await accepted;
  const full = batchOf(source, ['A']);
  const outcome = await Promise.race([
    ingest.accept(full).then(() => 'accepted'),
    new Promise((resolve) => setTimeout(resolve, 20, 'waits')),
  ]);
  assert.equal(outcome, 'waits');
  assert.equal(faults.length, 2, 'the symbol and the ticks');
  assert.deepEqual([state.sources[source]!.counted, state.symbols], [0, []]);
});

/** Ticks a minute apart: a candle each. */
function oldTicks(source: number, count: number, fromMs: number): TickBatch {
  const batch = new TickBatch(count);
  batch.reset(source, 0, T0);
  for (let k = 0; k < count; k++) batch.push(0, 5, fromMs + k * 60_000);
  return batch;
}

test('with more candles since the last commit than may be, a chunk is accepted only after the next', async () => {
  const { ingest, commits } = setUp();
  const source = ingest.openSource('live', 'one');
  ingest.addSymbol('A');
  await ingest.accept(oldTicks(source, 100, T0));
  assert.deepEqual(commits, []);
  await ingest.accept(oldTicks(source, 50_001, T0 + 6_000_000));
  assert.equal(commits.length, 1);
  await ingest.accept(oldTicks(source, 1, T0 + 10_000_000_000));
  assert.equal(commits.length, 1, 'what is committed is not counted again');
});

test('while the store is down, intake waits at that bound, says so, and goes on when it is back', async () => {
  const { ingest, commits, store } = setUp();
  const source = ingest.openSource('live', 'one');
  ingest.addSymbol('A');
  store.isDown = true;
  let isAccepted = false;
  const accepted = ingest.accept(oldTicks(source, 60_000, T0)).then(() => {
    isAccepted = true;
  });
  while (commits.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([isAccepted, ingest.waitsFor], [false, 'candle_store']);
  store.isDown = false;
  await accepted;
  assert.equal(ingest.waitsFor, null);
});
