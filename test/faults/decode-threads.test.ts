import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertAuditEqual, assertCandlesEqual } from '../harness/candle-check.ts';
import { replayCaptures } from '../harness/capture-replay.ts';
import { makeFolder, readAllCandles } from '../harness/data-folder.ts';
import { startEmulators } from '../harness/emulators.ts';
import { LogOracle } from '../harness/log-oracle.ts';
import { SentRecord } from '../harness/sent-record.ts';
import { startService } from '../harness/service.ts';
import { readTickLog } from '../harness/tick-log-files.ts';
import { untilQuiet } from '../harness/wait.ts';

const THREADS = { MARKETFLOW_PIPELINE_THREADS: '2' };

test('decoded by threads, the captured feed ends in the same books and candles', (t) => replayCaptures(t, THREADS));

test('threads that learn symbols as they come lose and reorder nothing', async (t) => {
  const sent = new SentRecord();
  const symbols = Array.from({ length: 300 }, (_, i) => `S${i}USDT`);
  const { emulators, sources } = await startEmulators(t, {
    ...{ symbols, ticksPerSecond: 5_000, seed: 41, withQuantity: true },
    onSent: sent.onSent,
  });
  const dataDir = makeFolder(t);
  const live = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sources, MARKETFLOW_SYMBOLS: '*' };
  const service = await startService(t, { dataDir, environment: { ...live, ...THREADS } });
  await sleep(3_000);
  await Promise.all(emulators.map((emulator) => emulator.close()));
  await untilQuiet(async () => (await service.audit()).received);
  const audit = await service.audit();
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  const frames = [...sent.frames.values()].reduce((sum, count) => sum + count, 0);
  assert.deepEqual([audit.received, audit.counted], [frames, frames]);
  const oracle = new LogOracle((tick) => sent.claim(tick), { withSeconds: false });
  await readTickLog(dataDir, oracle.take);
  assertAuditEqual(audit, oracle);
  assertCandlesEqual(readAllCandles(dataDir), oracle);
});
