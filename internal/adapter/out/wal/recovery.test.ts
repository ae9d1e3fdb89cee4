import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LogRecord } from '../../../domain/model/log-record.ts';
import { nodeFileOps } from './file-ops.ts';
import { AlignedBytes, HEADER_BYTES, writeSegmentHeader } from './record-layout.ts';
import { damages, faultyOps, inTempDir, label, labels, minuteMs, NOW_MS, openLog, ticks } from './wal.test-kit.ts';

const FIRST = '0000000000000001.ticks';

const RECORDS: LogRecord[] = [
  { kind: 'source', id: 1, mode: 'test', exchange: 'exchange1' },
  ticks(1),
  { kind: 'feed', source: 1, epoch: 1, up: false, atMs: NOW_MS },
  ticks(2, 5),
  ticks(3, 0),
  ticks(4),
];

interface Written {
  /** Of the records, in order. */
  readonly ends: number[];
  readonly labels: string[];
}

async function write(dir: string, records: readonly LogRecord[] = RECORDS): Promise<Written> {
  const { log } = await openLog(dir);
  const ends: number[] = [];
  const written: string[] = [];
  for (const record of records) {
    written.push(label({ position: await log.append(record), record }));
    ends.push(log.stats().bytes);
  }
  await log.close();
  return { ends, labels: written };
}

/** One record a segment. */
async function writeSegments(dir: string, count: number): Promise<string[]> {
  const { log } = await openLog(dir, { segmentBytes: 64 });
  for (let n = 1; n <= count; n++) await log.append(ticks(n));
  await log.close();
  return (await readdir(dir)).sort();
}

describe('recovery', () => {
  it('cut at any byte: exactly the whole records are there, and appending goes on behind them', () =>
    inTempDir(async (dir) => {
      const { ends, labels: all } = await write(dir);
      const path = join(dir, FIRST);
      const whole = await readFile(path);
      assert.equal(whole.length, ends.at(-1));
      for (let cutAt = whole.length; cutAt >= 0; cutAt--) {
        await writeFile(path, whole.subarray(0, cutAt));
        const kept = ends.filter((end) => end <= cutAt).length;
        const { log, of } = await openLog(dir);
        assert.deepEqual(await labels(log.read(0)), all.slice(0, kept), `cut at ${cutAt}`);
        const goodBytes = kept === 0 ? 0 : (ends[kept - 1] ?? 0);
        const cutBytes = of('torn_tail_cut').map(({ bytes, lastPosition }) => [bytes, lastPosition]);
        assert.deepEqual(cutBytes, cutAt === goodBytes ? [] : [[cutAt - goodBytes, kept]]);
        assert.equal(await log.append(ticks(77)), kept + 1);
        await log.close();

        const again = await openLog(dir);
        assert.deepEqual(await labels(again.log.read(0)), [...all.slice(0, kept), `${kept + 1}:77`]);
        assert.deepEqual(again.of('torn_tail_cut'), []);
        assert.equal(again.log.stats().damagedBatches, 0);
        await again.log.close();
      }
    }));

  it('the cut of a torn tail is synced before anything is written behind it, when appends are', () =>
    inTempDir(async (dir) => {
      const { ends } = await write(dir);
      for (const durability of ['sync', 'os'] as const) {
        await truncate(join(dir, FIRST), (ends[1] ?? 0) + 9);
        const calls: string[] = [];
        const fileOps = faultyOps({
          truncate: async (fd, bytes) => {
            await nodeFileOps.truncate(fd, bytes);
            calls.push('cut');
          },
          fdatasync: async (fd) => {
            await nodeFileOps.fdatasync(fd);
            calls.push('sync');
          },
        });
        const { log } = await openLog(dir, { durability, fileOps });
        assert.deepEqual(calls, durability === 'sync' ? ['cut', 'sync'] : ['cut']);
        await log.append(ticks(9));
        await log.close();
      }
    }));

  it('bits flipped anywhere: no wrong record, all others still come, all missing are reported', () =>
    inTempDir(async (dir) => {
      const { ends, labels: all } = await write(dir);
      const path = join(dir, FIRST);
      const whole = await readFile(path);
      const bits = fc.uniqueArray(fc.nat(whole.length * 8 - 1), { minLength: 1, maxLength: 6 });
      const property = fc.asyncProperty(bits, async (flipped) => {
        const bytes = Buffer.from(whole);
        for (const bit of flipped) bytes[bit >> 3]! ^= 1 << (bit & 7);
        await writeFile(path, bytes);
        const isHit = ends.map((end, index) => {
          const start = index === 0 ? HEADER_BYTES : (ends[index - 1] ?? 0);
          return flipped.some((bit) => bit >> 3 >= start && bit >> 3 < end);
        });
        const { log, of } = await openLog(dir);
        const lastGood = isHit.lastIndexOf(false) + 1;
        const missing: number[] = [];
        const found: string[] = [];
        for await (const entry of log.read(0)) {
          if (entry.record.kind !== 'damage') found.push(label(entry));
          else for (let n = 1; n <= entry.record.batches; n++) missing.push(entry.position - entry.record.batches + n);
        }
        await log.close();
        assert.deepEqual(
          found,
          all.filter((_, index) => !isHit[index]),
        );
        assert.deepEqual(
          missing,
          isHit.flatMap((hit, index) => (hit && index < lastGood ? [index + 1] : [])),
        );
        assert.equal(log.stats().damagedBatches, missing.length);
        assert.equal(of('torn_tail_cut').length, lastGood < all.length ? 1 : 0);
      });
      await fc.assert(property, { numRuns: 300 });
    }));

  it('says of a damaged payload whose ticks are missing and when they were, of a damaged header nothing but that it was there', () =>
    inTempDir(async (dir) => {
      const { ends } = await write(dir, [ticks(1), ticks(2, 5), ticks(3), ticks(4), ticks(5)]);
      const path = join(dir, FIRST);
      const bytes = await readFile(path);
      bytes[(ends[0] ?? 0) + HEADER_BYTES]! ^= 1;
      bytes[(ends[2] ?? 0) + 20]! ^= 1;
      await writeFile(path, bytes);
      const { log, of } = await openLog(dir);
      const expected = [
        { position: 2, kind: 'damage', batches: 1, ticks: 5, source: 2, fromMs: minuteMs(2), toMs: minuteMs(2) + 4 },
        { position: 4, kind: 'damage', batches: 1, ticks: 0, source: null, fromMs: null, toMs: null },
      ];
      assert.deepEqual(await damages(log.read(0)), expected);
      assert.deepEqual(await damages(log.read(2)), expected.slice(1));
      assert.equal(log.stats().damagedBatches, 2);
      assert.deepEqual(
        of('damaged_batch').map(({ position }) => position),
        [2, 4],
      );
      await log.close();
    }));

  it('finds the records behind bytes that are missing from the middle', () =>
    inTempDir(async (dir) => {
      const { ends } = await write(dir, [ticks(1), ticks(2), ticks(3), ticks(4)]);
      const path = join(dir, FIRST);
      const bytes = await readFile(path);
      const hole = (ends[1] ?? 0) - 13;
      await writeFile(path, Buffer.concat([bytes.subarray(0, hole), bytes.subarray(hole + 5)]));
      const { log } = await openLog(dir);
      assert.deepEqual(await labels(log.read(0)), ['1:1', '2:damage', '3:3', '4:4']);
      await log.close();
    }));

  it('a missing or emptied segment in the middle is damage, at the old end it is retention', () =>
    inTempDir(async (dir) => {
      const names = await writeSegments(dir, 6);
      assert.equal(names.length, 6);
      await unlink(join(dir, names[2] ?? ''));
      await truncate(join(dir, names[4] ?? ''), 0);
      await unlink(join(dir, names[0] ?? ''));
      const { log } = await openLog(dir, { afterPosition: 1 });
      assert.deepEqual(await labels(log.read(0)), ['2:2', '3:damage', '4:4', '5:damage', '6:6']);
      assert.deepEqual(await labels(log.read(3)), ['4:4', '5:damage', '6:6']);
      assert.equal(log.stats().damagedBatches, 2);
      await log.close();
    }));

  it('what the checkpoint still needs and is gone is damage', () =>
    inTempDir(async (dir) => {
      const names = await writeSegments(dir, 5);
      for (const name of names.slice(0, 3)) await unlink(join(dir, name));
      const { log } = await openLog(dir, { afterPosition: 2 });
      const lost = { position: 3, kind: 'damage', batches: 1, ticks: 0, source: null, fromMs: null, toMs: null };
      assert.deepEqual(await damages(log.read(2)), [lost]);
      assert.deepEqual(await labels(log.read(2)), ['3:damage', '4:4', '5:5']);
      await log.close();
    }));

  it('a log that ends before the checkpoint goes on behind it', () =>
    inTempDir(async (dir) => {
      await write(dir, [ticks(1), ticks(2)]);
      const { log, of } = await openLog(dir, { afterPosition: 10 });
      assert.deepEqual(of('positions_skipped'), [{ type: 'positions_skipped', fromPosition: 3, toPosition: 10 }]);
      assert.deepEqual(await labels(log.read(10)), []);
      assert.equal(await log.append(ticks(3)), 11);
      assert.deepEqual(await labels(log.read(10)), ['11:3']);
      await log.close();
      const again = await openLog(dir, { afterPosition: 11 });
      assert.equal(await again.log.append(ticks(4)), 12);
      assert.deepEqual(await labels(again.log.read(10)), ['11:3', '12:4']);
      await again.log.close();
    }));

  it('a folder that was lost with its log, and a last segment cut to nothing, go on behind the checkpoint', () =>
    inTempDir(async (dir) => {
      const fresh = await openLog(join(dir, 'new'), { afterPosition: 5 });
      assert.equal(await fresh.log.append(ticks(1)), 6);
      await fresh.log.close();
      await truncate(join(dir, 'new', '0000000000000006.ticks'), 0);
      const { log } = await openLog(join(dir, 'new'), { afterPosition: 7 });
      assert.equal(await log.append(ticks(2)), 8);
      assert.equal(log.stats().segments, 1);
      assert.deepEqual(await readdir(join(dir, 'new')), ['0000000000000008.ticks']);
      await log.close();
    }));

  it('keeps numbers that a lost last segment had in its name', () =>
    inTempDir(async (dir) => {
      const names = await writeSegments(dir, 3);
      await truncate(join(dir, names[1] ?? ''), 70);
      await truncate(join(dir, names[2] ?? ''), 0);
      const { log } = await openLog(dir);
      assert.deepEqual(await labels(log.read(0)), ['1:1', '2:damage']);
      assert.equal(await log.append(ticks(9)), 3);
      assert.deepEqual(await labels(log.read(0)), ['1:1', '2:damage', '3:9']);
      await log.close();
    }));

  it('refuses a newer format, leaves foreign files alone, cuts garbage', () =>
    inTempDir(async (dir) => {
      await writeFile(join(dir, 'notes.txt'), 'mine');
      await write(dir, [ticks(1)]);
      await appendFile(join(dir, FIRST), Buffer.alloc(100_000, 0xa7));
      const { log, of } = await openLog(dir);
      assert.equal(of('torn_tail_cut')[0]?.bytes, 100_000);
      assert.deepEqual(await labels(log.read(0)), ['1:1']);
      await log.close();
      assert.equal(await readFile(join(dir, 'notes.txt'), 'utf8'), 'mine');

      const newer = new AlignedBytes(HEADER_BYTES);
      writeSegmentHeader(newer, 2, 2);
      await writeFile(join(dir, '0000000000000002.ticks'), newer.bytes);
      await assert.rejects(openLog(dir), { name: 'TickLogError', code: 'newer_format', severity: 'fatal' });
      assert.equal((await readFile(join(dir, '0000000000000002.ticks'))).length, HEADER_BYTES);
    }));

  it('says that a folder can not be used', () =>
    inTempDir(async (dir) => {
      await writeFile(join(dir, 'file'), '');
      await assert.rejects(openLog(join(dir, 'file')), { name: 'TickLogError', code: 'unusable_dir' });
    }));
});
