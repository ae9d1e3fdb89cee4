import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { MarketStream, StreamSink, SubscribeRequest } from '../../../../application/port/in/market-stream.ts';
import { LATEST, STUBS, startServer } from '../test-server.ts';

/** A stream of one client, and what it was asked. */
class FakeStream implements MarketStream {
  readonly limits = { clients: 2, topics: 10, wildcards: 1, intervalMs: 20, slowMs: 10_000 };
  sink: StreamSink | null = null;
  readonly asked: SubscribeRequest[] = [];
  drained = 0;
  left = 0;

  open(sink: StreamSink) {
    this.sink = sink;
    return {
      subscribe: (request: SubscribeRequest) => this.asked.push(request) > 0,
      unsubscribe: () => undefined,
      drained: () => void this.drained++,
      close: () => void this.left++,
    };
  }

  stats() {
    return { ...STUBS.stream!.stats() };
  }

  close(): void {
    this.sink?.end('stopping');
  }

  update(seq: number): void {
    const data = { channel: 'latest', latest: LATEST } as const;
    this.sink?.send({ type: 'update', topic: 't', seq, data, dropped: 0, lost: 0, refusedResume: false });
  }
}

async function setUp(t: TestContext, options: { autoPong?: boolean } = {}) {
  const stream = new FakeStream();
  const clock = { ms: 1_000_000 };
  const server = await startServer(t, { stream, nowMs: () => clock.ms });
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/v1/stream`, options);
  ws.on('error', () => undefined);
  t.after(() => ws.terminate());
  await once(ws, 'open');
  while (stream.sink === null) await sleep(5);
  return { stream, clock, server, ws, sink: stream.sink };
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (let tries = 0; !isTrue(); tries++) {
    assert.ok(tries < 1_000, what);
    await sleep(10);
  }
}

test('what is sent in one turn arrives whole and in order', async (t) => {
  const { stream, ws, server } = await setUp(t);
  const seqs: number[] = [];
  ws.on('message', (data) => seqs.push(JSON.parse(String(data)).seq));
  for (let seq = 1; seq <= 300; seq++) stream.update(seq);
  await until('300 messages', () => seqs.length === 300);
  assert.deepEqual(
    seqs,
    Array.from({ length: 300 }, (_, i) => i + 1),
  );
  ws.send('{"op":"subscribe","id":"a","channel":"latest","exchanges":["x"],"symbols":["*"],"resume":{"t":7}}');
  await until('the request', () => stream.asked.length === 1);
  assert.deepEqual(stream.asked[0], {
    ...{ id: 'a', channel: 'latest', exchanges: ['x'], symbols: ['*'], resume: new Map([['t', 7]]) },
  });
  assert.deepEqual(server.observed, ['/v1/stream GET 101']);
});

test('an idle client is pinged every 20 s, and closed 10 s after a ping that it does not answer', async (t) => {
  const { stream, clock, ws } = await setUp(t, { autoPong: false });
  let pings = 0;
  let isAnswering = true;
  ws.on('ping', (payload) => {
    pings++;
    if (isAnswering) ws.pong(payload);
  });
  let code = 0;
  ws.on('close', (reason) => {
    code = reason;
  });
  clock.ms += 19_000;
  await sleep(1_300);
  assert.equal(pings, 0);
  clock.ms += 1_000;
  await until('a ping', () => pings === 1);
  await sleep(50);
  clock.ms += 20_000;
  await until('the next ping', () => pings === 2);
  isAnswering = false;
  clock.ms += 20_000;
  await until('the one that is not answered', () => pings === 3);
  assert.equal(code, 0);
  clock.ms += 10_001;
  await until('the close', () => code > 0);
  assert.equal(code, 4010);
  await until('the session is over', () => stream.left > 0);
});

test('a client is full when it has not read for 128 KiB, and drained when it has; pongs cannot lie', async (t) => {
  const { stream, sink, ws } = await setUp(t, { autoPong: false });
  const payloads: Buffer[] = [];
  ws.on('ping', (payload) => payloads.push(payload));
  let seq = 0;
  while (!sink.isFull && seq < 10_000) stream.update(++seq);
  const bytes = seq * JSON.stringify({ type: 'update', topic: 't', seq, data: LATEST }).length;
  assert.ok(bytes > 120 * 1024 && bytes < 140 * 1024, `${bytes} bytes`);
  await until('a ping each 32 KiB', () => payloads.length >= 3);
  for (const lie of ['999999999', '-1', 'x', '', '1e9']) ws.pong(lie);
  ws.send('{"op":"ping"}');
  await once(ws, 'message');
  await sleep(50);
  assert.deepEqual([sink.isFull, stream.drained], [true, 0]);
  ws.pong(payloads.at(-1));
  await until('it is drained', () => stream.drained === 1);
  assert.equal(sink.isFull, false);
});

test('a client that stays full is closed as slow', async (t) => {
  const { stream, sink, clock, ws } = await setUp(t, { autoPong: false });
  let closed: [number, string] | null = null;
  ws.on('close', (code, reason) => {
    closed = [code, String(reason)];
  });
  let seq = 0;
  while (!sink.isFull) stream.update(++seq);
  clock.ms += 10_001;
  await until('the close', () => closed !== null);
  assert.deepEqual(closed, [4008, 'too slow for what was subscribed to']);
});

test('answers to its own messages cannot fill our memory for a client that does not read them', async (t) => {
  const { stream, sink, ws } = await setUp(t, { autoPong: false });
  let code = 0;
  ws.on('close', (reason) => {
    code = reason;
  });
  ws.pause();
  const topics = Array.from({ length: 1_000 }, (_, i) => `latest:exchange1:S${i}USDT`);
  // More than the kernel takes; the sink says no to none of them.
  for (let i = 0; i < 2_000 && stream.left === 0; i++) {
    sink.send({ type: 'subscribed', id: null, topics });
    if (i % 100 === 0) await sleep(1);
  }
  await until('the session is over', () => stream.left > 0);
  ws.resume();
  await until('the close', () => code > 0);
  assert.ok(code === 4008 || code === 1006, `${code}`);
});

test('clients are told when the server closes, and those that do not answer do not hold it up', async (t) => {
  const { server, ws } = await setUp(t);
  const closed = once(ws, 'close');
  const fromMs = performance.now();
  await server.close();
  assert.ok(performance.now() - fromMs < 5_000);
  assert.equal((await closed)[0], 1001);

  const deaf = await setUp(t);
  deaf.ws.pause();
  await deaf.server.close();
  await assert.rejects(fetch(deaf.server.url), TypeError);
});

test('clients beyond the limit get 503 before the upgrade; a process without a stream has none', async (t) => {
  const { server } = await setUp(t);
  const url = `${server.url.replace('http', 'ws')}/v1/stream`;
  const second = new WebSocket(url);
  t.after(() => second.terminate());
  await once(second, 'open');
  const statusOf = async (target: string) => {
    const ws = new WebSocket(target);
    ws.on('error', () => undefined);
    const [, response] = (await once(ws, 'unexpected-response')) as [unknown, { statusCode: number }];
    ws.terminate();
    return response.statusCode;
  };
  assert.equal(await statusOf(url), 503);
  const without = await startServer(t, { stream: null });
  assert.equal(await statusOf(`${without.url.replace('http', 'ws')}/v1/stream`), 503);
  for (const path of ['/v1/stream', '/v1/stream/sse', '/asyncapi.json', '/docs/streams']) {
    assert.equal((await fetch(without.url + path)).status, 503, path);
  }
});
