import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assertAuditEqual, assertBalanced, assertCandlesEqual, rejectedOf } from '../harness/candle-check.ts';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder, readAllCandles } from '../harness/data-folder.ts';
import { startEmulators } from '../harness/emulators.ts';
import { LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { LogOracle } from '../harness/log-oracle.ts';
import { SentRecord } from '../harness/sent-record.ts';
import { type Service, startService } from '../harness/service.ts';
import { readTickLog } from '../harness/tick-log-files.ts';
import { untilQuiet, waitUntil } from '../harness/wait.ts';

const TESTGEN = fileURLToPath(new URL('../../cmd/testgen/main.ts', import.meta.url));
const QUICK = {
  MARKETFLOW_MODE: 'live',
  MARKETFLOW_FEEDS_BACKOFF_MIN: '10ms',
  MARKETFLOW_FEEDS_BACKOFF_MAX: '50ms',
  MARKETFLOW_FEEDS_STALE_AFTER: '1s',
};

function startOn(t: TestContext, sources: string, dataDir = makeFolder(t)): Promise<Service> {
  return startService(t, { dataDir, environment: { ...QUICK, MARKETFLOW_LIVE_SOURCES: sources } });
}

async function stateOf(service: Service, exchange: string): Promise<string> {
  const { sources } = (await service.get('/health')).json();
  return sources.find((source: { exchange: string }) => source.exchange === exchange).state;
}

const good = () => lineOf({ symbol: 'BTCUSDT', price: 100, timestamp: Date.now() });

test('a connection that ends or is reset within a line costs that line only', async (t) => {
  const feed = await LineFeed.listen(t);
  const service = await startOn(t, sourcesOf({ exchange1: feed }));
  let received = 0;
  const reach = (count: number) =>
    waitUntil(`frame ${count}`, async () => (await service.audit()).received >= count, 10_000, 5);
  for (let round = 1; round <= 6; round++) {
    await feed.connected(round);
    await feed.send(`${good()}\n`);
    received++;
    await reach(received);
    await feed.send(good().slice(0, 10 + round * 7));
    if (round % 2 === 0) feed.reset();
    else feed.cut();
    received++;
    await reach(received);
  }
  await feed.connected(7);
  await feed.sendLines([good()]);
  await reach(received + 1);
  const audit = await service.audit();
  assertBalanced(audit);
  assert.deepEqual([audit.received, audit.counted, rejectedOf(audit)], [13, 7, { bad_json: 6 }]);
  const [source] = (await service.get('/health')).json().sources;
  assert.equal(source.reconnects, 6);
});

test('a peer that says nothing is stale and is tried again; others do not notice', async (t) => {
  const silent = await LineFeed.listen(t);
  const lively = await LineFeed.listen(t);
  const timer = setInterval(() => {
    for (const socket of lively.sockets) socket.write(`${good()}\n`);
  }, 50);
  atEnd(t, () => clearInterval(timer));
  const service = await startOn(t, sourcesOf({ exchange1: silent, exchange2: lively }));
  await silent.connected(1);
  const connectedAtMs = performance.now();
  await waitUntil('the silent feed is stale', async () => (await stateOf(service, 'exchange1')) === 'stale', 5_000);
  t.diagnostic(`stale after ${Math.round(performance.now() - connectedAtMs)} ms of 1000`);
  await silent.connected(3);
  assert.equal((await service.get('/readyz')).status, 200);
  assert.equal((await service.get('/health')).json().status, 'degraded');
  const changes = service.logLines().filter((line) => line['exchange'] === 'exchange1' && line['to'] !== undefined);
  assert.deepEqual(
    changes.map((line) => line['to']),
    ['stale'],
    'one line for the change, not for each try',
  );

  await silent.sendLines([good()]);
  await waitUntil('the feed is live', async () => (await stateOf(service, 'exchange1')) === 'live');
  const answer = (await service.get('/prices/latest/exchange1/BTCUSDT')).json();
  assert.deepEqual([answer.price, answer.status], [100, 'live']);
  assert.equal(lively.connections, 1);
});

test('an exchange that is frozen for a while comes back by itself', async (t) => {
  const args = [TESTGEN, '--exchange', 'exchange1=0', '--rate', '500', '--quantity'];
  const testgen = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  atEnd(t, async () => {
    testgen.kill('SIGKILL');
    if (testgen.exitCode === null && testgen.signalCode === null) await once(testgen, 'close');
  });
  const [text] = await once(testgen.stdout, 'data');
  const [, port = ''] = /:(\d+)\n/.exec(String(text)) ?? [];
  const service = await startOn(t, `exchange1=tcp://127.0.0.1:${port}`);
  await waitUntil('ticks', async () => (await service.audit()).counted > 100);
  testgen.kill('SIGSTOP');
  await waitUntil('the feed is stale', async () => (await stateOf(service, 'exchange1')) === 'stale', 5_000);
  await sleep(1_500);
  const { counted } = await service.audit();
  testgen.kill('SIGCONT');
  await waitUntil('ticks again', async () => (await service.audit()).counted > counted + 100, 15_000);
  assert.equal(await stateOf(service, 'exchange1'), 'live');
  assertBalanced(await service.audit());
});

/** Listens with room for one connection that nobody accepts, and tells its port. */
const FROZEN_LISTENER = `
const server = require('node:net').createServer((socket) => socket.resume());
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.stdout.write(String(server.address().port)));
`;

test('an exchange that answers no handshake is given up after the connect deadline, and found when it is back', async (t) => {
  const listener = spawn(process.execPath, ['-e', FROZEN_LISTENER], { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  atEnd(t, async () => {
    listener.kill('SIGKILL');
    if (listener.exitCode === null && listener.signalCode === null) await once(listener, 'close');
  });
  const port = Number(String((await once(listener.stdout, 'data'))[0]));
  listener.kill('SIGSTOP');
  const fillers: Socket[] = [];
  atEnd(t, () => {
    for (const filler of fillers) filler.destroy();
  });
  // Until the kernel takes no more: then a connection attempt just hangs.
  for (let isFull = false; !isFull; ) {
    assert.ok(fillers.length < 50, 'the backlog never fills');
    const filler = connect(port, '127.0.0.1').on('error', () => undefined);
    fillers.push(filler);
    isFull = await Promise.race([once(filler, 'connect').then(() => false), sleep(1_000).then(() => true)]);
  }
  const service = await startService(t, {
    dataDir: makeFolder(t),
    environment: {
      ...QUICK,
      MARKETFLOW_LIVE_SOURCES: `exchange1=tcp://127.0.0.1:${port}`,
      MARKETFLOW_FEEDS_CONNECT_TIMEOUT: '300ms',
    },
  });
  await waitUntil('the feed is down', async () => (await stateOf(service, 'exchange1')) === 'down', 10_000);
  const told = service.logLines().find((line) => line['exchange'] === 'exchange1' && line['to'] === 'down');
  assert.match(JSON.stringify(told), /no connection within 300 ms/);
  for (const filler of fillers) filler.destroy();
  listener.kill('SIGCONT');
  await waitUntil('it connects', async () => (await stateOf(service, 'exchange1')) !== 'down', 20_000);
});

test('lines in pieces of a few bytes, in bursts and with every fault at once, are all accounted for', async (t) => {
  const sent = new SentRecord();
  const faults =
    'split:0.3,burst:0.5:2000,crlf:0.05,blank:0.05,reorder:0.2,duplicate:0.05,garbage,schema,badutf8,long:0.002,unknown,zero,negative,infinite,quantity,seconds,micros,future,late';
  const { emulators, sources } = await startEmulators(t, {
    ...{ ticksPerSecond: 400, seed: 11, withQuantity: true, faults },
    onSent: sent.onSent,
  });
  const dataDir = makeFolder(t);
  const service = await startOn(t, sources, dataDir);
  await sleep(4_000);
  await Promise.all(emulators.map((emulator) => emulator.close()));
  await untilQuiet(async () => (await service.audit()).received);
  const audit = await service.audit();
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  const oracle = new LogOracle((tick) => sent.claim(tick));
  await readTickLog(dataDir, oracle.take);
  assertAuditEqual(audit, oracle);
  assertCandlesEqual(readAllCandles(dataDir), oracle);
  assert.ok(audit.counted > 1_000, `only ${audit.counted} ticks`);
});

test('a source that floods does not starve another', async (t) => {
  const flood = await startEmulators(t, { exchanges: ['exchange1'], ticksPerSecond: 'max', seed: 1 });
  const trickle = await startEmulators(t, { exchanges: ['exchange2'], ticksPerSecond: 100, seed: 1 });
  const service = await startOn(t, `${flood.sources},${trickle.sources}`);
  await waitUntil('both feeds', async () => (await service.audit()).exchanges.every(({ counted }) => counted > 100));
  let oldestMs = 0;
  for (let i = 0; i < 20; i++) {
    await sleep(100);
    const answer = (await service.get('/prices/latest/exchange2/BTCUSDT')).json();
    oldestMs = Math.max(oldestMs, answer.ageMs, Date.now() - answer.timestamp);
  }
  const audit = await service.audit();
  assertBalanced(audit);
  const [flooding] = audit.exchanges;
  t.diagnostic(`${flooding?.counted} ticks of the flood; the other's newest tick was ${oldestMs} ms old at most`);
  assert.ok(oldestMs < 2_000, `${oldestMs} ms`);
});
