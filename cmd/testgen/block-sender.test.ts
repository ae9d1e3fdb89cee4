import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExchangeEmulator } from './emulator.ts';
import { patchTimestamps, patchTradeIds, renderBlock } from './line-block.ts';
import { TickSource } from './tick-source.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'DOGEUSDT'];
const START_MS = 1_789_999_999_990;

function emulatorAtMax(withQuantity: boolean): ExchangeEmulator {
  const address = { exchange: 'exchange1', host: '127.0.0.1', port: 0 };
  return new ExchangeEmulator({ ...address, symbols: SYMBOLS, ticksPerSecond: 'max', seed: 1, withQuantity });
}

/** Reads until `bytesWanted`, and notes when each chunk came. */
async function read(
  port: number,
  bytesWanted: number,
): Promise<{ text: string; arrivals: { endByte: number; atMs: number }[] }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  const arrivals: { endByte: number; atMs: number }[] = [];
  let bytes = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    arrivals.push({ endByte: bytes, atMs: Date.now() });
    if (bytes >= bytesWanted) break;
  }
  return { text: Buffer.concat(chunks).toString(), arrivals };
}

test('patching changes all times and ids and nothing else, over every carry', () => {
  const source = new TickSource('exchange1', SYMBOLS, 1, true, START_MS);
  const block = renderBlock(source, true, 100, START_MS);
  const linesNow = () =>
    block.bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const before = linesNow();
  for (const aheadMs of [0, 1, 9, 10, 11, 999, 10_010, 123_456_789]) {
    patchTimestamps(block, START_MS + aheadMs);
    patchTradeIds(block, source);
    for (const [i, tick] of linesNow().entries()) {
      assert.equal(tick.timestamp, START_MS + aheadMs);
      assert.deepEqual(
        [tick.symbol, tick.price, tick.quantity],
        [before[i].symbol, before[i].price, before[i].quantity],
      );
    }
  }
  const idsBefore = before.map(({ tradeId }) => tradeId);
  // Eight patches of 34 lines of the first symbol and 33 of the others.
  assert.deepEqual(
    linesNow().map(({ tradeId }, i) => tradeId - idsBefore[i]),
    idsBefore.map((_, i) => (i % 3 === 0 ? 272 : 264)),
  );
});

for (const withQuantity of [false, true]) {
  test(`at max rate every line is a good tick of now, in order, ${withQuantity ? 'with' : 'without'} quantity`, async () => {
    const emulator = emulatorAtMax(withQuantity);
    const { port } = await emulator.listen();
    const startedAtMs = Date.now();
    const { text, arrivals } = await read(port, 20_000_000);
    await emulator.close();
    const lastIds = new Map<string, number>();
    let lastMs = startedAtMs;
    let endByte = 0;
    let chunk = 0;
    for (const line of text.slice(0, text.lastIndexOf('\n')).split('\n')) {
      const tick: { symbol: string; price: number; timestamp: number; tradeId?: number } = JSON.parse(line);
      endByte += line.length + 1;
      while (arrivals[chunk]!.endByte < endByte) chunk++;
      const ageMs = arrivals[chunk]!.atMs - tick.timestamp;
      assert.ok(tick.price > 0 && tick.timestamp >= lastMs && ageMs >= 0 && ageMs < 100, `${line} is ${ageMs} ms old`);
      lastMs = tick.timestamp;
      if (!withQuantity) continue;
      assert.equal(tick.tradeId, (lastIds.get(tick.symbol) ?? tick.tradeId! - 1) + 1);
      lastIds.set(tick.symbol, tick.tradeId!);
    }
    assert.ok(new Set(text.match(/"timestamp":\d+/g)).size > 3, 'time went on');
  });
}

test('several clients at max rate never get the same trade id', async () => {
  const emulator = emulatorAtMax(true);
  const { port } = await emulator.listen();
  const texts = await Promise.all([read(port, 3_000_000), read(port, 3_000_000), read(port, 3_000_000)]);
  await emulator.close();
  const ids = texts
    .flatMap(({ text }) => text.match(/"BTCUSDT".*"tradeId":\d{16}(?=}\n)/g) ?? [])
    .map((line) => line.slice(-16));
  assert.ok(ids.length > 20_000);
  assert.equal(new Set(ids).size, ids.length);
});

test('a client that stops reading stops its sender, costs no memory, and goes on later', async (t) => {
  const emulator = emulatorAtMax(false);
  t.after(() => emulator.close());
  const { port } = await emulator.listen();
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  await sleep(100);
  socket.pause();
  // The kernel's buffers fill up first, however long that takes on a busy machine.
  let linesBefore = -1;
  for (let tries = 0; tries < 50 && emulator.counters.lines !== linesBefore; tries++) {
    linesBefore = emulator.counters.lines;
    await sleep(200);
  }
  const rssBefore = process.memoryUsage.rss();
  await sleep(300);
  assert.equal(emulator.counters.lines, linesBefore);
  assert.ok(process.memoryUsage.rss() - rssBefore < 8 * 1_048_576);
  const bytesBefore = bytes;
  socket.resume();
  for (let tries = 0; tries < 100 && bytes <= bytesBefore + 1_000_000; tries++) await sleep(50);
  assert.ok(bytes > bytesBefore + 1_000_000);
  assert.ok(emulator.counters.lines > linesBefore);
});
