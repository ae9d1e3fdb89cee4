import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../harness/data-folder.ts';
import { EXCHANGES, startEmulators } from '../harness/emulators.ts';
import { startService } from '../harness/service.ts';
import { StreamTestClient } from '../harness/stream-client.ts';

const MB = 1_000_000;
const PAUSED = 200;
const PAUSED_MAX_MB = 60;
const P99_MAX_MS = 50;
const WINDOWS = 3;
const WINDOW_MS = 4_000;

test(`${PAUSED} clients that do not read cost less than ${PAUSED_MAX_MB} MB and delay nobody`, async (t) => {
  const { sources } = await startEmulators(t, { ticksPerSecond: 500, seed: 21 });
  const service = await startService(t, {
    dataDir: makeFolder(t),
    environment: {
      MARKETFLOW_MODE: 'live',
      MARKETFLOW_LIVE_SOURCES: sources,
      // So that none is closed during the test.
      MARKETFLOW_STREAMS_SLOW_TIMEOUT: '10m',
    },
  });
  const witness = await StreamTestClient.connect(t, service.url);
  for (const channel of ['latest', 'ticks', 'candles:1m', 'candles:1s']) witness.subscribe(channel, EXCHANGES, ['*']);
  await witness.next('ticks', ({ type, topic }) => type === 'update' && topic?.startsWith('ticks:') === true);
  await sleep(3_000);
  const rssBefore = service.rssBytes();
  const kernelBefore = kernelTcpBytes();

  const paused: StreamTestClient[] = [];
  for (let i = 0; i < PAUSED; i++) {
    const client = await StreamTestClient.connect(t, service.url);
    client.ws.pause();
    for (const channel of ['latest', 'ticks', 'candles:1m', 'candles:1s']) client.subscribe(channel, EXCHANGES, ['*']);
    paused.push(client);
  }
  const p99s: number[] = [];
  let mostBytes = 0;
  let kernelBytes = 0;
  for (let window = 0; window < WINDOWS; window++) {
    const delaysMs: number[] = [];
    // From the exchange's sending to our reading: both clocks are this machine's.
    witness.onMessage = ({ type, topic, data }) => {
      if (type === 'update' && topic?.startsWith('latest:')) delaysMs.push(Date.now() - data.timestamp);
    };
    for (const endAtMs = Date.now() + WINDOW_MS; Date.now() < endAtMs; await sleep(250)) {
      mostBytes = Math.max(mostBytes, service.rssBytes());
      kernelBytes = Math.max(kernelBytes, kernelTcpBytes());
    }
    delaysMs.sort((a, b) => a - b);
    assert.ok(delaysMs.length > 100, `${delaysMs.length} updates`);
    p99s.push(delaysMs[Math.floor(delaysMs.length * 0.99)]!);
  }
  const grownMb = (mostBytes - rssBefore) / MB;
  const kernelMb = (kernelBytes - kernelBefore) / MB;
  t.diagnostic(
    `RSS grew by ${grownMb.toFixed(1)} MB, the machine's TCP buffers by ${kernelMb.toFixed(1)} MB; p99 ${p99s.join(', ')} ms`,
  );
  assert.deepEqual(
    paused.filter(({ closed }) => closed !== null),
    [],
    'they are still there',
  );
  const metrics = (await service.get('/metrics')).text;
  const [, clients] = /^marketflow_stream_clients{transport="websocket"} (\d+)$/m.exec(metrics) ?? [];
  assert.equal(clients, String(PAUSED + 1));
  witness.assertSequences();
  assert.ok(
    witness.messages.every(({ dropped: missed, lost }) => missed === undefined && lost === undefined),
    'the one that reads misses nothing',
  );
  assert.ok(grownMb < PAUSED_MAX_MB, `RSS grew by ${grownMb} MB`);
  // The best of several: another program on the machine is not what this is about.
  assert.ok(Math.min(...p99s) < P99_MAX_MS, `p99 of the one that reads: ${p99s.join(', ')} ms`);
});

/** Of all connections of this machine, both ends. */
function kernelTcpBytes(): number {
  const [, pages = '0'] = /^TCP: .* mem (\d+)$/m.exec(readFileSync('/proc/net/sockstat', 'utf8')) ?? [];
  return Number(pages) * 4_096;
}
