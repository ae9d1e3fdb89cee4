import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { handles, line, spawnDecodeThread, TestFeed, TestIntake, TIME_MS, until } from './exchange.test-kit.ts';
import { FeedEngine, type FeedEngineOptions } from './feed-engine.ts';
import type { FeedSource } from './feed-supervisor.ts';

const CHUNK_BYTES = 65_536;
const WORKERS = 5;

function engineOf(
  t: TestContext,
  live: readonly FeedSource[],
  intake = new TestIntake(),
  more: Partial<FeedEngineOptions> = {},
) {
  const changes: string[] = [];
  const engine = new FeedEngine({
    ...{
      sources: { live, test: [] },
      intake,
      threads: 0,
      workersPerSource: WORKERS,
      chunkBytes: CHUNK_BYTES,
      frameMaxBytes: 65_536,
    },
    ...{ backoffMinMs: 1, backoffMaxMs: 5, spawnThread: spawnDecodeThread, random: () => 1 },
    ...{ nowMs: () => Date.now(), elapsedMs: () => performance.now() },
    timings: { connectTimeoutMs: 1_000, staleAfterMs: 60_000, stableAfterMs: 30_000 },
    happenings: new Proxy({} as FeedEngineOptions['happenings'], {
      get:
        (_, name) =>
        (...details: unknown[]) =>
          void changes.push(`${String(name)} ${details.join(' ')}`),
    }),
    ...more,
  });
  t.after(async () => {
    await engine.stop(200);
    await engine.close();
  });
  return { engine, intake, changes };
}

async function feedFor(t: TestContext, onSocket?: (socket: Socket) => void): Promise<TestFeed> {
  const feed = await new TestFeed(onSocket).listen();
  t.after(() => feed.close());
  return feed;
}

/** Bytes that have left the sender: the rest waits in its own process. */
const leftBytes = (feed: TestFeed): number =>
  [...feed.sockets].reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);

test('a source that is down when it starts delays nothing: start returns at once, the others deliver', async (t) => {
  const dead = await new TestFeed().listen();
  const { port } = dead;
  await dead.close();
  const feed = await feedFor(t, (socket) => void socket.write(line(1)));
  const never: FeedSource = { exchange: 'never', address: 'x', open: () => new Promise(() => undefined) };
  const { engine, intake, changes } = engineOf(t, [never, dead.source('dead', port), feed.source('two')]);
  await engine.start('live', 1);
  await until('the second delivers', () => intake.prices(2).length === 1);
  assert.deepEqual(
    engine.status().map(({ exchange, state }) => `${exchange} ${state}`),
    ['never connecting', 'dead down', 'two live'],
  );
  assert.equal(engine.stateOf('two'), 'live');
  assert.equal(engine.stateOf('nowhere'), undefined);
  assert.deepEqual(changes.sort(), [
    'feedChanged dead connecting down ECONNREFUSED',
    'feedChanged two connecting live data',
  ]);
  // The one that never opens would hold the stop, but for its deadline.
  const fromMs = performance.now();
  await engine.stop(50);
  assert.ok(performance.now() - fromMs < 1_000);
});

test('however the bytes are cut, in one write or a thousand, over one connection the same ticks come in order', async (t) => {
  const feed = await feedFor(t);
  const { engine, intake } = engineOf(t, [feed.source('one')]);
  await engine.start('live', 1);
  await until('connected', () => feed.sockets.size === 1);
  const [socket] = feed.sockets;
  socket!.setNoDelay(true);
  const text = Buffer.from(`${line(1)}\r\n${line(2, 'ÄÖ')}${line(3)}{"symbol":\n${line(4).replace('\n', '\r\n')}`);
  const byBytes = async () => {
    for (const byte of text) {
      socket!.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
  };
  socket!.write(text);
  await byBytes();
  await until('all ticks', () => intake.prices().length === 6);
  assert.deepEqual(intake.prices(), [1, 3, 4, 1, 3, 4]);
  assert.deepEqual(intake.rejected(), { unknown_symbol: 2, bad_json: 2 });
});

test('a line of a megabyte is counted without a byte behind it, and the connection stays', async (t) => {
  const feed = await feedFor(t, (socket) => void socket.write('x'.repeat(1_000_000)));
  const { engine, intake } = engineOf(t, [feed.source('one')]);
  await engine.start('live', 1);
  await until('counted', () => intake.rejected()['frame_too_long'] === 1);
  feed.send(`xxx\n${line(5)}`);
  await until('the next line', () => intake.prices().length === 1);
  assert.deepEqual([intake.rejected(), feed.connectedAtMs.length], [{ frame_too_long: 1 }, 1]);
});

test('back-pressure reaches the sender before any queue passes its bound, and nothing is lost when it ends', async (t) => {
  const feed = await feedFor(t);
  const intake = new TestIntake();
  intake.isKeeping = false;
  const gate = Promise.withResolvers<void>();
  intake.gates.set(0, gate.promise);
  const { engine } = engineOf(t, [feed.source('one')], intake);
  await engine.start('live', 1);
  await until('connected', () => feed.sockets.size === 1);
  const lines = 1_000_000;
  const block = Buffer.from(line(1).repeat(1_000));
  for (let k = 0; k < lines / 1_000; k++) feed.send(block);
  let sentBytes = -1;
  while (sentBytes !== leftBytes(feed)) {
    sentBytes = leftBytes(feed);
    await wait(150);
  }
  const totalBytes = block.length * (lines / 1_000);
  assert.ok(sentBytes < totalBytes / 2, `${sentBytes} of ${totalBytes} bytes were taken`);
  assert.deepEqual(engine.queues(), { queuedChunks: 1, chunksInFlight: WORKERS });
  assert.equal(engine.stateOf('one'), 'live');
  gate.resolve();
  await until('everything is counted', () => intake.counts[0] === lines, 15_000);
});

test('a source whose ticks are not taken, and one that floods, do not hold up a third', async (t) => {
  const flooding = await feedFor(t, (socket) => {
    const block = Buffer.from(line(1).repeat(2_000));
    const pour = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', pour);
    pour();
  });
  const stuck = await feedFor(t, (socket) => void socket.write(line(1).repeat(50_000)));
  const quiet = await feedFor(t);
  const intake = new TestIntake();
  intake.isKeeping = false;
  intake.gates.set(1, new Promise(() => undefined));
  const { engine } = engineOf(t, [flooding.source('flood'), stuck.source('stuck'), quiet.source('quiet')], intake);
  await engine.start('live', 1);
  await until('the flood is on', () => (intake.counts[0] ?? 0) > 100_000, 15_000);
  for (let k = 1; k <= 20; k++) {
    const before = intake.counts[0]!;
    quiet.send(line(k));
    await until('the quiet one is heard', () => intake.counts[2] === k, 1_000);
    // Time enough for the flood to show that it goes on.
    await until('the flood goes on', () => intake.counts[0]! > before);
  }
  assert.equal(intake.counts[1], undefined);
});

test('stop ends with everything accepted that was read, or at its deadline when the intake is stuck', async (t) => {
  const feed = await feedFor(t, (socket) => void socket.write(line(1).repeat(100)));
  const intake = new TestIntake();
  const gate = Promise.withResolvers<void>();
  intake.gates.set(0, gate.promise);
  const { engine } = engineOf(t, [feed.source('one')], intake);
  await engine.start('live', 1);
  await until('read', () => engine.queues().chunksInFlight > 0);
  const fromMs = performance.now();
  await engine.stop(60);
  assert.ok(performance.now() - fromMs >= 55);
  assert.deepEqual([engine.status(), intake.prices()], [[], []]);
  gate.resolve();
  await until('the rest is accepted later', () => intake.prices().length === 100);
  assert.equal(intake.of(0).at(-1), 'down');
});

test('a hundred starts and stops of an engine with threads leave no handle', async (t) => {
  const feeds = await Promise.all([0, 1, 2].map(() => feedFor(t, (socket) => void socket.write(line(1)))));
  const intake = new TestIntake();
  const sources = feeds.map((feed, k) => feed.source(`e${k}`));
  const { engine } = engineOf(t, sources, intake, { threads: 1 });
  const before = handles();
  for (let k = 0; k < 100; k++) {
    await engine.start('live', k);
    if (k % 10 === 0) await until('live', () => engine.status().every(({ state }) => state === 'live'));
    await engine.stop(2_000);
  }
  await until('all sockets are closed', () => feeds.every((feed) => feed.sockets.size === 0));
  assert.deepEqual(handles(), before);
  assert.deepEqual(engine.queues(), { queuedChunks: 0, chunksInFlight: 0 });
  assert.deepEqual([engine.exchanges('live'), engine.exchanges('test')], [['e0', 'e1', 'e2'], []]);
  // The thread still works after all of that.
  await engine.start('live', 100);
  const seen = intake.prices(0).length;
  feeds[0]!.send(`{"symbol":"ETHUSDT","price":9,"timestamp":${TIME_MS}}\n`);
  await until('a tick', () => intake.prices(0).length > seen);
});
