import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { FaultInjector, type FaultyBatch } from './fault-injector.ts';
import { FAULT_KINDS, FAULTS, type FaultCounts, type FaultKind, noFaultCounts, parseFaults } from './faults.ts';
import { LineRenderer } from './line-renderer.ts';
import type { Expectation } from './sent-batch.ts';
import { TickColumns, TickSource } from './tick-source.ts';

const NOW_MS = Date.UTC(2026, 7, 10);
const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'DOGEUSDT'];
const LINE_KINDS = FAULT_KINDS.filter((kind) => FAULTS[kind].per === 'line');

/** The feed's contract by JSON.parse: an oracle that shares nothing with the renderer. */
class Judge {
  readonly #lastIds = new Map<string, number>();
  #newestMs = 0;

  judge(bytes: Buffer): Expectation {
    if (bytes.length > 65_536) return 'frame_too_long';
    if (!isUtf8(bytes)) return 'bad_utf8';
    const text = bytes.toString();
    if (/^[ \t\r]*$/.test(text)) return 'blank';
    let value: Record<string, unknown>;
    try {
      value = JSON.parse(text);
    } catch {
      return 'bad_json';
    }
    return this.#judgeValue(value);
  }

  #judgeValue(value: Record<string, unknown>): Expectation {
    if (value === null || typeof value !== 'object') return 'bad_schema';
    const { symbol, price, timestamp, quantity, tradeId } = value;
    if (typeof symbol !== 'string' || typeof price !== 'number' || typeof timestamp !== 'number') return 'bad_schema';
    if (quantity !== undefined && typeof quantity !== 'number') return 'bad_schema';
    if (tradeId !== undefined && !(Number.isSafeInteger(tradeId) && Number(tradeId) >= 0)) return 'bad_schema';
    if (!(price > 0 && price < Infinity)) return 'bad_price';
    if (quantity !== undefined && !(quantity >= 0 && quantity < Infinity)) return 'bad_quantity';
    if (timestamp < Date.UTC(2009, 0, 1) || timestamp > Date.UTC(2100, 0, 1)) return 'bad_time';
    if (!SYMBOLS.includes(symbol)) return 'unknown_symbol';
    if (timestamp > NOW_MS + 5_000) return 'future';
    if (tradeId !== undefined && Number(tradeId) <= (this.#lastIds.get(symbol) ?? -1)) return 'duplicate';
    if (timestamp < this.#newestMs - 122_000) return 'late';
    this.#newestMs = Math.max(this.#newestMs, timestamp);
    if (tradeId !== undefined) this.#lastIds.set(symbol, Number(tradeId));
    return 'tick';
  }
}

interface Composed {
  readonly batch: FaultyBatch;
  readonly counts: FaultCounts;
}

function compose(
  faults: string,
  withQuantity: boolean,
  tickCount: number,
  seedKey = 'seed',
  ticksPerSecond = 1e6,
): Composed {
  const problems: string[] = [];
  const plan = parseFaults(faults, problems);
  assert.deepEqual(problems, []);
  const source = new TickSource('exchange1', SYMBOLS, 1, withQuantity, NOW_MS);
  const ticks = new TickColumns(tickCount);
  for (let i = 0; i < tickCount; i++) source.append(ticks, NOW_MS - 1_000 + Math.floor((i * 1_000) / tickCount));
  ticks.burstFrom = tickCount;
  const renderer = new LineRenderer(source, withQuantity);
  const counts = noFaultCounts();
  const injector = new FaultInjector({
    ...{ plan, seedKey, source, renderer, withQuantity, ticksPerSecond, counts },
    listLines: true,
  });
  return { batch: injector.compose(ticks), counts };
}

/** Each line's fault, with the judge's verdict checked against what the batch says. */
function verdicts({ batch }: Composed): { fault: FaultKind | null; text: string; expect: Expectation }[] {
  const judge = new Judge();
  let nextByte = 0;
  const judged = (batch.lines ?? []).map(({ startByte, endByte, fault, expect }) => {
    assert.equal(startByte, nextByte);
    nextByte = batch.bytes.indexOf(10, endByte) + 1;
    assert.ok(nextByte - endByte <= 2, 'the line ends where its terminator begins');
    const bytes = batch.bytes.subarray(startByte, endByte);
    assert.equal(bytes.indexOf(10), -1);
    assert.equal(judge.judge(bytes), expect, `${fault}: ${bytes.subarray(0, 200)}`);
    return { fault, text: bytes.toString(), expect };
  });
  assert.equal(nextByte, batch.bytes.length, 'the lines are all of the bytes');
  assert.equal(batch.lineCount, judged.length);
  return judged;
}

for (const withQuantity of [false, true]) {
  test(`every fault is what the contract makes of it, ${withQuantity ? 'with' : 'without'} quantity`, () => {
    for (const kind of LINE_KINDS) {
      const composed = compose(`${kind}:0.5`, withQuantity, kind === 'long' ? 20 : 1_000);
      const faulty = verdicts(composed).filter(({ fault }) => fault === kind);
      assert.equal(composed.counts[kind], faulty.length);
      assert.ok(faulty.length > (kind === 'long' ? 2 : 400), `${kind} came ${faulty.length} times`);
    }
  });

  test(`all faults together, ${withQuantity ? 'with' : 'without'} quantity`, () => {
    const judged = verdicts(compose(LINE_KINDS.map((kind) => `${kind}:0.04`).join(','), withQuantity, 5_000));
    assert.deepEqual(new Set(judged.map(({ fault }) => fault)), new Set([null, ...LINE_KINDS]));
  });
}

test('what the kinds do that a verdict does not show', () => {
  const crlf = compose('crlf:1', false, 10).batch.bytes.toString();
  assert.equal(crlf.split('\r\n').length, 11);
  const twice = verdicts(compose('duplicate:1', true, 10));
  assert.ok(twice.every(({ text }, i) => text === twice[i - (i % 2)]!.text));
  assert.deepEqual(
    twice.slice(0, 2).map(({ expect }) => expect),
    ['tick', 'duplicate'],
  );
  const times = verdicts(compose('reorder:1', false, 1_000)).map(({ text }) => JSON.parse(text).timestamp - NOW_MS);
  assert.ok(times.some((atMs, i) => i > 0 && atMs < times[i - 1]!));
  assert.ok(times.every((atMs, i) => atMs <= i - 1_000 && atMs > i - 1_500));
  const { splits, bytes } = compose('split:1', false, 10).batch;
  assert.equal(splits.length, 10);
  assert.equal(splits.at(-1)?.endByte, bytes.length);
  assert.equal(verdicts(compose('late:1', false, 10))[0]?.fault ?? null, null);
});

test('disconnect and stall come after a second of ticks and end the batch', () => {
  for (const [kind, after] of [['disconnect', 'disconnect'] as const, ['stall', 'stall'] as const]) {
    const { batch, counts } = compose(`${kind}:1`, false, 250, 'seed', 100);
    assert.deepEqual([batch.after, batch.lineCount, counts[kind]], [after, 100, 1]);
  }
  assert.equal(compose('disconnect:0', false, 250, 'seed', 100).batch.lineCount, 250);
});

test('the same seed gives the same bytes, another seed others', () => {
  const faults = 'garbage:0.1,unknown:0.1,badutf8:0.1,reorder:0.2';
  const { bytes } = compose(faults, true, 1_000).batch;
  assert.ok(compose(faults, true, 1_000).batch.bytes.equals(bytes));
  assert.ok(!compose(faults, true, 1_000, 'other').batch.bytes.equals(bytes));
});
