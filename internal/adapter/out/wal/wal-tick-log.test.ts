import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeFileOps } from './file-ops.ts';
import { faultyOps, inTempDir, isPending, labels, NOW_MS, openLog, systemError, ticks, until } from './wal.test-kit.ts';

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;

describe('retention', () => {
  it('drops a segment once it is released and old, without any append', () =>
    inTempDir(async (dir) => {
      let nowMs = NOW_MS;
      const { log, of } = await openLog(dir, { segmentBytes: 64, retentionMs: 10 * MINUTE_MS, nowMs: () => nowMs });
      for (let n = 1; n <= 4; n++) {
        await log.append(ticks(n));
        nowMs += MINUTE_MS;
      }
      log.release(3);
      await delay(20);
      assert.equal(log.stats().segments, 4);

      nowMs = NOW_MS + 11 * MINUTE_MS + 1;
      log.release(1);
      await until(() => log.stats().segments === 2);
      nowMs = NOW_MS + 99 * MINUTE_MS;
      log.release(3);
      await until(() => log.stats().segments === 1);
      log.release(4);
      await delay(20);
      assert.deepEqual(
        of('segment_dropped').map(({ firstPosition, lastPosition }) => [firstPosition, lastPosition]),
        [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
      );
      assert.deepEqual(await readdir(dir), ['0000000000000004.ticks']);
      assert.deepEqual(await labels(log.read(0)), ['4:4']);
      assert.equal(await log.append(ticks(5)), 5);
      await log.close();
    }));

  it('never drops what is not released, however old, and waits when that is all there is room for', () =>
    inTempDir(async (dir) => {
      let nowMs = NOW_MS;
      const { log, of } = await openLog(dir, { maxBytes: 64 * 1024, retentionMs: 1, nowMs: () => nowMs });
      let accepted = 0;
      const appends = Array.from({ length: 100 }, (_, n) => log.append(ticks(n + 1, 100)).then(() => accepted++));
      const all = Promise.all(appends);
      await until(() => log.stats().state === 'full');
      nowMs += 99 * MINUTE_MS;
      log.release(0);
      await delay(30);
      const held = log.stats().lastPosition;
      assert.equal(accepted, held);
      assert.ok(held > 20 && held < 60, `${held}`);
      assert.equal(of('segment_dropped').length, 0);
      assert.equal(of('full_start').length, 1);
      while (accepted < 100) {
        log.release(log.stats().lastPosition);
        assert.ok(log.stats().bytes <= 64 * 1024);
        await delay(1);
      }
      await all;
      assert.equal(of('full_end').length, of('full_start').length);
      await log.close();
    }));

  it('keeps a segment as long as one record of it is not released, however old or long the log is', () =>
    inTempDir(async (dir) => {
      const { log } = await openLog(dir, { segmentBytes: 600, retentionMs: -1 });
      for (let n = 1; n <= 12; n++) await log.append(ticks(n));
      const { segments } = log.stats();
      const records = 12 / segments;
      assert.ok(records >= 3, `${segments} segments`);
      for (let released = 1; released < records; released++) {
        log.release(released);
        await delay(5);
        assert.equal(log.stats().firstPosition, 1, `released up to ${released}`);
      }
      log.release(records);
      await until(() => log.stats().firstPosition === records + 1);
      assert.equal(log.stats().segments, segments - 1);
      const rest = Array.from({ length: 12 - records }, (_, n) => `${records + n + 1}:${records + n + 1}`);
      assert.deepEqual(await labels(log.read(records)), rest);
      await log.close();
    }));

  it('keeps a segment that is being read', () =>
    inTempDir(async (dir) => {
      const { log } = await openLog(dir, { segmentBytes: 64, retentionMs: -1 });
      for (let n = 1; n <= 5; n++) await log.append(ticks(n));
      const found: number[] = [];
      for await (const { position } of log.read(0)) {
        found.push(position);
        log.release(5);
        await delay(5);
      }
      assert.deepEqual(found, [1, 2, 3, 4, 5]);
      log.release(5);
      await until(() => log.stats().segments === 1);
      await log.close();
    }));

  it('takes a batch that is longer than all of it', () =>
    inTempDir(async (dir) => {
      const { log } = await openLog(dir, { maxBytes: 4096 });
      assert.equal(await log.append(ticks(1, 5000)), 1);
      const second = log.append(ticks(2, 5000));
      assert.equal(await isPending(second), true);
      log.release(1);
      assert.equal(await second, 2);
      await log.close();
    }));

  it('a file that can not be removed is reported and tried again', () =>
    inTempDir(async (dir) => {
      let nowMs = NOW_MS;
      let fails = true;
      const unlink = async (path: string): Promise<void> => {
        if (fails) throw systemError('EACCES');
        await nodeFileOps.unlink(path);
      };
      const fileOps = faultyOps({ unlink });
      const { log, of } = await openLog(dir, { segmentBytes: 64, retentionMs: -1, nowMs: () => nowMs, fileOps });
      for (let n = 1; n <= 2; n++) await log.append(ticks(n));
      log.release(1);
      await until(() => of('segment_drop_failed').length === 1);
      await delay(20);
      assert.equal(of('segment_drop_failed').length, 1);
      assert.equal(of('segment_drop_failed')[0]?.error.code, 'io_failed');
      fails = false;
      nowMs += 1000;
      log.release(1);
      await until(() => log.stats().segments === 1);
      await log.close();
    }));
});

describe('group commit', () => {
  it('writes a lone append at once, and what comes meanwhile together', () =>
    inTempDir(async (dir) => {
      const { log, of } = await openLog(dir);
      const appends = Array.from({ length: 50 }, (_, n) => log.append(ticks(n + 1)));
      await Promise.all(appends);
      assert.deepEqual(
        of('flushed').map(({ records }) => records),
        [1, 49],
      );
      await log.close();
    }));

  it('resolves after the write and the sync, in that order', () =>
    inTempDir(async (dir) => {
      const calls: string[] = [];
      const fileOps = faultyOps({
        write: async (...args) => {
          const moved = await nodeFileOps.write(...args);
          calls.push('write');
          return moved;
        },
        fdatasync: async (fd) => {
          await nodeFileOps.fdatasync(fd);
          calls.push('sync');
        },
      });
      const { log } = await openLog(dir, { durability: 'sync', fileOps });
      for (let n = 1; n <= 2; n++) {
        await log.append(ticks(n));
        calls.push(`accepted ${n}`);
      }
      assert.deepEqual(calls, ['write', 'sync', 'accepted 1', 'write', 'sync', 'accepted 2']);
      await log.close();
    }));

  it('encodes no more than its bound while a write hangs; the rest waits in order', () =>
    inTempDir(async (dir) => {
      let go = (): void => {};
      const gate = new Promise<void>((resolve) => {
        go = resolve;
      });
      const write: typeof nodeFileOps.write = async (...args) => {
        await gate;
        return nodeFileOps.write(...args);
      };
      const { log, of } = await openLog(dir, { fileOps: faultyOps({ write }) });
      const appends = Array.from({ length: 40 }, (_, n) => log.append(ticks(n + 1, 30_000)));
      await delay(10);
      assert.equal(log.stats().pendingRecords, 40);
      go();
      const positions = await Promise.all(appends);
      assert.deepEqual(
        positions,
        appends.map((_, index) => index + 1),
      );
      assert.ok(of('flushed').every(({ bytes }) => bytes <= 4 * MIB));
      assert.ok(of('flushed').length >= 4);
      await log.close();
    }));

  it('rolls segments, and reads over their edges', () =>
    inTempDir(async (dir) => {
      const { log } = await openLog(dir, { segmentBytes: 1000 });
      for (let n = 1; n <= 30; n++) await log.append(ticks(n));
      assert.ok(log.stats().segments >= 3);
      assert.ok(log.stats().bytes / log.stats().segments <= 1000);
      const expected = Array.from({ length: 30 }, (_, n) => `${n + 1}:${n + 1}`);
      for (let after = 0; after <= 30; after++) assert.deepEqual(await labels(log.read(after)), expected.slice(after));
      await log.close();
    }));
});
