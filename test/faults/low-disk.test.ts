import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertAuditEqual, assertBalanced, assertCandlesEqual } from '../harness/candle-check.ts';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder, readAllCandles } from '../harness/data-folder.ts';
import { startEmulators } from '../harness/emulators.ts';
import { LogOracle } from '../harness/log-oracle.ts';
import { type Service, startService } from '../harness/service.ts';
import { readTickLog } from '../harness/tick-log-files.ts';
import { waitUntil } from '../harness/wait.ts';

const MIB = 1024 * 1024;
/** A tenth of it has to be free. */
const DISK_MIB = 24;

function systemTool(name: 'mount' | 'umount', ...args: readonly string[]) {
  return spawnSync(name, args, { encoding: 'utf8' });
}

/** A small disk of its own, or null, the test being skipped, where none can be mounted. */
function mountDisk(t: TestContext): string | null {
  const folder = makeFolder(t);
  const mounted = systemTool('mount', '-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', folder);
  if (mounted.status !== 0) {
    t.skip(`no small disk can be mounted: ${mounted.error?.message ?? mounted.stderr.trim()}`);
    return null;
  }
  atEnd(t, () => void systemTool('umount', '-l', folder));
  return folder;
}

/** Leaves `freeBytes`, as far as there are as many. */
function fillDisk(folder: string, freeBytes: number): void {
  const ballast = openSync(join(folder, 'ballast'), 'a');
  const block = Buffer.alloc(64 * 1024, 1);
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(folder);
      const excessBytes = bavail * bsize - freeBytes;
      if (excessBytes <= 0) return;
      writeSync(ballast, block, 0, Math.min(block.length, excessBytes));
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    closeSync(ballast);
  }
}

async function startOnDisk(t: TestContext, folder: string): Promise<Service> {
  const { sources } = await startEmulators(t, { ticksPerSecond: 3_000, seed: 21 });
  const service = await startService(t, {
    dataDir: join(folder, 'data'),
    environment: {
      MARKETFLOW_MODE: 'live',
      MARKETFLOW_LIVE_SOURCES: sources,
      MARKETFLOW_TICK_LOG_SEGMENT_BYTES: '1MiB',
    },
  });
  await waitUntil('ticks', async () => (await service.audit()).counted > 5_000);
  return service;
}

async function tickLogHealth(service: Service) {
  const { status, tickLog } = (await service.get('/health')).json();
  return { status, tickLog: tickLog.status, detail: String(tickLog.detail) };
}

async function assertIntakeStands(service: Service): Promise<void> {
  await waitUntil('low disk is told', async () => (await tickLogHealth(service)).tickLog === 'degraded');
  const health = await tickLogHealth(service);
  assert.equal(health.status, 'degraded');
  assert.match(health.detail, /low_disk/);
  await sleep(500);
  const { received } = await service.audit();
  await sleep(700);
  assert.equal((await service.audit()).received, received, 'intake goes on');
  assertBalanced(await service.audit());
}

async function assertNothingLost(service: Service, dataDir: string): Promise<void> {
  const before = await service.audit();
  assertBalanced(before);
  assert.deepEqual(await service.stop(), { code: 0, signal: null }, service.stderr);
  const oracle = new LogOracle();
  await readTickLog(dataDir, oracle.take);
  assertCandlesEqual(readAllCandles(dataDir), oracle);
  assert.ok(oracle.counted >= before.counted);
}

test('a disk that is nearly full, then full, stops intake until there is room again', async (t) => {
  const folder = mountDisk(t);
  if (folder === null) return;
  const service = await startOnDisk(t, folder);
  fillDisk(folder, 1.5 * MIB);
  await assertIntakeStands(service);
  fillDisk(folder, 0);
  await sleep(1_500);
  await assertIntakeStands(service);
  assert.ok(service.logLine('disk is nearly full: intake waits until there is room') !== undefined);
  assert.equal((await service.get('/prices/latest/BTCUSDT')).status, 200);

  rmSync(join(folder, 'ballast'));
  const { received } = await service.audit();
  await waitUntil('intake goes on', async () => (await service.audit()).received > received + 3_000, 15_000);
  await waitUntil('the log is well', async () => (await tickLogHealth(service)).tickLog === 'ok');
  await assertNothingLost(service, join(folder, 'data'));
});

test('a stop while the disk is full is a clean one, and the next start has all that was accepted', async (t) => {
  const folder = mountDisk(t);
  if (folder === null) return;
  const dataDir = join(folder, 'data');
  const service = await startOnDisk(t, folder);
  fillDisk(folder, 0);
  await assertIntakeStands(service);
  const before = await service.audit();
  const signalledAtMs = performance.now();
  const end = await service.stop();
  const tookMs = performance.now() - signalledAtMs;
  assert.deepEqual([end, service.stderr], [{ code: 0, signal: null }, '']);
  assert.ok(tookMs < 10_000, `the stop took ${tookMs} ms`);

  rmSync(join(folder, 'ballast'));
  const environment = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: 'exchange1=tcp://127.0.0.1:9' };
  const again = await startService(t, { dataDir, environment });
  const audit = await again.audit();
  assert.ok(audit.counted >= before.counted, `${audit.counted} is less than ${before.counted}`);
  await again.stop();
  const oracle = new LogOracle();
  await readTickLog(dataDir, oracle.take);
  assertCandlesEqual(readAllCandles(dataDir), oracle);
  assertAuditEqual(audit, oracle);
});
