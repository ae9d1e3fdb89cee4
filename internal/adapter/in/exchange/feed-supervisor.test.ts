import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Backoff } from '../../../../pkg/concurrency/backoff.ts';
import { DecodePool } from './decode-pool.ts';
import { handles, line, spawnDecodeThread, TestFeed, TestIntake, until } from './exchange.test-kit.ts';
import { type FeedSource, FeedSupervisor, type FeedTimings } from './feed-supervisor.ts';

const TIMINGS: FeedTimings = { connectTimeoutMs: 1_000, staleAfterMs: 60_000, stableAfterMs: 30_000 };
const CHUNK_BYTES = 1_024;

interface Setting {
  readonly timings?: Partial<FeedTimings>;
  readonly intake?: TestIntake;
  readonly backoff?: Backoff;
  readonly nowMs?: () => number;
  readonly elapsedMs?: () => number;
}

function poolOf(intake: TestIntake): DecodePool {
  return new DecodePool({
    ...{ threads: 0, spawnThread: spawnDecodeThread, symbols: intake.symbols, frameMaxBytes: 256, workersPerSource: 2 },
    ...{ deliver: (batch) => intake.accept(batch), onWorkerLost: () => undefined, random: () => 0 },
  });
}

function supervise(source: FeedSource, setting: Setting = {}, pool = poolOf(setting.intake ?? new TestIntake())) {
  const changes: string[] = [];
  const intake = setting.intake ?? new TestIntake();
  const supervisor = new FeedSupervisor({
    ...{ source, sourceId: 0, epoch: 1, intake, pool },
    layout: { readBytes: CHUNK_BYTES, frameMaxBytes: 256, shared: false },
    timings: { ...TIMINGS, ...setting.timings },
    backoff: setting.backoff ?? new Backoff({ minMs: 1, maxMs: 5, random: () => 1 }),
    nowMs: setting.nowMs ?? (() => Date.now()),
    elapsedMs: setting.elapsedMs ?? (() => performance.now()),
    onChange: (_, from, to, reason) => void changes.push(`${from} → ${to}: ${reason}`),
    onReconnect: () => void changes.push('reconnected'),
  });
  return { supervisor, changes, pool };
}

async function feedFor(t: TestContext, onSocket?: ConstructorParameters<typeof TestFeed>[0]): Promise<TestFeed> {
  const feed = await new TestFeed(onSocket).listen();
  t.after(() => feed.close());
  return feed;
}

test('a feed that ends is connected to again, and every change of state is told once', async (t) => {
  const feed = await feedFor(t, (socket) => void socket.write(line(1)));
  const { supervisor, changes } = supervise(feed.source('one'));
  t.after(() => supervisor.stop());
  for (let round = 1; round <= 3; round++) {
    await until('live', () => supervisor.currentState === 'live');
    assert.equal(supervisor.status().reconnects, round - 1);
    for (const socket of feed.sockets) socket.end();
    await until('down', () => changes.filter((change) => change.includes('→ down')).length === round);
  }
  assert.deepEqual(changes.slice(0, 5), [
    ...[
      'connecting → live: data',
      'live → down: closed by peer',
      'reconnected',
      'down → live: data',
      'live → down: closed by peer',
    ],
  ]);
});

test('a port that nobody listens on is down, told once however often it is tried, and live when somebody does', async (t) => {
  const before = await new TestFeed().listen();
  const { port } = before;
  await before.close();
  const backoff = new Backoff({ minMs: 1, maxMs: 2, random: () => 1 });
  const { supervisor, changes } = supervise(before.source('one', port), { backoff });
  t.after(() => supervisor.stop());
  await until('ten tries', () => backoff.tries >= 10);
  assert.deepEqual(changes, ['connecting → down: ECONNREFUSED']);
  const feed = await new TestFeed((socket) => void socket.write(line(1))).listen(port);
  t.after(() => feed.close());
  await until('live', () => supervisor.currentState === 'live');
  assert.deepEqual(changes, ['connecting → down: ECONNREFUSED', 'down → live: data']);
});

test('waits between tries grow to the cap; only data over the stable time brings them back to the first', async (t) => {
  let offsetMs = 0;
  const backoff = new Backoff({ minMs: 8, maxMs: 32, random: () => 1 });
  const feed = await feedFor(t, (socket) => void socket.write(line(1)));
  const { supervisor } = supervise(feed.source('one'), {
    backoff,
    nowMs: () => Date.now() + offsetMs,
    elapsedMs: () => performance.now() + offsetMs,
  });
  t.after(() => supervisor.stop());
  const round = async (stableMs: number) => {
    await until('data', () => feed.sockets.size > 0 && supervisor.currentState === 'live');
    const count = feed.connectedAtMs.length;
    const before = supervisor.status().lastByteAtMs!;
    offsetMs += stableMs;
    feed.send(line(2));
    await until('more data', () => supervisor.status().lastByteAtMs! >= before + stableMs);
    for (const socket of feed.sockets) socket.destroy();
    await until('the next connection', () => feed.connectedAtMs.length > count);
  };
  for (let k = 1; k <= 4; k++) {
    await round(20_000);
    assert.equal(backoff.tries, k);
  }
  const gaps = feed.connectedAtMs.slice(1).map((atMs, k) => atMs - feed.connectedAtMs[k]!);
  for (const [k, leastMs] of [8, 16, 32, 32].entries()) assert.ok(gaps[k]! >= leastMs - 1, `wait ${k}: ${gaps[k]} ms`);
  await round(30_000);
  assert.equal(backoff.tries, 1);
});

test('a silent feed is stale, whether it has sent something or never did, and is connected to again', async (t) => {
  let connections = 0;
  const feed = await feedFor(t, (socket) => void (connections++ !== 1 && socket.write(line(1))));
  const { supervisor, changes } = supervise(feed.source('one'), { timings: { staleAfterMs: 120 } });
  t.after(() => supervisor.stop());
  await until('live again', () => changes.length >= 5);
  assert.deepEqual(changes.slice(0, 5), [
    ...[
      'connecting → live: data',
      'live → stale: no byte for 120 ms',
      'reconnected',
      'reconnected',
      'stale → live: data',
    ],
  ]);
});

test('silence while we do not read is not the feed’s: it begins when we read again', async (t) => {
  let offsetMs = 0;
  const feed = await feedFor(t);
  const intake = new TestIntake();
  const gate = Promise.withResolvers<void>();
  intake.gates.set(0, gate.promise);
  const { supervisor, changes, pool } = supervise(feed.source('one'), {
    intake,
    timings: { staleAfterMs: 1_000 },
    elapsedMs: () => performance.now() + offsetMs,
  });
  t.after(() => supervisor.stop());
  await until('connected', () => feed.sockets.size === 1);
  // A read at a time, until the bound is reached and nothing more is read.
  for (let k = 0; pool.fanOut.queuedItems === 0; k++) {
    feed.send(line(k + 1));
    await wait(5);
  }
  offsetMs += 50_000;
  await wait(120);
  gate.resolve();
  await wait(120);
  assert.deepEqual(changes, ['connecting → live: data']);
  await until('stale', () => supervisor.currentState === 'stale');
});

test('a process that was stopped for longer than that finds its feeds well: what they sent meanwhile is read', async (t) => {
  let offsetMs = 0;
  const feed = await feedFor(t);
  const intake = new TestIntake();
  const { supervisor, changes } = supervise(feed.source('one'), {
    intake,
    timings: { staleAfterMs: 2_000 },
    elapsedMs: () => performance.now() + offsetMs,
  });
  t.after(() => supervisor.stop());
  await until('connected', () => feed.sockets.size === 1);
  feed.send(line(1));
  await until('live', () => intake.prices().length === 1);
  offsetMs += 12_000;
  await wait(300);
  feed.send(line(2));
  await until('read', () => intake.prices().length === 2);
  assert.deepEqual(changes, ['connecting → live: data']);
  await until('silent after all', () => supervisor.currentState === 'stale');
});

test('a wall clock that is set back hides no dead feed', async (t) => {
  let byMs = 0;
  const feed = await feedFor(t);
  const { supervisor } = supervise(feed.source('one'), {
    timings: { staleAfterMs: 300 },
    nowMs: () => Date.now() - byMs,
  });
  t.after(() => supervisor.stop());
  await until('connected', () => feed.sockets.size === 1);
  feed.send(line(1));
  await until('live', () => supervisor.currentState === 'live');
  byMs = 3_600_000;
  await until('stale', () => supervisor.currentState === 'stale');
});

test('the unfinished last line counts when the feed ends, and not when we end it', async (t) => {
  const feed = await feedFor(t);
  const intake = new TestIntake();
  const { supervisor } = supervise(feed.source('one'), { intake });
  await until('connected', () => feed.sockets.size === 1);
  const last = line(7).trimEnd();
  for (const socket of feed.sockets) socket.end(`${line(6)}${last}`);
  await until('all is read', () => intake.prices().length === 2);
  assert.deepEqual(intake.prices(), [6, 7]);
  await until('connected again', () => intake.of(0).at(-1) === 'up' && feed.connectedAtMs.length === 2);
  feed.send(`${line(8)}{"symbol":"BTC`);
  await until('read', () => intake.prices().length === 3);
  await supervisor.stop();
  assert.deepEqual(intake.rejected(), {});
  assert.deepEqual(
    intake.of(0).filter((event) => typeof event === 'string'),
    ['up', 'down', 'up', 'down'],
  );
});

test('up comes before the first batch of a connection and down after its last', async (t) => {
  const feed = await feedFor(t, (socket) => void socket.end(`${line(1)}${line(2)}`));
  const intake = new TestIntake();
  const { supervisor } = supervise(feed.source('one'), { intake });
  await until('three connections', () => intake.of(0).filter((event) => event === 'down').length >= 3);
  await supervisor.stop();
  const order = intake.of(0).map((event) => (typeof event === 'string' ? event : 'ticks'));
  assert.deepEqual(order.slice(0, 9), ['up', 'ticks', 'down', 'up', 'ticks', 'down', 'up', 'ticks', 'down']);
});

test('a source that fails to open is tried again, and one that opens after the stop is closed', async () => {
  let opens = 0;
  const failing: FeedSource = { exchange: 'one', address: 'x', open: () => Promise.reject(new Error(`no ${++opens}`)) };
  const first = supervise(failing);
  await until('several tries', () => opens >= 3);
  await first.supervisor.stop();
  assert.deepEqual(first.changes, ['connecting → down: no 1']);

  const opening = Promise.withResolvers<{ host: string; port: number; close(): Promise<void> }>();
  let closed = 0;
  const second = supervise({ exchange: 'one', address: 'x', open: () => opening.promise });
  const stopped = second.supervisor.stop();
  opening.resolve({ host: '127.0.0.1', port: 1, close: async () => void closed++ });
  await stopped;
  assert.equal(closed, 1);
  assert.deepEqual(second.changes, []);
});

test('a hundred starts and stops, at any moment, leave no socket, no timer and no lane', async (t) => {
  const feed = await feedFor(t, (socket) => void socket.write(line(1)));
  const intake = new TestIntake();
  const pool = poolOf(intake);
  const before = handles();
  for (let k = 0; k < 100; k++) {
    const { supervisor } = supervise(feed.source('one'), { intake }, pool);
    if (k % 4 === 1) await wait(1);
    if (k % 4 === 2) await until('live', () => supervisor.currentState === 'live');
    if (k % 4 === 3) {
      await until('connected', () => feed.sockets.size > 0);
      for (const socket of feed.sockets) socket.destroy();
    }
    await supervisor.stop();
  }
  await until('all sockets are closed', () => feed.sockets.size === 0);
  assert.deepEqual(handles(), before);
  assert.equal(pool.fanOut.laneCount, 0);
  assert.equal(feed.opened, feed.closed);
  await pool.close();
});
