import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../harness/data-folder.ts';
import { startEmulators } from '../harness/emulators.ts';
import { type Service, startService } from '../harness/service.ts';
import { StreamTestClient } from '../harness/stream-client.ts';
import { waitUntil } from '../harness/wait.ts';

/** The status line and body of an upgrade that is asked for by hand. */
async function askUpgrade(service: Service, path: string, headers: Readonly<Record<string, string>> = {}) {
  const { hostname, port, host } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  const lines = {
    ...{ host, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${head.join('')}\r\n`);
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  socket.on('error', () => undefined);
  await waitUntil('an answer', () => text.includes('\r\n\r\n'));
  await sleep(20);
  socket.destroy();
  return { status: Number(text.slice(9, 12)), text };
}

test('what a client may not do is refused, and closed with a code; others do not notice', async (t) => {
  const environment = { MARKETFLOW_STREAMS_CLIENTS: '6', MARKETFLOW_STREAMS_TOPICS: '20' };
  const service = await startService(t, { dataDir: makeFolder(t), environment });
  const witness = await StreamTestClient.connect(t, service.url);
  witness.subscribe('latest', ['exchange1'], ['BTCUSDT']);
  const start = () => StreamTestClient.connect(t, service.url);

  await t.test('unknown names, channels and shapes are errors, and the connection stays', async () => {
    const client = await start();
    const errorOf = async (message: object | string) => {
      const first = client.messages.length;
      client.send(message);
      return client.next(JSON.stringify(message), ({ type }) => type === 'error', first);
    };
    const one = { op: 'subscribe', id: 'a', channel: 'latest', exchanges: ['exchange1'], symbols: ['BTCUSDT'] };
    const codes = [
      ['unknown_symbol', { ...one, symbols: ['NOPEUSDT'] }],
      ['unknown_exchange', { ...one, exchanges: ['exchange9'] }],
      ['unknown_channel', { ...one, channel: 'candles:7m' }],
      ['bad_message', { ...one, resume: { 'latest:exchange1:BTCUSDT': -1 } }],
      ['bad_message', { ...one, color: 'red' }],
      ['bad_message', { ...one, symbols: undefined }],
      ['bad_message', { op: 'fly', id: 'a' }],
    ] as const;
    for (const [code, message] of codes) {
      const error = await errorOf(message);
      assert.deepEqual([error.code, error.id], [code, 'a'], JSON.stringify(message));
    }
    assert.deepEqual((await errorOf('{not json')).id, undefined);
    client.send(one);
    await client.next('a snapshot all the same', ({ type }) => type === 'snapshot');
    client.send({ op: 'ping' });
    await client.next('a pong', ({ type }) => type === 'pong');
    client.ws.close(1000);
    assert.equal((await client.closing()).code, 1000);
  });

  await t.test('ten malformed messages: 1008', async () => {
    const client = await start();
    for (let i = 0; i < 10; i++) client.send('[]');
    assert.equal((await client.closing()).code, 1008);
    assert.equal(client.messages.filter(({ code }) => code === 'bad_message').length, 10);
  });

  await t.test('a flood of messages, or of pings: told, then 1008', async () => {
    for (const flood of ['message', 'ping']) {
      const client = await start();
      for (let i = 0; i < 500 && client.closed === null; i++) {
        if (flood === 'ping') client.ws.ping();
        else client.send({ op: 'ping' });
      }
      assert.equal((await client.closing()).code, 1008, flood);
      assert.ok(client.messages.some(({ code }) => code === 'rate_limited'));
    }
  });

  await t.test('a frame of more than 4 KiB: 1009; a binary one: 1003; text that is not UTF-8: 1007', async () => {
    const long = await start();
    long.send(JSON.stringify({ op: 'ping', x: 'x'.repeat(5_000) }));
    assert.equal((await long.closing()).code, 1009);
    const binary = await start();
    binary.ws.send(Buffer.from('{"op":"ping"}'));
    assert.equal((await binary.closing()).code, 1003);
    const garbled = await start();
    garbled.ws.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false });
    assert.equal((await garbled.closing()).code, 1007);
  });

  await t.test('pages of another origin are refused, those of this one and programs are not', async () => {
    const status = async (headers: Record<string, string>) => (await askUpgrade(service, '/v1/stream', headers)).status;
    assert.equal(await status({ origin: 'https://elsewhere.example' }), 403);
    assert.equal(await status({ origin: 'null' }), 403);
    assert.equal(await status({ origin: service.url }), 101);
    assert.equal(await status({}), 101);
    const sse = await service.request('GET', '/v1/stream/sse', { origin: 'https://elsewhere.example' });
    assert.equal(sse.json().code, 'forbidden_origin');
  });

  await t.test('what is no handshake is answered with a problem', async () => {
    const cases = [
      ['/v1/stream?x=1', {}, 400, 'unknown_parameter'],
      ['/v1/stream', { 'sec-websocket-key': 'short' }, 400, 'bad_request'],
      ['/v1/stream', { 'sec-websocket-version': '7' }, 400, 'bad_request'],
      ['/v1/stream', { upgrade: 'h2c' }, 426, 'upgrade_required'],
      ['/v1/streams', {}, 404, 'not_found'],
    ] as const;
    for (const [path, headers, status, code] of cases) {
      const answer = await askUpgrade(service, path, headers);
      assert.deepEqual([answer.status, answer.text.includes(`"code":"${code}"`)], [status, true], answer.text);
    }
    assert.equal((await askUpgrade(service, '/prices/latest/BTCUSDT', { upgrade: 'h2c' })).status, 200);
    assert.equal((await service.get('/v1/stream')).status, 426);
  });

  await t.test('more topics than allowed: told; more clients than allowed: 503', async () => {
    const client = await start();
    for (const channel of ['latest', 'ticks', 'candles:1m'])
      client.subscribe(channel, ['exchange1', 'exchange2'], ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'TONUSDT']);
    const error = await client.next('the refusal', ({ type }) => type === 'error');
    assert.deepEqual([error.code, error.id], ['too_many_topics', 'candles:1m']);
    await waitUntil('earlier clients are gone', async () =>
      /transport="websocket"} 2\n/.test((await service.get('/metrics')).text),
    );
    for (let i = 2; i < 6; i++) await start();
    const refused = await askUpgrade(service, '/v1/stream');
    assert.deepEqual([refused.status, /retry-after: 1/i.test(refused.text)], [503, true]);
    assert.equal((await service.get('/v1/stream/sse')).status, 503);
    client.cut();
    await client.closing();
    await waitUntil('there is room again', async () => (await askUpgrade(service, '/v1/stream')).status === 101);
  });

  witness.assertSequences();
  assert.equal(witness.closed, null);
  assert.ok(witness.messages.length > 20);
  service.signal('SIGTERM');
  assert.deepEqual(await witness.closing(), { code: 1001, reason: 'the service is stopping' });
  assert.deepEqual(await service.ended, { code: 0, signal: null });
});

test('a slow reader gets the newest state and what it missed, misses no tick that is kept, and is closed when it stays slow', async (t) => {
  const { sources } = await startEmulators(t, { exchanges: ['exchange1'], ticksPerSecond: 5_000, seed: 3 });
  const service = await startService(t, {
    dataDir: makeFolder(t),
    environment: {
      MARKETFLOW_MODE: 'live',
      MARKETFLOW_LIVE_SOURCES: sources,
      MARKETFLOW_STREAMS_SLOW_TIMEOUT: '6s',
    },
  });
  const client = await StreamTestClient.connect(t, service.url);
  for (const channel of ['ticks', 'latest']) client.subscribe(channel, ['exchange1'], ['BTCUSDT', 'ETHUSDT']);
  const other = await StreamTestClient.connect(t, service.url);
  other.subscribe('latest', ['*'], ['*']);
  await client.next('ticks', ({ type }) => type === 'update');

  client.ws.pause();
  await sleep(1_500);
  const before = client.messages.length;
  client.ws.resume();
  await client.next('what it missed', ({ dropped = 0 }) => dropped > 0, before);
  await waitUntil('it is in step again', async () => {
    const newest = client.of('latest:exchange1:BTCUSDT').at(-1)?.data.timestamp;
    return Date.now() - newest < 1_000;
  });
  const ticks = client.messages.filter(({ topic }) => topic?.startsWith('ticks:'));
  assert.deepEqual(
    ticks.filter(({ dropped, lost }) => dropped !== undefined || lost !== undefined),
    [],
    'ticks were kept for it',
  );
  const dropped = client.messages.map((message) => message.dropped ?? 0).reduce((sum, one) => sum + one, 0);
  assert.ok(dropped > 10, `${dropped} updates were dropped`);
  client.assertSequences();

  client.ws.pause();
  await waitUntil(
    'it is closed',
    async () =>
      / 1\n/.test(
        /marketflow_stream_closed_slow_total.*\n/.exec(
          (await service.get('/metrics')).text.replace(/^#.*\n/gm, ''),
        )?.[0] ?? '',
      ),
    20_000,
    100,
  );
  client.ws.resume();
  assert.deepEqual(await client.closing(), { code: 4008, reason: 'too slow for what was subscribed to' });
  client.assertSequences();
  other.assertSequences();
  assert.equal(other.closed, null);
  assert.ok(other.messages.every(({ dropped: missed }) => missed === undefined));
});
