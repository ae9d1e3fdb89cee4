import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SentBatch } from '../../cmd/testgen/sent-batch.ts';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { startEmulators } from '../harness/emulators.ts';
import { LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { startService } from '../harness/service.ts';
import { StreamTestClient, type StreamText } from '../harness/stream-client.ts';
import { untilQuiet, waitUntil } from '../harness/wait.ts';

const EXCHANGES = ['exchange1', 'exchange2'];
const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];

/** Emulators with the ticks that they sent, by topic and in order. */
async function recorded(t: TestContext, ticksPerSecond: number) {
  const sent = new Map<string, string[]>();
  const onSent = ({ exchange, bytes }: SentBatch) => {
    for (const line of bytes.toString().split('\n')) {
      if (line === '') continue;
      const { symbol, price, quantity, timestamp } = JSON.parse(line);
      const topic = `ticks:${exchange}:${symbol}`;
      const ticks = sent.get(topic) ?? [];
      sent.set(topic, ticks);
      ticks.push(JSON.stringify([price, quantity ?? null, timestamp]));
    }
  };
  const plan = { exchanges: EXCHANGES, symbols: SYMBOLS, ticksPerSecond, seed: 11, withQuantity: true, onSent };
  const { emulators, sources } = await startEmulators(t, plan);
  return { sent, emulators, environment: { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sources } };
}

function ticksOf(messages: readonly StreamText[], topic: string): string[] {
  return messages
    .filter((message) => message.topic === topic)
    .flatMap(({ data }) => data ?? [])
    .map(({ price, quantity, timestamp }) => JSON.stringify([price, quantity, timestamp]));
}

test('every tick arrives once and in order, over cuts of the connection', async (t) => {
  const { sent, emulators, environment } = await recorded(t, 2_000);
  const service = await startService(t, { dataDir: makeFolder(t), environment });
  const messages: StreamText[] = [];
  let resume: Record<string, number> = {};
  let client = await StreamTestClient.connect(t, service.url);
  for (let cut = 0; cut < 3; cut++) {
    client.subscribe('ticks', EXCHANGES, SYMBOLS, resume);
    await client.next('ticks', ({ type }) => type === 'update');
    await sleep(700);
    client.cut();
    await client.closing();
    client.assertSequences();
    messages.push(...client.messages);
    resume = Object.fromEntries(client.seen);
    await sleep(400);
    client = await StreamTestClient.connect(t, service.url);
  }
  client.subscribe('ticks', EXCHANGES, SYMBOLS, resume);
  await client.next('ticks', ({ type }) => type === 'update');
  for (const emulator of emulators) await emulator.close();
  await untilQuiet(async () => (await service.audit()).counted);
  await untilQuiet(async () => client.messages.length);
  client.assertSequences();
  messages.push(...client.messages);
  assert.equal(messages.filter(({ type }) => type === 'resumed').length, 3 * sent.size);
  assert.deepEqual(
    messages.filter(({ resumed, lost }) => resumed === false || lost !== undefined),
    [],
  );
  assert.equal(sent.size, EXCHANGES.length * SYMBOLS.length);
  let compared = 0;
  for (const [topic, all] of sent) {
    const got = ticksOf(messages, topic);
    assert.ok(got.length > 500, `${topic}: ${got.length} ticks`);
    // What was sent before the subscription is not in it; from there on all of it is.
    assert.deepEqual(got, all.slice(-got.length), topic);
    compared += got.length;
  }
  t.diagnostic(`${compared} ticks compared over 3 cuts`);
});

test('a resume after a restart is refused, and a snapshot takes its place', async (t) => {
  const { environment } = await recorded(t, 200);
  const dataDir = makeFolder(t);
  let service = await startService(t, { dataDir, environment });
  const before = await StreamTestClient.connect(t, service.url);
  const channels = ['ticks', 'latest', 'candles:1m'];
  for (const channel of channels) before.subscribe(channel, ['exchange1'], ['BTCUSDT']);
  for (const channel of channels) {
    await before.next(
      `an update of ${channel}`,
      ({ type, topic }) => type === 'update' && !!topic?.startsWith(channel),
    );
  }
  await service.kill();
  await before.closing();
  const resume = Object.fromEntries(before.seen);
  service = await startService(t, { dataDir, environment });
  const after = await StreamTestClient.connect(t, service.url);
  for (const channel of channels) after.subscribe(channel, ['exchange1'], ['BTCUSDT'], resume);
  for (const topic of Object.keys(resume)) {
    const first = await after.next(`the first message of ${topic}`, (message) => message.topic === topic);
    assert.deepEqual([first.type, first.resumed], ['snapshot', false], topic);
    assert.ok((first.seq ?? 0) > (resume[topic] ?? 0));
  }
  const latest = after.of('latest:exchange1:BTCUSDT')[0]!;
  assert.equal(latest.data.symbol, 'BTCUSDT', 'the price is known again right after the restart');
});

test('latest and candles say what REST says', async (t) => {
  const feed = await LineFeed.listen(t);
  const environment = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sourcesOf({ exchange1: feed }) };
  const service = await startService(t, { dataDir: makeFolder(t), environment });
  await feed.connected();
  const client = await StreamTestClient.connect(t, service.url);
  client.subscribe('latest', ['*'], ['*']);
  client.subscribe('candles:1m', ['exchange1'], ['BTCUSDT']);
  const empty = await client.next('a snapshot', ({ type }) => type === 'snapshot');
  assert.deepEqual(empty.data, []);
  const openMs = Date.now() - (Date.now() % 60_000);
  const at = (offsetMs: number, price: number) => ({ symbol: 'BTCUSDT', price, timestamp: openMs + offsetMs });
  await feed.sendLines([at(-59_000, 5), at(-30_000, 7), at(-10, 6)].map(lineOf));
  const topic = 'candles:1m:exchange1:BTCUSDT';
  await client.next('the candle', (message) => message.topic === topic && message.data?.[0]?.count === 3);
  const snapshot = await client.next(
    'the pair of the wildcard',
    (message) => message.topic?.startsWith('latest:') === true,
  );
  assert.equal(snapshot.type, 'snapshot');
  const rest = (await service.get('/prices/latest/exchange1/BTCUSDT')).json();
  const newest = client.of('latest:exchange1:BTCUSDT').at(-1)?.data;
  assert.deepEqual({ ...newest, ageMs: 0 }, { ...rest, ageMs: 0 });
  const page = (await service.get('/v1/candles/exchange1/BTCUSDT?interval=1m&limit=1')).json();
  assert.deepEqual(client.of(topic).at(-1)?.data, page.candles);
  assert.equal(page.candles[0].close, 6);
});

test('a switch of the mode reaches everyone, and no price of the old mode comes after it', async (t) => {
  const price = { live: 5_000, test: 5 };
  const feeds = { live: await LineFeed.listen(t), test: await LineFeed.listen(t) };
  const timer = setInterval(() => {
    for (const mode of ['live', 'test'] as const) {
      const line = lineOf({ symbol: 'BTCUSDT', price: price[mode], timestamp: Date.now() });
      for (const socket of feeds[mode].sockets) socket.write(`${line}\n`);
    }
  }, 5);
  atEnd(t, () => clearInterval(timer));
  const service = await startService(t, {
    dataDir: makeFolder(t),
    environment: {
      MARKETFLOW_LIVE_SOURCES: sourcesOf({ exchange1: feeds.live }),
      MARKETFLOW_TEST_SOURCES: sourcesOf({ exchange1: feeds.test }),
    },
  });
  const client = await StreamTestClient.connect(t, service.url);
  for (const channel of ['latest', 'ticks']) client.subscribe(channel, ['*'], ['*']);
  client.subscribe('candles:1m', ['exchange1'], ['BTCUSDT']);
  const pricesOf = ({ data }: StreamText): number[] =>
    [data ?? []].flat().map((one: { price?: number; close?: number }) => one.price ?? one.close ?? 0);
  for (const [mode, epoch] of [
    ['test', 1],
    ['live', 2],
    ['test', 3],
  ] as const) {
    if (epoch > 1) assert.equal((await service.post(`/mode/${mode}`)).status, 200);
    const isAt = (message: StreamText) => message.type === 'mode' && message.epoch === epoch;
    if (epoch > 1) await client.next('the switch', isAt);
    const from = client.messages.findIndex(isAt) + 1;
    for (const channel of ['latest', 'ticks', 'candles']) {
      const isOf = (message: StreamText) => message.topic?.startsWith(channel) === true && pricesOf(message).length > 0;
      await client.next(`${channel} of ${mode} mode`, isOf, from);
    }
    await waitUntil('some more', () => client.messages.length > from + 20);
    const prices = client.messages.slice(from).flatMap(pricesOf);
    assert.deepEqual([...new Set(prices)], [price[mode]], `epoch ${epoch}`);
  }
  client.assertSequences();
});
