import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../../../test/harness/wait.ts';
import { CONNECTIONS_MAX, cutStuckReaders } from './limits.ts';
import { rawExchange, rawProblemOf, rawStatus, STUBS, startServer } from './test-server.ts';

const WAIT_MS = 15_000;

describe('requests that are no requests', { concurrency: true }, () => {
  const cases: readonly [name: string, bytes: string, status: number, code: string][] = [
    ['garbage', 'nonsense\r\n\r\n', 400, 'bad_request'],
    ['binary', '\x16\x03\x01\x02\x00\x01\x00', 400, 'bad_request'],
    ['unknown method', 'FETCH / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad_request'],
    [
      'two lengths',
      'POST /mode/live HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
      400,
      'bad_request',
    ],
    ['no host', 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'bad_request'],
    ['bad escape', 'GET /%ZZ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400, 'invalid_url'],
    ['headers', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['url', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431, 'headers_too_large'],
    ['expectation', 'POST /mode/live HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n', 417, 'expectation_failed'],
    ['connect', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405, 'method_not_allowed'],
  ];
  for (const [name, bytes, status, code] of cases) {
    test(name, async (t) => {
      const { port, observed } = await startServer(t);
      const text = await rawExchange(port, [Buffer.from(bytes, 'latin1')], 1_000);
      assert.equal(rawStatus(text), status);
      assert.equal(rawProblemOf(text).code, code);
      assert.ok(observed[0]?.endsWith(` ${status}`));
      assert.equal(observed.length, 1);
    });
  }

  test('HTTP/1.0 needs no host', async (t) => {
    const { port } = await startServer(t);
    assert.equal(rawStatus(await rawExchange(port, ['GET /healthz HTTP/1.0\r\n\r\n'])), 200);
  });

  test('slow headers are cut with 408', async (t) => {
    const { port, observed } = await startServer(t);
    const text = await rawExchange(port, ['GET /health HTTP/1.1\r\nHost: a\r\nX-Slow: '], WAIT_MS);
    assert.equal(rawProblemOf(text).code, 'request_timeout');
    assert.deepEqual(observed, ['unparsed unknown 408']);
  });

  test('a slow body is cut with 408, though bytes keep coming', async (t) => {
    const asked: string[] = [];
    const switchTo = async (mode: 'live' | 'test') => {
      asked.push(mode);
      return STUBS.mode.current();
    };
    const { port, faults } = await startServer(t, { mode: { ...STUBS.mode, switchTo } });
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.write(
      'POST /mode/live HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    );
    const drip = setInterval(() => socket.write(' '), 200);
    t.after(() => clearInterval(drip));
    socket.on('error', () => {});
    const startMs = performance.now();
    let text = '';
    for await (const data of socket) {
      text += String(data);
      if (text.includes('\r\n\r\n')) break;
    }
    assert.ok(performance.now() - startMs < WAIT_MS);
    assert.equal(rawProblemOf(text).code, 'request_timeout');
    await sleep(500);
    assert.deepEqual(asked, []);
    assert.deepEqual(faults, []);
  });
});

test('a client that leaves in the middle of its body is no fault of ours', async (t) => {
  const { url, port, faults } = await startServer(t);
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /mode/live HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
  await sleep(50);
  socket.destroy();
  await sleep(50);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.deepEqual(faults, []);
});

test('requests in a pipeline are answered in order', async (t) => {
  const { port } = await startServer(t);
  const one = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';
  const text = await rawExchange(port, [one + one.replace('/healthz', '/nothing') + one]);
  assert.deepEqual(text.match(/HTTP\/1\.1 \d{3}/g), ['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
});

test('a client above the rate limit gets 429 with Retry-After, as a problem; the next second it is served again', async (t) => {
  const { url, observed } = await startServer(t, { requestsPerSecond: 5 });
  const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/mode`)));
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.length >= 10, `${refused.length} refused`);
  for (const answer of refused) {
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.equal(((await answer.json()) as { code: string }).code, 'too_many_requests');
  }
  assert.equal(observed.filter((line) => line.endsWith(' 429')).length, refused.length);
  await waitUntil('it is served again', async () => (await fetch(`${url}/mode`)).status === 200, 15_000, 200);
});

test('the probes and the metrics answer above the rate limit, and nobody is refused for them', async (t) => {
  const { url, observed } = await startServer(t, { requestsPerSecond: 1 });
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}${path}`)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200], path);
  }
  assert.equal((await fetch(`${url}/mode`)).status, 200);
  assert.ok(observed.every((line) => line.endsWith(' 200')));
});

test('a client that takes nothing of its answer is cut off, one that takes it slowly or asks again is not', async (t) => {
  const [stuckMs, bytes] = [400, 12_000_000];
  const server = createServer((request, response) => response.end(Buffer.alloc(request.url === '/big' ? bytes : 10)));
  cutStuckReaders(server, stuckMs, 50);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = (path: string) => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    t.after(() => socket.destroy());
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    return socket;
  };
  t.after(() => server.close());
  const connections = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));

  const stuck = ask('/big').pause();
  await waitUntil('it is there', async () => (await connections()) === 1);
  const fromMs = performance.now();
  await waitUntil('it is cut off', async () => (await connections()) === 0);
  assert.ok(performance.now() - fromMs > stuckMs / 2);
  stuck.destroy();

  const slow = ask('/big');
  let taken = 0;
  slow.on('data', (part) => {
    taken += part.length;
    slow.pause();
    setTimeout(() => slow.resume(), 5);
  });
  await waitUntil('it has all of it', () => taken >= bytes, 20_000);
  slow.removeAllListeners('data').resume();
  await sleep(stuckMs * 2);
  slow.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [answer] = await once(slow, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
});

test('connections beyond the limit are dropped, those that are there are served', { timeout: 60_000 }, async (t) => {
  const { port } = await startServer(t);
  const sockets: ReturnType<typeof connect>[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  let dropped = 0;
  // Not all at once: the kernel's queue of connections that wait to be accepted is shorter.
  while (sockets.length < CONNECTIONS_MAX + 50) {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('close', () => dropped++).on('error', () => undefined);
    socket.resume();
    await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()));
  }
  for (let tries = 0; tries < 100 && dropped < 50; tries++) await sleep(50);
  assert.equal(dropped, 50);
  const alive = sockets.find((socket) => !socket.destroyed);
  assert.ok(alive !== undefined);
  const answer = new Promise<string>((resolve) => alive.once('data', (data) => resolve(String(data))));
  alive.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(await answer, /^HTTP\/1.1 200/);
});
