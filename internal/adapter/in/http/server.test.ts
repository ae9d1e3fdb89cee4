import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildHttpServer } from './server.ts';
import { rawStatus, STUBS, startServer } from './test-server.ts';

test('listen tells the bound address, and rejects when the port is taken', async (t) => {
  const { url, port } = await startServer(t);
  assert.equal(url, `http://127.0.0.1:${port}`);
  const second = buildHttpServer(STUBS);
  await assert.rejects(second.listen('127.0.0.1', port), { code: 'EADDRINUSE' });
  await second.close();
});

test('close ends silent, idle and half-sent connections within a second, and frees the port', async (t) => {
  const { port, close } = await startServer(t);
  const silent = connect(port, '127.0.0.1');
  const idle = connect(port, '127.0.0.1');
  const half = connect(port, '127.0.0.1');
  const sockets = [silent, idle, half];
  for (const socket of sockets) socket.on('error', () => {}).resume();
  idle.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
  half.write('POST /mode/live HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{');
  await once(idle, 'data');
  await sleep(50);
  const closed = sockets.map((socket) => once(socket, 'close'));
  const startMs = performance.now();
  let idleMs = Number.POSITIVE_INFINITY;
  idle.on('close', () => {
    idleMs = performance.now() - startMs;
  });
  await close();
  await Promise.all(closed);
  assert.ok(performance.now() - startMs < 1_000);
  assert.ok(idleMs < 200, `idle connection closed after ${idleMs} ms`);
  const next = createServer().listen(port, '127.0.0.1');
  await once(next, 'listening');
  next.close();
});

test('a request in progress is answered while closing', async (t) => {
  const highest = async () => {
    await sleep(300);
    return { ok: false, failure: 'no_data', detail: 'after a while' } as const;
  };
  const { port, close } = await startServer(t, { prices: { ...STUBS.prices, highest } });
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /prices/highest/BTCUSDT HTTP/1.1\r\nHost: a\r\n\r\n');
  const answer = once(socket, 'data');
  await sleep(50);
  const startMs = performance.now();
  await close();
  assert.equal(rawStatus(String((await answer)[0])), 404);
  assert.ok(performance.now() - startMs < 1_000);
});

test('a handler that hangs does not hold up the close', async (t) => {
  const { url, close } = await startServer(t, { prices: { ...STUBS.prices, highest: () => new Promise(() => {}) } });
  const request = fetch(`${url}/prices/highest/BTCUSDT`).then(
    () => 'answered',
    () => 'cut',
  );
  await sleep(50);
  const startMs = performance.now();
  await close();
  assert.ok(performance.now() - startMs < 1_000);
  assert.equal(await request, 'cut');
});

test('close without listen, and twice, is fine', async () => {
  const server = buildHttpServer(STUBS);
  await server.close();
  await server.close();
});
