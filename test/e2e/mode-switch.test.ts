import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertBalanced } from '../harness/candle-check.ts';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder, readCandles } from '../harness/data-folder.ts';
import { LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { establishedSockets } from '../harness/process-sockets.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

const SWITCH_MAX_MS = 2_000;
/** Live prices are about 5,000 and those of test mode about 5: a tick in a row of the other mode would show. */
const LIVE_PRICE = 5_000;
const TEST_PRICE = 5;

/** A feed that sends a tick of about `price` every few milliseconds to whoever listens. */
async function chatter(t: TestContext, price: number): Promise<LineFeed> {
  const feed = await LineFeed.listen(t);
  let sent = 0;
  const timer = setInterval(() => {
    const line = lineOf({ symbol: 'BTCUSDT', price: price + (sent++ % 10) / 10, timestamp: Date.now() });
    for (const socket of feed.sockets) socket.write(`${line}\n`.repeat(5));
  }, 5);
  atEnd(t, () => clearInterval(timer));
  return feed;
}

async function startBoth(t: TestContext) {
  const live = { exchange1: await chatter(t, LIVE_PRICE), exchange2: await chatter(t, LIVE_PRICE) };
  const trial = { exchange1: await chatter(t, TEST_PRICE), exchange2: await chatter(t, TEST_PRICE) };
  const dataDir = makeFolder(t);
  const environment = {
    MARKETFLOW_LIVE_SOURCES: sourcesOf(live),
    MARKETFLOW_TEST_SOURCES: sourcesOf(trial),
  };
  return { dataDir, environment };
}

async function switchTo(service: Service, mode: string) {
  const fromMs = performance.now();
  const answer = await service.post(`/mode/${mode}`);
  const tookMs = performance.now() - fromMs;
  assert.equal(answer.status, 200, answer.text);
  assert.ok(tookMs <= SWITCH_MAX_MS, `a switch took ${tookMs} ms`);
  return answer.json() as { mode: string; epoch: number; since: number };
}

function assertPricesApart(dataDir: string): void {
  const rows = readCandles(dataDir);
  for (const mode of ['live', 'test'])
    assert.ok(
      rows.some((row) => row.mode === mode),
      `no row of ${mode} mode`,
    );
  for (const { mode, low, high } of rows) {
    const price = mode === 'live' ? LIVE_PRICE : TEST_PRICE;
    assert.ok(low >= price && high <= price + 1, `${mode} mode has prices from ${low} to ${high}`);
  }
}

test('a switch takes effect at once, mixes nothing, and is remembered over a restart', async (t) => {
  const { dataDir, environment } = await startBoth(t);
  let service = await startService(t, { dataDir, environment });
  const price = async () => (await service.get('/prices/latest/BTCUSDT')).json().price as number | undefined;
  await waitUntil('a price of test mode', async () => Math.floor((await price()) ?? 0) === TEST_PRICE);
  const first = (await service.get('/mode')).json();
  assert.deepEqual([first.mode, first.epoch], ['test', 1]);
  assert.deepEqual(await switchTo(service, 'test'), first, 'the same mode again changes nothing');

  const second = await switchTo(service, 'live');
  assert.deepEqual([second.mode, second.epoch], ['live', 2]);
  assert.ok(second.since >= first.since);
  assert.notEqual(Math.floor((await price()) ?? 0), TEST_PRICE);
  await waitUntil('a price of live mode', async () => Math.floor((await price()) ?? 0) === LIVE_PRICE);
  const lowest = (await service.get('/prices/lowest/BTCUSDT')).json();
  assert.ok(lowest.price >= LIVE_PRICE, `history of live mode holds ${lowest.price}`);

  // Remembered, and stronger than the setting; kill -9 changes nothing about that.
  for (const end of ['stop', 'kill'] as const) {
    await service[end]();
    service = await startService(t, { dataDir, environment: { ...environment, MARKETFLOW_MODE: 'test' } });
    const mode = (await service.get('/mode')).json();
    assert.deepEqual(mode, second);
  }
  const third = await switchTo(service, 'test');
  assert.deepEqual([third.mode, third.epoch], ['test', 3]);
  await waitUntil('a price of test mode', async () => Math.floor((await price()) ?? 0) === TEST_PRICE);
  assertBalanced(await service.audit());
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  assertPricesApart(dataDir);
});

test('a mode that was never switched by hand follows the setting', async (t) => {
  const { dataDir, environment } = await startBoth(t);
  for (const mode of ['live', 'test', 'live']) {
    const service = await startService(t, { dataDir, environment: { ...environment, MARKETFLOW_MODE: mode } });
    assert.equal((await service.get('/mode')).json().mode, mode);
    await service.stop();
  }
});

test('100 switches from 10 clients leave handles, sockets and books as they were', async (t) => {
  const { dataDir, environment } = await startBoth(t);
  const service = await startService(t, {
    dataDir,
    environment: {
      MARKETFLOW_LIVE_SOURCES: environment.MARKETFLOW_LIVE_SOURCES,
      MARKETFLOW_TEST_SOURCES: environment.MARKETFLOW_TEST_SOURCES,
      MARKETFLOW_FEEDS_BACKOFF_MIN: '10ms',
    },
  });
  await switchTo(service, 'live');
  await switchTo(service, 'test');
  const isLive = async () =>
    (await service.get('/health')).json().sources.every((source: { state: string }) => source.state === 'live');
  const calm = async () => {
    await waitUntil('all sources are live', isLive);
    await sleep(300);
    return { handles: service.handleCount(), sockets: establishedSockets(service.pid) };
  };
  const before = await calm();
  const epochBefore = (await service.get('/mode')).json().epoch;

  const startedAtMs = performance.now();
  const epochs: number[] = [];
  const client = async (number: number) => {
    for (let i = 0; i < 10; i++) {
      const { epoch, mode } = await switchTo(service, (i + number) % 2 === 0 ? 'live' : 'test');
      epochs.push(epoch);
      assert.equal(mode, (epoch - epochBefore) % 2 === 0 ? 'test' : 'live', `epoch ${epoch} is of ${mode} mode`);
      await sleep(250);
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, number) => client(number)));
  const tookMs = performance.now() - startedAtMs;
  await switchTo(service, 'test');
  const after = await calm();
  t.diagnostic(`100 switches in ${Math.round(tookMs)} ms, epochs ${epochBefore} to ${Math.max(...epochs)}`);
  assert.ok(tookMs < 10_000, `${tookMs} ms`);
  assert.deepEqual(after, before);
  assertBalanced(await service.audit());
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  assertPricesApart(dataDir);
});

test('kill -9 in the middle of switches: no answered switch is forgotten, nothing is mixed, the books balance', async (t) => {
  const { dataDir, environment } = await startBoth(t);
  const options = { dataDir, environment: { ...environment, MARKETFLOW_FEEDS_BACKOFF_MIN: '10ms' } };
  let answered = { mode: 'test', epoch: 1 };
  for (let round = 0; round < 8; round++) {
    const service = await startService(t, options);
    const { mode, epoch } = (await service.get('/mode')).json();
    // A switch that nobody was told of may have happened too.
    assert.ok(epoch > answered.epoch || mode === answered.mode, `${mode} ${epoch} after ${JSON.stringify(answered)}`);
    assert.ok(epoch >= answered.epoch, `epoch ${epoch} after ${answered.epoch}`);
    assertBalanced(await service.audit());
    let isKilled = false;
    const clients = Array.from({ length: 4 }, async (_, client) => {
      for (let i = 0; !isKilled; i++) {
        const answer = await service.post(`/mode/${(i + client) % 2 === 0 ? 'live' : 'test'}`).catch(() => null);
        if (answer?.status !== 200) return;
        const switched = answer.json();
        if (switched.epoch >= answered.epoch) answered = switched;
      }
    });
    await sleep(40 + round * 23);
    isKilled = true;
    assert.deepEqual(await service.kill(), { code: null, signal: 'SIGKILL' });
    await Promise.all(clients);
  }
  const service = await startService(t, options);
  for (const [mode, price] of [
    ['live', LIVE_PRICE],
    ['test', TEST_PRICE],
  ] as const) {
    await switchTo(service, mode);
    const latest = async () => (await service.get('/prices/latest/BTCUSDT')).json().price as number | undefined;
    await waitUntil(`a price of ${mode} mode`, async () => Math.floor((await latest()) ?? 0) === price);
  }
  assertBalanced(await service.audit());
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  assertPricesApart(dataDir);
  t.diagnostic(`${answered.epoch} epochs over eight kills`);
});
