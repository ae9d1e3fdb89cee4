import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { type Service, spawnService, startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

/** The database is tried for ten seconds: half of that would be too long to be an answer to the signal. */
const STOP_MAX_MS = 5_000;
const START_MAX_MS = 15_000;

/** A database that takes connections and does with each what `treat` does. */
async function fakeDatabase(t: TestContext, treat: (socket: Socket) => void) {
  const seen = { connections: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    seen.connections++;
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    treat(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { seen, url: `postgres://u:p@127.0.0.1:${(server.address() as AddressInfo).port}/x` };
}

async function assertStops(service: Service, signal: NodeJS.Signals): Promise<void> {
  const signalledAtMs = performance.now();
  service.signal(signal);
  const end = await service.ended;
  const tookMs = performance.now() - signalledAtMs;
  assert.deepEqual([end, service.stderr], [{ code: 0, signal: null }, '']);
  assert.ok(tookMs < STOP_MAX_MS, `it took ${tookMs} ms`);
  assert.equal(service.logLine('listening'), undefined);
}

test('a signal while a database that can’t be reached is tried for stops the start, and the folder is as it was', async (t) => {
  const environment = { MARKETFLOW_POSTGRES_URL: 'postgres://u:p@127.0.0.1:1/x' };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const dataDir = makeFolder(t);
    const service = spawnService(t, { dataDir, environment });
    await waitUntil('it has got to the database', () => existsSync(join(dataDir, 'log-id')), START_MAX_MS);
    await assertStops(service, signal);
    const again = await startService(t, { dataDir });
    assert.ok((await again.audit()).balanced);
    assert.deepEqual(await again.stop(), { code: 0, signal: null });
  }
});

test('the same for one that hangs up, and for one that says nothing', async (t) => {
  const rude = await fakeDatabase(t, (socket) => socket.destroy());
  const silent = await fakeDatabase(t, (socket) => socket.resume());
  for (const [database, tries] of [
    [rude, 2],
    [silent, 1],
  ] as const) {
    const environment = { MARKETFLOW_POSTGRES_URL: database.url };
    const service = spawnService(t, { dataDir: makeFolder(t), environment });
    await waitUntil('it is being tried', () => database.seen.connections >= tries, START_MAX_MS);
    await assertStops(service, 'SIGTERM');
  }
});

test('the role api stops in its start too', async (t) => {
  const { url, seen } = await fakeDatabase(t, (socket) => socket.resume());
  const environment = { MARKETFLOW_POSTGRES_URL: url };
  const service = spawnService(t, { dataDir: makeFolder(t), environment, args: ['--role', 'api'] });
  await waitUntil('it is being tried', () => seen.connections > 0, START_MAX_MS);
  await assertStops(service, 'SIGTERM');
});

test('a signal while the program is loaded is obeyed too', async (t) => {
  const folder = makeFolder(t);
  const script = join(folder, 'signal.mjs');
  // As soon as it listens to signals, which is before anything large is loaded.
  const lines = [
    'const send = (name) => {',
    "  if (name !== 'SIGTERM') return;",
    "  process.off('newListener', send);",
    "  process.nextTick(() => process.kill(process.pid, 'SIGTERM'));",
    '};',
    "process.on('newListener', send);",
  ];
  writeFileSync(script, lines.join('\n'));
  const environment = { NODE_OPTIONS: `--import=${pathToFileURL(script).href}` };
  const service = spawnService(t, { dataDir: join(folder, 'data'), environment });
  const { code, signal } = await service.ended;
  assert.deepEqual([code, signal, service.stderr], [0, null, '']);
});
