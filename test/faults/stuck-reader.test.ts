import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { makeFolder } from '../harness/data-folder.ts';
import { establishedSockets } from '../harness/process-sockets.ts';
import { startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

/** All in one read: what waits then is answers, not a request that takes too long. */
const REQUESTS = 200;
const REQUEST = 'GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n';
/** It is cut off after 30 s, and looked for every 5. */
const CUT_MS = 45_000;
const GROWN_MAX_MB = 40;

test('a client that asks and asks and reads nothing costs little, and is cut off', async (t) => {
  const service = await startService(t, {
    dataDir: makeFolder(t),
    environment: { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: 'exchange1=tcp://127.0.0.1:9' },
  });
  await (await fetch(`${service.url}/openapi.json`)).arrayBuffer();
  const port = Number(new URL(service.url).port);
  const client = connect(port, '127.0.0.1')
    .on('error', () => undefined)
    .pause();
  t.after(() => client.destroy());
  client.write(REQUEST.repeat(REQUESTS));
  await new Promise((resolve) => client.once('connect', resolve));
  const isThere = () => establishedSockets(service.pid, client.localPort) === 1;
  await waitUntil('it is there', isThere);

  const before = service.rssBytes();
  const fromMs = performance.now();
  let most = before;
  await waitUntil(
    'it is cut off',
    () => {
      most = Math.max(most, service.rssBytes());
      return !isThere();
    },
    CUT_MS,
    200,
  );
  t.diagnostic(`cut after ${Math.round(performance.now() - fromMs)} ms, ${(most - before) / 1e6} MB more`);
  assert.ok((most - before) / 1e6 < GROWN_MAX_MB, `${(most - before) / 1e6} MB`);
  assert.equal((await fetch(`${service.url}/healthz`)).status, 200);
});
