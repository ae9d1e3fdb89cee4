import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EmulatorOptions, ExchangeEmulator } from './emulator.ts';
import { parseFaults } from './faults.ts';
import { linesOf, type SentBatch } from './sent-batch.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'DOGEUSDT', 'SOLUSDT', 'TONUSDT'];

async function start(options: Partial<EmulatorOptions>): Promise<{ emulator: ExchangeEmulator; port: number }> {
  const standard = {
    exchange: 'exchange1',
    host: '127.0.0.1',
    port: 0,
    symbols: SYMBOLS,
    ticksPerSecond: 1_000,
    seed: 1,
  };
  const emulator = new ExchangeEmulator({ ...standard, ...options });
  const { port } = await emulator.listen();
  return { emulator, port };
}

class Client {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => this.chunks.push(chunk));
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  lines(): string[] {
    return this.bytes().toString().split('\n').slice(0, -1);
  }

  /** All whole lines, once there are `count`; waits for at most 5 s. */
  async linesOnce(count: number): Promise<string[]> {
    for (let i = 0; i < 500 && this.lines().length < count; i++) await sleep(10);
    return this.lines();
  }
}

function withoutTimes(lines: string[], count: number): string[] {
  return lines.slice(0, count).map((line) => line.replace(/"timestamp":\d+/, ''));
}

test('the same seed and exchange send the same symbols and prices; times are of now and in order', async () => {
  const runs: string[][] = [];
  for (const options of [{}, {}, { seed: 2 }]) {
    const { emulator, port } = await start(options);
    const client = new Client(port);
    const lines = await client.linesOnce(200);
    const times = lines.map((line) => Number(JSON.parse(line).timestamp));
    await emulator.close();
    assert.ok(times.every((atMs, i) => Math.abs(Date.now() - atMs) < 2_000 && (i === 0 || atMs >= times[i - 1]!)));
    runs.push(withoutTimes(lines, 200));
  }
  assert.deepEqual(runs[1], runs[0]);
  assert.notDeepEqual(runs[2], runs[0]);
});

test('the rate is exact over seconds, however late the timers are', async () => {
  const rates = [100, 3_333, 200_000];
  const running = await Promise.all(rates.map((ticksPerSecond) => start({ ticksPerSecond })));
  const startedAtMs = performance.now();
  const clients = running.map(({ port }) => new Client(port));
  const blocker = setInterval(() => {
    for (const untilMs = performance.now() + 60; performance.now() < untilMs; );
  }, 200);
  await sleep(2_500);
  clearInterval(blocker);
  await sleep(100);
  const elapsedS = (performance.now() - startedAtMs) / 1_000;
  const sent = running.map(({ emulator }) => emulator.counters.lines);
  for (const { emulator } of running) await emulator.close();
  for (const [i, rate] of rates.entries()) {
    // What is due now may be up to a batch (20 ms) and the connection's start ahead of what was sent.
    const missing = rate * elapsedS - sent[i]!;
    assert.ok(missing >= -1 && missing <= rate * 0.06 + 1, `${rate}/s: ${missing} missing after ${elapsedS} s`);
    assert.ok(clients[i]!.lines().length <= sent[i]!);
  }
});

test('all clients get the live stream from when they join, and one emulator serves no more than 64', async () => {
  const { emulator, port } = await start({ withQuantity: true });
  const first = new Client(port);
  await first.linesOnce(50);
  const second = new Client(port);
  const late = await second.linesOnce(50);
  const early = await first.linesOnce(150);
  const joinedAt = early.indexOf(late[0]!);
  assert.ok(joinedAt >= 50);
  assert.deepEqual(early.slice(joinedAt, joinedAt + 40), late.slice(0, 40));
  const others = Array.from({ length: 66 }, () => new Client(port));
  await sleep(200);
  assert.equal(others.filter(({ socket }) => socket.destroyed).length, 4);
  assert.equal(emulator.counters.connections, 64);
  await emulator.close();
});

test('without clients the market stands still: the next client gets the ticks that come next', async () => {
  const { emulator, port } = await start({ withQuantity: true });
  const first = new Client(port);
  const seen = await first.linesOnce(50);
  first.socket.destroy();
  await sleep(400);
  const sentBefore = emulator.counters.lines;
  const [next = ''] = await new Client(port).linesOnce(1);
  await emulator.close();
  const idOf = (line: string) => Number(JSON.parse(line).tradeId);
  const idsMissed = idOf(next) - idOf(seen[0]!) - sentBefore / SYMBOLS.length;
  assert.ok(Math.abs(idsMissed) <= 1, `${idsMissed} ids of a symbol missed`);
});

test('what onSent tells is what arrives, with all faults on and lines in pieces', async () => {
  const kinds =
    'split:0.1,crlf,blank,reorder,duplicate,garbage,schema,badutf8,long:0.001,unknown,zero,seconds,future,late';
  const faults = parseFaults(kinds, []);
  const told: Buffer[] = [];
  let lineCount = 0;
  const onSent = (batch: SentBatch) => {
    told.push(Buffer.from(batch.bytes));
    lineCount += [...linesOf(batch)].length;
  };
  const { emulator, port } = await start({ faults, onSent, withQuantity: true, ticksPerSecond: 2_000 });
  const client = new Client(port);
  await sleep(1_000);
  const expected = Buffer.concat(told);
  for (let i = 0; i < 300 && client.bytes().length < expected.length; i++) await sleep(10);
  const received = client.bytes();
  const { counters } = emulator;
  assert.ok(received.subarray(0, expected.length).equals(expected));
  assert.ok(
    client.chunks.some((chunk) => chunk.length === 1),
    'a byte came alone',
  );
  assert.ok(expected.length > 50_000);
  assert.equal(lineCount, counters.lines);
  assert.ok(counters.faults.split > 50 && counters.faults.garbage > 0);
  await emulator.close();
});

test('disconnect closes after whole lines, and the client may come again', async () => {
  const { emulator, port } = await start({ faults: parseFaults('disconnect:1,split:0.5', []), ticksPerSecond: 200 });
  for (let round = 1; round <= 2; round++) {
    const client = new Client(port);
    await once(client.socket, 'close', { signal: AbortSignal.timeout(4_000) });
    assert.equal(client.lines().length, 200);
    assert.equal(client.bytes().at(-1), 10);
    assert.equal(emulator.counters.faults.disconnect, round);
  }
  await emulator.close();
});

test('stall keeps the connection and sends nothing for its time; burst sends more than the rate', async () => {
  const stalling = await start({ faults: parseFaults('stall:1:500', []), ticksPerSecond: 100 });
  const bursting = await start({ faults: parseFaults('burst:1:5000', []), ticksPerSecond: 100 });
  const stalled = new Client(stalling.port);
  const burst = new Client(bursting.port);
  await sleep(1_300);
  assert.deepEqual([stalled.lines().length, stalled.socket.readyState], [100, 'open']);
  const count = burst.lines().length;
  assert.ok(count > 5_100 && count < 5_200, `${count} lines`);
  assert.equal(bursting.emulator.counters.faults.burst, 5_000);
  await sleep(700);
  assert.ok(stalled.lines().length > 110);
  await Promise.all([stalling.emulator.close(), bursting.emulator.close()]);
});

test('a client that does not read is dropped at 8 MiB, the others are served', async () => {
  const { emulator, port } = await start({ ticksPerSecond: 500_000 });
  const deaf = connect(port, '127.0.0.1').on('error', () => {});
  deaf.pause();
  const good = new Client(port);
  for (let i = 0; i < 400 && emulator.counters.droppedConnections === 0; i++) await sleep(10);
  assert.equal(emulator.counters.droppedConnections, 1);
  const before = good.lines().length;
  await sleep(100);
  assert.ok(good.lines().length > before);
  deaf.destroy();
  await emulator.close();
});

test('a taken port is an error of listen, and close after it is harmless', async () => {
  const { emulator, port } = await start({});
  const options = { exchange: 'exchange2', host: '127.0.0.1', port, symbols: SYMBOLS, ticksPerSecond: 1, seed: 1 };
  const second = new ExchangeEmulator(options);
  await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
  await second.close();
  await emulator.close();
  await emulator.close();
});

test('a hundred starts and stops with clients leave no handle', async () => {
  await sleep(50);
  const before = process.getActiveResourcesInfo();
  for (let round = 0; round < 100; round++) {
    const faults = round % 3 === 0 ? parseFaults('split:0.5', []) : undefined;
    const { emulator, port } = await start({ ticksPerSecond: round % 3 === 1 ? 'max' : 10_000, faults });
    const client = new Client(port);
    await once(client.socket, 'data');
    const gone = once(client.socket, 'close');
    await emulator.close();
    await gone;
  }
  await sleep(50);
  assert.deepEqual(process.getActiveResourcesInfo().sort(), before.sort());
});
