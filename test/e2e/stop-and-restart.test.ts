import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { assertAuditEqual, assertCandlesEqual } from '../harness/candle-check.ts';
import { makeFolder, readAllCandles } from '../harness/data-folder.ts';
import { startEmulators } from '../harness/emulators.ts';
import { LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { LogOracle } from '../harness/log-oracle.ts';
import { type Service, startService } from '../harness/service.ts';
import { readTickLog } from '../harness/tick-log-files.ts';
import { untilQuiet, waitUntil } from '../harness/wait.ts';

async function startBusy(t: TestContext) {
  const { sources } = await startEmulators(t, { ticksPerSecond: 5_000, seed: 5 });
  const environment = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sources };
  const dataDir = makeFolder(t);
  const service = await startService(t, { dataDir, environment });
  await waitUntil('ticks', async () => (await service.audit()).counted > 5_000);
  return { service, dataDir };
}

async function oracleOf(dataDir: string): Promise<LogOracle> {
  const oracle = new LogOracle();
  await readTickLog(dataDir, oracle.take);
  return oracle;
}

test('SIGTERM: readiness falls, everything accepted is in candles, exit 0', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { service, dataDir } = await startBusy(t);
    const signalledAtMs = performance.now();
    service.signal(signal);
    // While it stops it may answer or not, but not that it is ready, once it has had a moment.
    await sleep(50);
    const ready = await service.get('/readyz').then(
      ({ status }) => status,
      () => 'closed',
    );
    assert.notEqual(ready, 200);
    assert.deepEqual(await service.ended, { code: 0, signal: null }, service.stderr);
    const tookMs = performance.now() - signalledAtMs;
    assert.ok(tookMs < 10_000, `${tookMs} ms`);
    assert.equal(service.stderr, '');
    const oracle = await oracleOf(dataDir);
    assert.ok(oracle.counted > 5_000);
    assertCandlesEqual(readAllCandles(dataDir), oracle);
  }
});

test('a second signal ends it within a second, and the restart has all that was accepted', async (t) => {
  const { service, dataDir } = await startBusy(t);
  service.signal('SIGTERM');
  service.signal('SIGINT');
  const signalledAtMs = performance.now();
  assert.deepEqual(await service.ended, { code: 0, signal: null });
  const tookMs = performance.now() - signalledAtMs;
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
  const oracle = await oracleOf(dataDir);
  const again = await startService(t, { dataDir });
  await again.stop();
  const rows = readAllCandles(dataDir).filter((row) => row.mode === 'live');
  assertCandlesEqual(rows, oracle);
});

test('a restart answers as before, whether it was stopped or killed', async (t) => {
  const feeds = { exchange1: await LineFeed.listen(t), exchange2: await LineFeed.listen(t) };
  const dataDir = makeFolder(t);
  const environment = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sourcesOf(feeds) };
  let service = await startService(t, { dataDir, environment });
  await Promise.all([feeds.exchange1.connected(), feeds.exchange2.connected()]);
  const nowMs = Date.now();
  // Of the last four minutes, but not of the last ten seconds: no window's edge passes a tick during the test.
  const times = Array.from({ length: 2_000 }, (_, i) => nowMs - 240_000 + i * 115);
  const linesOf = (offset: number) =>
    times.map((timestamp, i) => lineOf({ symbol: 'BTCUSDT', price: 100 + offset + ((i * 37) % 211) / 10, timestamp }));
  await Promise.all([feeds.exchange1.sendLines(linesOf(0)), feeds.exchange2.sendLines(linesOf(0.05))]);
  await untilQuiet(async () => (await service.audit()).received);
  await Promise.all([feeds.exchange1.close(), feeds.exchange2.close()]);
  const before = await answersOf(service);
  const auditBefore = await service.audit();
  assert.equal(auditBefore.counted, 4_000);

  for (const end of ['stop', 'kill', 'kill'] as const) {
    await service[end]();
    service = await startService(t, { dataDir, environment });
    assert.deepEqual(await answersOf(service), before, `after ${end}`);
    const { received, counted, rejected } = await service.audit();
    assert.deepEqual(
      { received, counted, rejected },
      { received: auditBefore.received, counted: auditBefore.counted, rejected: auditBefore.rejected },
    );
  }
  const audit = await service.audit();
  await service.stop();
  assertAuditEqual(audit, await oracleOf(dataDir));
});

/** What does not depend on the moment of asking, of every kind of answer. */
async function answersOf(service: Service): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const pair of ['BTCUSDT', 'exchange1/BTCUSDT', 'exchange2/BTCUSDT']) {
    const { ageMs: _age, status: _status, ...latest } = (await service.get(`/prices/latest/${pair}`)).json();
    answers.push(latest);
    for (const figure of ['highest', 'lowest', 'average']) {
      answers.push((await service.get(`/prices/${figure}/${pair}`)).json());
      for (const period of ['5m', '10m', '11m', '1h']) {
        const {
          from: _from,
          to: _to,
          ...rest
        } = (await service.get(`/prices/${figure}/${pair}?period=${period}`)).json();
        answers.push(rest);
      }
    }
  }
  return answers;
}

test('an unhandled rejection is exit 70, in one line', async (t) => {
  const folder = makeFolder(t);
  const script = join(folder, 'reject.mjs');
  writeFileSync(script, "setTimeout(() => Promise.reject(new Error('a promise of nobody')), 1_500);\n");
  const service = await startService(t, {
    dataDir: join(folder, 'data'),
    environment: { NODE_OPTIONS: `--import=${pathToFileURL(script).href}` },
  });
  assert.deepEqual(await service.ended, { code: 70, signal: null });
  assert.match(service.stderr, /^marketflow: internal fault: a promise of nobody\n$/);
});
