import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeFileOps } from './file-ops.ts';
import { faultyOps, inTempDir, isPending, labels, NOW_MS, openLog, systemError, ticks, until } from './wal.test-kit.ts';

const MIB = 1024 * 1024;

describe('disk faults', () => {
  for (const fault of ['write', 'fdatasync', 'syncDir'] as const) {
    it(`a failed ${fault} breaks the log for good`, () =>
      inTempDir(async (dir) => {
        let fails = fault === 'syncDir';
        const call = async (...args: never[]): Promise<never> => {
          if (fails) throw systemError('EIO');
          return (nodeFileOps[fault] as (...given: never[]) => Promise<never>)(...args);
        };
        const { log, of } = await openLog(dir, { durability: 'sync', fileOps: faultyOps({ [fault]: call }) });
        if (!fails) await log.append(ticks(1));
        const before = log.stats().lastPosition;
        fails = true;
        const expected = {
          name: 'TickLogError',
          code: fault === 'write' ? 'io_failed' : 'sync_failed',
          severity: 'fatal',
        };
        const pending = [2, 3, 4].map((n) => assert.rejects(log.append(ticks(n)), expected));
        await Promise.all(pending);
        fails = false;
        await assert.rejects(log.append(ticks(5)), expected);
        assert.equal(of('broken').length, 1);
        assert.equal(of('broken')[0]?.error.cause instanceof Error, true);
        assert.equal(log.stats().lastPosition, before);
        await log.close();
        const again = await openLog(dir);
        assert.equal(again.log.stats().lastPosition, before);
        await again.log.close();
      }));
  }

  it('an fdatasync that finds no space is a failure, not a wait', () =>
    inTempDir(async (dir) => {
      const fdatasync = async (): Promise<void> => {
        throw systemError('ENOSPC');
      };
      const { log } = await openLog(dir, { durability: 'sync', fileOps: faultyOps({ fdatasync }) });
      await assert.rejects(log.append(ticks(1)), { code: 'sync_failed' });
      await log.close();
    }));

  it('a write without space waits, and goes on by itself where it stopped', () =>
    inTempDir(async (dir) => {
      let left = 100;
      const write: typeof nodeFileOps.write = async (fd, from, at, bytes, fileOffset) => {
        if (left === 0) throw systemError('ENOSPC');
        const moved = await nodeFileOps.write(fd, from, at, Math.min(bytes, left), fileOffset);
        left -= moved;
        return moved;
      };
      const { log, of } = await openLog(dir, { spacePollMs: 5, fileOps: faultyOps({ write }) });
      const appends = Promise.all([1, 2, 3, 4].map((n) => log.append(ticks(n))));
      assert.equal(await isPending(appends), true);
      assert.equal(log.stats().state, 'low_disk');
      assert.equal(log.stats().lastPosition, 0);
      assert.equal(log.stats().pendingRecords, 4);
      const late = log.append(ticks(5));
      left = Number.POSITIVE_INFINITY;
      assert.deepEqual(await appends, [1, 2, 3, 4]);
      assert.equal(await late, 5);
      assert.equal(log.stats().state, 'ok');
      assert.deepEqual([of('low_disk_start').length, of('low_disk_end').length], [1, 1]);
      assert.deepEqual(await labels(log.read(0)), ['1:1', '2:2', '3:3', '4:4', '5:5']);
      await log.close();
    }));

  it('closing on a full disk gives up what is not written, and leaves no trace of it', () =>
    inTempDir(async (dir) => {
      let left = Number.POSITIVE_INFINITY;
      const write: typeof nodeFileOps.write = async (fd, from, at, bytes, fileOffset) => {
        if (left === 0) throw systemError('EDQUOT');
        const moved = await nodeFileOps.write(fd, from, at, Math.min(bytes, left), fileOffset);
        left -= moved;
        return moved;
      };
      const { log } = await openLog(dir, { fileOps: faultyOps({ write }) });
      await log.append(ticks(1));
      left = 50;
      const lost = assert.rejects(log.append(ticks(2)), { code: 'no_space', severity: 'retry' });
      await until(() => log.stats().state === 'low_disk');
      const waiting = assert.rejects(log.append(ticks(3)), { name: 'TickLogError' });
      await log.close();
      await Promise.all([lost, waiting]);
      const again = await openLog(dir);
      assert.deepEqual(again.of('torn_tail_cut'), []);
      assert.deepEqual(await labels(again.log.read(0)), ['1:1']);
      await again.log.close();
    }));

  it('stops before the disk is full: at a tenth of it at most', () =>
    inTempDir(async (dir) => {
      let free = { freeBytes: 9 * MIB, totalBytes: 100 * MIB };
      const fileOps = faultyOps({ freeSpace: async () => free });
      const { log, of } = await openLog(dir, { spacePollMs: 5, fileOps });
      const first = log.append(ticks(1));
      assert.equal(await isPending(first), true);
      assert.equal(log.stats().state, 'low_disk');
      free = { freeBytes: 11 * MIB, totalBytes: 100 * MIB };
      assert.equal(await first, 1);
      assert.deepEqual(
        [...of('low_disk_start'), ...of('low_disk_end')].map(({ freeBytes, requiredBytes }) => [
          freeBytes,
          requiredBytes,
        ]),
        [
          [9 * MIB, 10 * MIB],
          [11 * MIB, 10 * MIB],
        ],
      );
      await log.close();
    }));

  it('looks at the free space again while it writes', () =>
    inTempDir(async (dir) => {
      let nowMs = NOW_MS;
      let freeBytes = 65 * MIB;
      const fileOps = faultyOps({ freeSpace: async () => ({ freeBytes, totalBytes: 100_000 * MIB }) });
      const { log } = await openLog(dir, { spacePollMs: 5, nowMs: () => nowMs, fileOps });
      freeBytes = 63 * MIB;
      await log.append(ticks(1));
      await log.append(ticks(2));
      nowMs += 1000;
      await log.append(ticks(3));
      await until(() => log.stats().state === 'low_disk');
      assert.equal(await isPending(log.append(ticks(4)).catch(() => 0)), true);
      await log.close();
    }));
});
