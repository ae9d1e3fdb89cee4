import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { MemoryCandleStore } from '../../adapter/out/memory/memory-candle-store.ts';
import { MemoryTickLog } from '../../adapter/out/memory/memory-tick-log.ts';
import type { CheckpointDelta } from '../../domain/model/checkpoint.ts';
import type { LogRecord } from '../../domain/model/log-record.ts';
import { TickBatch } from '../../domain/model/tick-batch.ts';
import { newState, noteHappenings, T0 } from './fakes.test-kit.ts';
import { KeepCheckpoints } from './keep-checkpoints.ts';

/** Fails while it is told to, and answers only when it may. */
class TestStore extends MemoryCandleStore {
  fault: string | null = null;
  severity = 'retry';
  gate: Promise<void> = Promise.resolve();
  readonly positions: number[] = [];
  inCommit = 0;

  override async commit(delta: CheckpointDelta): Promise<void> {
    this.positions.push(delta.position);
    this.inCommit++;
    assert.equal(this.inCommit, 1, 'one commit at a time');
    await this.gate;
    this.inCommit--;
    if (this.fault !== null) throw Object.assign(new Error(this.fault), { severity: this.severity });
    await super.commit(delta);
  }
}

async function setUp(intervalMs = 60_000, random = () => 0) {
  const state = newState();
  const store = new TestStore();
  const log = new MemoryTickLog();
  const happened: string[] = [];
  const keep = new KeepCheckpoints({
    ...{ state, store, log, happenings: noteHappenings(happened), nowMs: () => T0, intervalMs, random },
    onFatal: (cause) => void happened.push(`fatal(${String(cause)})`),
  });
  const append = async (record: LogRecord) => state.apply(record, await log.append(record));
  await append({ kind: 'mode', mode: 'live', epoch: 1, atMs: T0, switched: false });
  await append({ kind: 'source', id: 0, mode: 'live', exchange: 'one' });
  await append({ kind: 'symbol', id: 0, name: 'BTC' });
  const tick = (atMs: number) => {
    const batch = new TickBatch(1);
    batch.reset(0, 1, atMs);
    batch.push(0, 5, atMs);
    return append({ kind: 'ticks', batch });
  };
  return { state, store, log, happened, keep, tick };
}

test('a commit writes what is folded in, and then lets the log go up to it', async () => {
  const { state, store, log, happened, keep, tick } = await setUp();
  await tick(T0);
  await keep.commit();
  assert.deepEqual([state.committedPosition, (await store.load())?.position, log.stats().firstPosition], [4, 4, 5]);
  assert.deepEqual(happened, ['checkpointWritten(2, 0)']);
  await keep.commit();
  assert.deepEqual(store.positions, [4], 'nothing new, nothing written');
});

test('a store that fails costs no tick: the log keeps them, the next commit holds all, failure and recovery are told once', async () => {
  const { state, store, log, happened, keep, tick } = await setUp();
  await tick(T0);
  store.fault = 'no space';
  for (let round = 0; round < 3; round++) {
    await keep.commit();
    await tick(T0 + round);
  }
  assert.deepEqual([keep.error, state.committedPosition, log.stats().firstPosition], ['no space', 0, 1]);
  store.fault = null;
  await keep.commit();
  assert.equal(keep.error, null);
  const [row] = (await store.load())!.candles;
  assert.deepEqual([row?.bucket.count, log.stats().firstPosition], [4, 8]);
  assert.deepEqual(happened, ['checkpointFailed(no space)', 'checkpointWritten(2, 0)', 'checkpointRecovered(0)']);
});

test('ticks that come while a commit is under way are in the next one, not in this one', async () => {
  const { state, store, log, keep, tick } = await setUp();
  const gate = Promise.withResolvers<void>();
  store.gate = gate.promise;
  await tick(T0);
  const first = keep.commit();
  await tick(T0 + 1);
  gate.resolve();
  await first;
  assert.deepEqual([state.committedPosition, state.position], [4, 5]);
  assert.equal(log.stats().firstPosition, 5, 'the log keeps what is not committed');
  await keep.commit();
  assert.equal((await store.load())!.candles[0]!.bucket.count, 2);
});

test('callers that come while one commit is under way share the next', async () => {
  const { store, keep, tick } = await setUp();
  const gate = Promise.withResolvers<void>();
  store.gate = gate.promise;
  await tick(T0);
  const first = keep.commit();
  await tick(T0 + 1);
  const settled: number[] = [];
  const waiting = [0, 1, 2, 3].map(async (caller) => {
    await keep.commit();
    settled.push(caller);
    // As intake does when there are many minutes: more ticks, and another call.
    await tick(T0 + 2 + caller);
  });
  gate.resolve();
  await Promise.all([first, ...waiting]);
  assert.deepEqual(settled, [0, 1, 2, 3]);
  assert.deepEqual(store.positions, [4, 5]);
});

test('commits come by themselves: each interval, and soon after the end of a minute', async () => {
  const { store, keep, tick } = await setUp(40);
  await tick(T0);
  keep.start();
  while (store.positions.length === 0) await wait(5);
  await keep.stop();

  const slow = await setUp(3_600_000);
  slow.keep.start();
  await slow.tick(T0);
  await wait(150);
  assert.deepEqual(slow.store.positions, []);
  await slow.tick(T0 + 63_000);
  while (slow.store.positions.length === 0) await wait(5);
  await slow.keep.stop();
  assert.equal((await slow.store.load())!.candles[0]!.state, 'final');
});

test('stop makes a last commit, and rejects when that fails', async () => {
  const good = await setUp();
  good.keep.start();
  await good.tick(T0);
  await good.keep.stop();
  assert.deepEqual(good.store.positions, [4]);

  const bad = await setUp();
  bad.keep.start();
  await bad.tick(T0);
  bad.store.fault = 'gone';
  await assert.rejects(bad.keep.stop(), { message: 'gone' });
});

test('a store that is broken for good ends the process', async () => {
  const { store, happened, keep, tick } = await setUp();
  await tick(T0);
  store.severity = 'fatal';
  store.fault = 'sync failed';
  await keep.commit();
  assert.equal(happened[0], 'fatal(Error: sync failed)');
});

test('a store that fails is tried again by itself, at growing waits, without waiting for the interval', async () => {
  const { store, happened, keep, tick } = await setUp(200, () => 0.999);
  const triedAtMs: number[] = [];
  const commit = store.commit.bind(store);
  store.commit = (delta) => {
    triedAtMs.push(performance.now());
    return commit(delta);
  };
  store.fault = 'away';
  await tick(T0);
  keep.start();
  while (triedAtMs.length < 4) await wait(5);
  const gapsMs = triedAtMs.slice(1).map((atMs, index) => atMs - triedAtMs[index]!);
  for (const [index, leastMs] of [95, 195, 395].entries()) {
    assert.ok(gapsMs[index]! >= leastMs, `waits of ${gapsMs.join(', ')} ms`);
  }
  store.fault = null;
  while (keep.error !== null) await wait(5);
  await keep.stop();
  assert.deepEqual(happened, [
    'checkpointFailed(away)',
    'checkpointWritten(2, 0)',
    'checkpointRecovered(0)',
    'checkpointWritten(2, 0)',
  ]);
});

test('callers wait for the next try, but for the last commit of a stop', async () => {
  const { store, keep, tick } = await setUp(3_600_000, () => 0.999);
  store.fault = 'away';
  await tick(T0);
  await keep.commit();
  const fromMs = performance.now();
  await keep.commit();
  assert.ok(performance.now() - fromMs >= 95);
  keep.start();
  store.fault = null;
  await keep.stop();
  assert.deepEqual([store.positions.length, (await store.load())?.position], [3, 4]);
});
