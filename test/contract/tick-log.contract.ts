import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TickLog } from '../../internal/application/port/out/tick-log.ts';
import type { LogEntry, LogRecord } from '../../internal/domain/model/log-record.ts';
import { Reason } from '../../internal/domain/model/rejection.ts';
import { NO_TRADE_ID, TickBatch } from '../../internal/domain/model/tick-batch.ts';

/** A fresh, empty log of at most `maxBytes`; the suite closes it. */
export type MakeTickLog = (maxBytes: number) => Promise<TickLog>;

const ROOMY_BYTES = 64 * 1024 * 1024;
const NOW_MS = 1_740_411_234_567;

function batchOf(count: number, seed: number, extras = false): TickBatch {
  const batch = new TickBatch(Math.max(1, count));
  batch.reset(seed % 7, 3, NOW_MS + seed);
  for (let i = 0; i < count; i++) {
    const tradeId = i % 3 === 0 ? NO_TRADE_ID : 2 ** 40 + seed * 1000 + i;
    if (extras) batch.push(i % 5, 100 + seed + i / 8, NOW_MS + i * 3, i % 4 === 0 ? Number.NaN : i / 16, tradeId);
    else batch.push(i % 5, 100 + seed + i / 8, NOW_MS + seed - i * 7);
  }
  return batch;
}

/** A record as plain values: comparable, and independent of the reader's reused batch. */
function plain(record: LogRecord): unknown {
  if (record.kind !== 'ticks') return { ...record };
  const { batch } = record;
  const { count, hasQuantity, hasTradeId, frames, receivedAtMs, source, epoch } = batch;
  return {
    books: { count, hasQuantity, hasTradeId, frames, receivedAtMs, source, epoch, rejected: [...batch.rejected] },
    symbol: [...batch.symbol.subarray(0, count)],
    price: [...batch.price.subarray(0, count)],
    eventAtMs: [...batch.eventAtMs.subarray(0, count)],
    quantity: hasQuantity ? [...batch.quantity.subarray(0, count)] : null,
    tradeId: hasTradeId ? [...batch.tradeId.subarray(0, count)] : null,
  };
}

async function collect(entries: AsyncIterable<LogEntry>): Promise<{ position: number; record: unknown }[]> {
  const all: { position: number; record: unknown }[] = [];
  for await (const { position, record } of entries) all.push({ position, record: plain(record) });
  return all;
}

async function positionsOf(entries: AsyncIterable<LogEntry>): Promise<number[]> {
  return (await collect(entries)).map(({ position }) => position);
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5000;
  while (!condition()) {
    assert.ok(performance.now() < deadlineMs, 'the awaited state did not come');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function isPending(promise: Promise<unknown>, waitMs: number): Promise<boolean> {
  const waiting = Symbol('waiting');
  const timer = new Promise((resolve) => setTimeout(resolve, waitMs, waiting));
  return (await Promise.race([promise, timer])) === waiting;
}

const SMALL_RECORDS: LogRecord[] = [
  { kind: 'source', id: 4, mode: 'test', exchange: 'exchange1' },
  { kind: 'symbol', id: 9, name: 'BTC:"Ü"/USDT' },
  { kind: 'mode', mode: 'live', epoch: 2, atMs: NOW_MS, switched: true },
  { kind: 'feed', source: 4, epoch: 2, up: false, atMs: NOW_MS + 0.5 },
  { kind: 'finalise', source: 4, upToMs: NOW_MS - (NOW_MS % 60_000) },
];

export function tickLogContract(name: string, make: MakeTickLog): void {
  async function withLog(maxBytes: number, use: (log: TickLog) => Promise<void>): Promise<void> {
    const log = await make(maxBytes);
    try {
      await use(log);
    } finally {
      await log.close();
    }
  }

  describe(`tick log: ${name}`, () => {
    it('is empty at first', () =>
      withLog(ROOMY_BYTES, async (log) => {
        assert.deepEqual(await collect(log.read(0)), []);
        const { firstPosition, lastPosition, pendingRecords, state, damagedBatches } = log.stats();
        assert.deepEqual([firstPosition, lastPosition, pendingRecords, state, damagedBatches], [1, 0, 0, 'ok', 0]);
      }));

    it('numbers appends from 1 in call order and settles them in that order', () =>
      withLog(ROOMY_BYTES, async (log) => {
        const settled: number[] = [];
        const appends = upTo(200).map(async (n) => {
          const position = await log.append({ kind: 'ticks', batch: batchOf(n, n) });
          settled.push(position);
          return position;
        });
        assert.deepEqual(await Promise.all(appends), upTo(200));
        assert.deepEqual(settled, upTo(200));
        assert.equal(log.stats().lastPosition, 200);
        assert.equal(log.stats().pendingRecords, 0);
      }));

    it('gives every kind of record back as it was', () =>
      withLog(ROOMY_BYTES, async (log) => {
        const noTicks = batchOf(0, 1);
        noTicks.frames = 7;
        noTicks.rejected[Reason.bad_json] = 4_000_000_000;
        noTicks.rejected[Reason.shed] = 3;
        const records: LogRecord[] = [
          ...SMALL_RECORDS,
          { kind: 'ticks', batch: batchOf(1000, 1) },
          { kind: 'ticks', batch: batchOf(1001, 2, true) },
          { kind: 'ticks', batch: noTicks },
          { kind: 'ticks', batch: batchOf(70_000, 3, true) },
          { kind: 'ticks', batch: batchOf(1, 4) },
        ];
        const expected = records.map((record, index) => ({ position: index + 1, record: plain(record) }));
        await Promise.all(records.map((record) => log.append(record)));
        assert.deepEqual(await collect(log.read(0)), expected);
      }));

    it('keeps a copy: the batch may be reused once its append has settled', () =>
      withLog(ROOMY_BYTES, async (log) => {
        const batch = batchOf(100, 1);
        const expected = plain({ kind: 'ticks', batch });
        await log.append({ kind: 'ticks', batch });
        batch.price.fill(-1);
        batch.reset(99, 99, 99);
        assert.deepEqual(await collect(log.read(0)), [{ position: 1, record: expected }]);
      }));

    it('reads from any position', () =>
      withLog(ROOMY_BYTES, async (log) => {
        for (const n of upTo(20)) await log.append({ kind: 'ticks', batch: batchOf(n, n) });
        for (const after of upTo(22, 0)) assert.deepEqual(await positionsOf(log.read(after)), upTo(20, after + 1));
      }));

    it('reads up to the last record at the call, while appends go on', () =>
      withLog(ROOMY_BYTES, async (log) => {
        for (const n of upTo(50)) await log.append({ kind: 'ticks', batch: batchOf(200, n) });
        const entries = log.read(0);
        const later = upTo(100).map((n) => log.append({ kind: 'ticks', batch: batchOf(200, n) }));
        const positions: number[] = [];
        for await (const { position, record } of entries) {
          assert.equal(record.kind, 'ticks');
          positions.push(position);
          if (position % 10 === 0) await log.append({ kind: 'ticks', batch: batchOf(5, position) });
        }
        assert.deepEqual(positions, upTo(50));
        await Promise.all(later);
        assert.deepEqual(await positionsOf(log.read(0)), upTo(155));
      }));

    it('waits when full, without loss or reordering, and goes on when released', () =>
      withLog(256 * 1024, async (log) => {
        const appends = upTo(100).map((n) => log.append({ kind: 'ticks', batch: batchOf(1000, n) }));
        const all = Promise.all(appends);
        await until(() => log.stats().state === 'full');
        assert.equal(await isPending(all, 50), true);
        assert.ok(log.stats().bytes <= 256 * 1024);
        const held = log.stats().lastPosition;
        assert.ok(held > 0 && held < 100, `${held} were accepted`);
        assert.equal(log.stats().pendingRecords, 100 - held);
        assert.deepEqual(await positionsOf(log.read(0)), upTo(held));

        let folded = 0;
        while (folded < 100) {
          for await (const { position, record } of log.read(folded)) {
            assert.equal(position, folded + 1);
            assert.equal(record.kind === 'ticks' && record.batch.price[0], 100 + position);
            folded = position;
          }
          log.release(folded);
          assert.ok(log.stats().bytes <= 256 * 1024);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        assert.deepEqual(await all, upTo(100));
        assert.equal(log.stats().state, 'ok');
        assert.equal(log.stats().damagedBatches, 0);
      }));

    it('lets no small record overtake a large one that waits', () =>
      withLog(64 * 1024, async (log) => {
        assert.equal(await log.append({ kind: 'ticks', batch: batchOf(2000, 1) }), 1);
        const large = log.append({ kind: 'ticks', batch: batchOf(1500, 2, true) });
        const small = log.append({ kind: 'finalise', source: 1, upToMs: NOW_MS });
        assert.equal(await isPending(Promise.race([large, small]), 30), true);
        log.release(1);
        assert.deepEqual(await Promise.all([large, small]), [2, 3]);
      }));

    it('says nothing of damage where released records are gone', () =>
      withLog(128 * 1024, async (log) => {
        for (const n of upTo(100)) {
          await log.append({ kind: 'ticks', batch: batchOf(1000, n) });
          log.release(n);
        }
        const positions = await positionsOf(log.read(0));
        const first = positions[0] ?? 101;
        assert.ok(first > 1);
        assert.deepEqual(positions, upTo(100, first));
        assert.equal(log.stats().damagedBatches, 0);
      }));

    it('closing writes what is pending, may be repeated, and ends appends', async () => {
      const log = await make(ROOMY_BYTES);
      const appends = upTo(50).map((n) => log.append({ kind: 'ticks', batch: batchOf(100, n) }));
      await Promise.all([log.close(), log.close()]);
      assert.deepEqual(await Promise.all(appends), upTo(50));
      await log.close();
      await assert.rejects(log.append({ kind: 'ticks', batch: batchOf(1, 1) }), { code: 'closed' });
    });

    it('closing rejects what waits for a release', async () => {
      const log = await make(64 * 1024);
      const appends = upTo(50).map((n) => log.append({ kind: 'ticks', batch: batchOf(1000, n) }));
      const results = Promise.allSettled(appends);
      await log.close();
      const { lastPosition } = log.stats();
      for (const [index, result] of (await results).entries()) {
        if (index < lastPosition) assert.deepEqual(result, { status: 'fulfilled', value: index + 1 });
        else assert.equal(result.status === 'rejected' && result.reason.code, 'closed');
      }
      assert.ok(lastPosition < 50);
    });

    it('never writes damage', () =>
      withLog(ROOMY_BYTES, async (log) => {
        const damage = { kind: 'damage', batches: 1, ticks: 0, source: null, fromMs: null, toMs: null } as const;
        await assert.rejects(log.append(damage), { code: 'bad_record' });
        assert.equal(await log.append({ kind: 'ticks', batch: batchOf(1, 1) }), 1);
      }));
  });
}
