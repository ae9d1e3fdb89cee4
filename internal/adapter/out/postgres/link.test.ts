import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parseAddress } from './address.ts';
import { Link } from './link.ts';
import { LinkPool } from './link-pool.ts';

interface Silent {
  readonly url: string;
  readonly sockets: Set<Socket>;
  accepted: number;
}

/** Takes connections and says nothing, or what it is told to say to the first packet. */
async function silentServer(t: TestContext, greeting?: string): Promise<Silent> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    silent.accepted++;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.once('data', () => greeting !== undefined && socket.write(greeting));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const silent: Silent = { url: `postgres://u:p@127.0.0.1:${port}/d`, sockets, accepted: 0 };
  return silent;
}

function linkTo(url: string): Link {
  const address = parseAddress(url);
  return new Link({ address, server: address.servers[0]!, parameters: {} });
}

test('a server that does not answer: the deadline holds, the socket is gone, and there is no second one', async (t) => {
  const server = await silentServer(t);
  const link = linkTo(server.url);
  await assert.rejects(link.query('SELECT 1', [], 200), {
    code: 'timeout',
    severity: 'retry',
    message: /within 200 ms/,
  });
  assert.equal(link.isClosed, true);
  await assert.rejects(link.query('SELECT 1', [], 200), { code: 'unreachable' });
  while (server.sockets.size > 0) await pause(5);
  await pause(50);
  assert.equal(server.accepted, 1);
});

test('a connection that the server ends is not made again in secret', async (t) => {
  const server = await silentServer(t);
  const link = linkTo(server.url);
  const answer = link.query('SELECT 1', [], 5_000);
  while (server.sockets.size === 0) await pause(5);
  for (const socket of server.sockets) socket.destroy();
  await assert.rejects(answer, { code: 'unreachable', severity: 'retry' });
  assert.equal(server.accepted, 1);
});

test('a connection that was refused is not used again', async () => {
  const link = linkTo('postgres://u:p@127.0.0.1:1/d');
  await assert.rejects(link.query('SELECT 1', [], 5_000), { code: 'unreachable', message: /ECONNREFUSED/ });
  assert.equal(link.isClosed, true);
});

test('TLS that the server does not speak is refused, whatever else it says', async (t) => {
  for (const greeting of ['N', 'SS', 'E']) {
    const { url } = await silentServer(t, greeting);
    await assert.rejects(linkTo(`${url}?sslmode=require`).query('SELECT 1', [], 5_000), {
      code: 'certificate',
      severity: 'fatal',
    });
  }
});

test('a pool has no more connections than its size, and every caller is answered by its deadline', async (t) => {
  const server = await silentServer(t);
  const pool = new LinkPool(() => linkTo(server.url), 3, 'db');
  const fromMs = performance.now();
  const calls = Array.from({ length: 40 }, () => pool.use(400, ({ query }) => query('SELECT 1', [])));
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, server.sockets.size);
  }, 5);
  const outcomes = await Promise.allSettled(calls);
  clearInterval(watch);
  assert.ok(performance.now() - fromMs < 2_000);
  assert.ok(
    outcomes.every((outcome) => outcome.status === 'rejected' && ['timeout', 'busy'].includes(outcome.reason.code)),
  );
  assert.equal(most, 3);
  await pool.close();
  await assert.rejects(
    pool.use(400, ({ query }) => query('SELECT 1', [])),
    { code: 'closed' },
  );
  while (server.sockets.size > 0) await pause(5);
});

test('while no connection can be made, callers do not try one each, and soon one tries again', async () => {
  let opened = 0;
  const open = () => {
    opened++;
    return linkTo('postgres://u:p@127.0.0.1:1/d');
  };
  const pool = new LinkPool(open, 2, 'db');
  const ask = () => pool.use(2_000, ({ query }) => query('SELECT 1', []));
  await assert.rejects(ask(), { code: 'unreachable' });
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, ask));
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason.code === 'unreachable'));
  assert.equal(opened, 1);
  while (opened === 1) {
    await pause(20);
    await assert.rejects(ask(), { code: 'unreachable' });
  }
  await pool.close();
});

test('more callers than may wait are refused at once', async (t) => {
  const server = await silentServer(t);
  const pool = new LinkPool(() => linkTo(server.url), 1, 'db');
  const calls = Array.from({ length: 513 }, () => pool.use(300, ({ query }) => query('SELECT 1', [])));
  await assert.rejects(
    pool.use(300, ({ query }) => query('SELECT 1', [])),
    { code: 'busy', message: /too many/ },
  );
  await Promise.allSettled(calls);
  await pool.close();
});
