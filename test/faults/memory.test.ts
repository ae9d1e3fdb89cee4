import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertBalanced } from '../harness/candle-check.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { startEmulators } from '../harness/emulators.ts';
import { type Service, startService } from '../harness/service.ts';

const MIB = 1024 * 1024;

/** The most that the process had in memory, looked at every half second. */
async function watchRss(t: TestContext, service: Service, seconds: number, limitMib: number): Promise<void> {
  let mostBytes = 0;
  for (let i = 0; i < seconds * 2; i++) {
    await sleep(500);
    mostBytes = Math.max(mostBytes, service.rssBytes());
  }
  const audit = await service.audit();
  const rates = `${audit.counted} ticks in ${seconds} s`;
  t.diagnostic(`RSS ${Math.round(service.rssBytes() / MIB)} MiB, at most ${Math.round(mostBytes / MIB)} MiB; ${rates}`);
  assertBalanced(audit);
  assert.ok(mostBytes < limitMib * MIB, `RSS reached ${mostBytes / MIB} MiB`);
  assert.ok(audit.counted > 1_000, rates);
}

describe('memory', { concurrency: true }, () => {
  test('the default run stays under 147 MB', async (t) => {
    // What is compiled and stripped once is kept, as by the installation.
    await (await startService(t, { dataDir: makeFolder(t) })).stop();
    await watchRss(t, await startService(t, { dataDir: makeFolder(t) }), 15, 140);
  });

  test('2,000 symbols at three exchanges and 20,000 ticks a second stay under 300 MB', async (t) => {
    const symbols = Array.from({ length: 2_000 }, (_, i) => `S${i}USDT`);
    const { sources } = await startEmulators(t, { symbols, ticksPerSecond: 6_700, seed: 31 });
    const environment = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sources, MARKETFLOW_SYMBOLS: '*' };
    await watchRss(t, await startService(t, { dataDir: makeFolder(t), environment }), 20, 300);
  });
});
