import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Chunk } from './chunk.ts';
import { DecodePool } from './decode-pool.ts';
import type { DecodeThreadData } from './decode-thread.ts';
import { line, NAMES, spawnDecodeThread, TestIntake, TIME_MS, until } from './exchange.test-kit.ts';
import { type Decoded, readBatch } from './line-json/decode.test-kit.ts';

const FRAME_MAX_BYTES = 256;

interface Setting {
  readonly threads: number;
  readonly spawnThread?: (data: DecodeThreadData) => Worker;
}

function setUp(t: TestContext, { threads, spawnThread = spawnDecodeThread }: Setting) {
  const delivered: { source: number; receivedAtMs: number; decoded: Decoded | null }[] = [];
  const lost: string[] = [];
  const symbols = new TestIntake().symbols;
  const pool = new DecodePool({
    ...{ threads, spawnThread, symbols, frameMaxBytes: FRAME_MAX_BYTES, workersPerSource: 3, random: () => 0 },
    deliver: async (batch) => {
      const { source, receivedAtMs } = batch;
      const at = delivered.push({ source, receivedAtMs, decoded: null }) - 1;
      // Accepted late and unevenly: the batch has to stay as it is until then.
      await wait(receivedAtMs % 3);
      delivered[at] = { source: batch.source, receivedAtMs: batch.receivedAtMs, decoded: readBatch(batch, NAMES) };
    },
    onWorkerLost: (reason) => void lost.push(reason),
  });
  const lanes = [0, 1].map(() => ({ lane: pool.openLane(() => undefined), freeChunks: [] as Chunk[] }));
  const offer = async (source: number, text: string, k: number, tooLong = 0) => {
    const { lane, freeChunks } = lanes[source]!;
    const chunk =
      freeChunks.pop() ?? new Chunk({ readBytes: 4_096, frameMaxBytes: FRAME_MAX_BYTES, shared: threads > 0 });
    chunk.target.set(Buffer.from(text));
    Object.assign(chunk, { start: chunk.headBytes, end: chunk.headBytes + Buffer.byteLength(text), tooLong });
    const job = { chunk, source, epoch: 1, receivedAtMs: TIME_MS + k, freeChunks };
    while (!lane.offer(job)) await wait(1);
  };
  const finish = async () => {
    for (const { lane } of lanes) {
      lane.close();
      await lane.drained();
      pool.closeLane(lane);
    }
    await pool.close();
  };
  t.after(() => pool.close());
  return { offer, finish, delivered, lost };
}

/** Chunk k of a source: few or many lines, with quantities, ids, errors, and long ones before it. */
function chunkText(source: number, k: number): string {
  const more = k % 2 ? `,"quantity":${k},"tradeId":${k}` : '';
  const good = `{"symbol":"ETHUSDT","price":${k + 1},"timestamp":${TIME_MS}${more}}\r\n`;
  return `${line(source * 1_000 + k)}${good.repeat((k * 7) % 23)}{"symbol":\n\n${line('-1')}${line(1, 'NOPE')}`;
}

test('in this thread or in others: the same batches, each source in its order', async (t) => {
  const outcomes = [];
  for (const threads of [0, 2]) {
    const { offer, finish, delivered, lost } = setUp(t, { threads });
    for (let k = 0; k < 40; k++) for (const source of [0, 1]) await offer(source, chunkText(source, k), k, k % 5);
    await finish();
    assert.deepEqual(lost, []);
    outcomes.push([0, 1].map((source) => delivered.filter((batch) => batch.source === source)));
  }
  assert.equal(outcomes[0]![0]!.length, 40);
  assert.deepEqual(outcomes[1], outcomes[0]);
  const times = outcomes[0]![1]!.map(({ receivedAtMs }) => receivedAtMs);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});

/** A thread that ends as soon as it has something to do, having scribbled over the columns. */
const SUICIDAL = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', (message) => {
    if (message.kind !== 'task') return;
    new Uint8Array(message.task.columns).fill(0xff);
    process.exit(3);
  });
`;
const spawnSuicidal = (data: DecodeThreadData) => new Worker(SUICIDAL, { eval: true, workerData: data });

test('a chunk whose thread dies is done once again, and delivered once, in its place', async (t) => {
  let spawned = 0;
  const { offer, finish, delivered, lost } = setUp(t, {
    threads: 1,
    spawnThread: (data) => (spawned++ === 0 ? spawnSuicidal(data) : spawnDecodeThread(data)),
  });
  for (let k = 0; k < 6; k++) await offer(0, line(k + 1), k);
  await finish();
  assert.deepEqual(
    delivered.map(({ decoded }) => decoded?.ticks.map(({ price }) => price)),
    [[1], [2], [3], [4], [5], [6]],
  );
  assert.equal(
    delivered.every(({ decoded }) => decoded?.frames === 1 && Object.keys(decoded.rejected).length === 0),
    true,
  );
  assert.equal(lost.length, 1);
  assert.equal(spawned, 2);
});

test('a chunk that no thread survives is shed: its lines are counted, and none of them is a tick', async (t) => {
  const { offer, finish, delivered, lost } = setUp(t, { threads: 1, spawnThread: spawnSuicidal });
  await offer(0, `${line(1)}${line(2)}${line(3)}`, 0, 2);
  await until('the chunk is given up', () => delivered[0]?.decoded !== undefined && delivered[0].decoded !== null);
  const { frames, ticks, rejected } = delivered[0]!.decoded!;
  assert.deepEqual({ frames, ticks, rejected }, { frames: 5, ticks: [], rejected: { shed: 3, frame_too_long: 2 } });
  assert.equal(lost.length, 2, 'tried twice, not more');
  await finish();
});

test('threads hear of symbols that are added while they run, however many, before the chunks of a later turn', async (t) => {
  const intake = new TestIntake();
  const symbols = { ...intake.symbols, limit: 2_002, open: true };
  const listeners: ((entry: { name: string; id: number }) => void)[] = [];
  let entriesAsked = 0;
  const entries = [...intake.symbols.entries()];
  const seen: Decoded[] = [];
  const names: string[] = [];
  const pool = new DecodePool({
    ...{
      threads: 1,
      spawnThread: spawnDecodeThread,
      frameMaxBytes: FRAME_MAX_BYTES,
      workersPerSource: 3,
      random: () => 0,
    },
    symbols: {
      ...symbols,
      entries: () => {
        entriesAsked++;
        return entries;
      },
      onAdded: (listener) => void listeners.push(listener),
    },
    deliver: async (batch) => {
      names.push(...batch.newSymbols);
      seen.push(
        readBatch(
          batch,
          entries.map(({ name }) => name),
        ),
      );
    },
    onWorkerLost: (reason) => assert.fail(reason),
  });
  t.after(() => pool.close());
  const lane = pool.openLane(() => undefined);
  const freeChunks: Chunk[] = [];
  const decode = async (text: string) => {
    const chunk = new Chunk({ readBytes: 4_096, frameMaxBytes: FRAME_MAX_BYTES, shared: true });
    chunk.target.set(Buffer.from(text));
    Object.assign(chunk, { start: chunk.headBytes, end: chunk.headBytes + text.length });
    const before = seen.length;
    lane.offer({ chunk, source: 0, epoch: 1, receivedAtMs: TIME_MS, freeChunks });
    await until('decoded', () => seen.length > before);
  };
  await decode(line(1, 'N0'));
  assert.deepEqual(names.splice(0), ['N0']);
  entriesAsked = 0;
  for (let k = 0; k < 2_000; k++) {
    const entry = { name: `N${k}`, id: entries.length };
    entries.push(entry);
    for (const listener of listeners) listener(entry);
  }
  await wait(0);
  await decode(line(1, 'N1999'));
  assert.deepEqual([names, seen.at(-1)!.ticks[0]!.symbol], [[], 'N1999']);
  assert.ok(entriesAsked < 10, `the whole list was sent ${entriesAsked} times`);
});
