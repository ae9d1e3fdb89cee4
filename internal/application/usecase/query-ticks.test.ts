import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryTickLog } from '../../adapter/out/memory/memory-tick-log.ts';
import type { LogEntry, LogRecord } from '../../domain/model/log-record.ts';
import { TickBatch } from '../../domain/model/tick-batch.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { AcceptedTick, TickQuestion } from '../port/in/candle-queries.ts';
import type { TickLog } from '../port/out/tick-log.ts';
import { newState, T0 } from './fakes.test-kit.ts';
import { QueryTicks, type QueryTicksParts } from './query-ticks.ts';

const SYMBOLS = ['BTC', 'ETH'];

/** A log with two sources and two symbols, and beside it what is in it. */
class World {
  readonly log = new MemoryTickLog();
  readonly state: MarketState = newState();
  readonly ticks: (AcceptedTick & { readonly source: number; readonly symbol: number })[] = [];

  static async open(): Promise<World> {
    const world = new World();
    await world.append({ kind: 'mode', mode: 'live', epoch: 1, atMs: T0, switched: false });
    for (const [id, exchange] of ['one', 'two'].entries())
      await world.append({ kind: 'source', id, mode: 'live', exchange });
    for (const [id, name] of SYMBOLS.entries()) await world.append({ kind: 'symbol', id, name });
    return world;
  }

  async append(record: LogRecord): Promise<void> {
    this.state.apply(record, await this.log.append(record));
  }

  async chunk(source: number, receivedAt: number, ticks: readonly [symbol: number, price: number, agoMs: number][]) {
    const batch = new TickBatch(Math.max(1, ticks.length));
    batch.reset(source, 1, receivedAt);
    for (const [symbol, price, agoMs] of ticks) {
      batch.push(symbol, price, receivedAt - agoMs);
      this.ticks.push({
        ...{ source, symbol, price, timestamp: receivedAt - agoMs, receivedAt, quantity: null, tradeId: null },
      });
    }
    await this.append({ kind: 'ticks', batch });
  }

  queries(changes: Partial<QueryTicksParts> = {}): QueryTicks {
    return new QueryTicks({
      ...{
        log: this.log,
        state: this.state,
        exchanges: () => ['one', 'two', 'silent'],
        nowMs: () => performance.now(),
      },
      knowsSymbol: (name) => SYMBOLS.includes(name) || name === 'TON',
      ...changes,
    });
  }

  of(source: number, symbol: number, fromMs = 0, toMs = Number.POSITIVE_INFINITY): AcceptedTick[] {
    return this.ticks
      .filter((tick) => tick.source === source && tick.symbol === symbol)
      .filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs)
      .map(({ source: _, symbol: __, ...tick }) => tick);
  }
}

const QUESTION: TickQuestion = {
  ...{ mode: null, exchange: 'one', symbol: 'BTC', fromMs: null, toMs: null, limit: 500, order: 'desc', after: null },
};

async function walk(queries: QueryTicks, changes: Partial<TickQuestion>) {
  let question = { ...QUESTION, ...changes };
  const ticks: AcceptedTick[] = [];
  for (let pages = 1; pages < 2_000; pages++) {
    const answer = await queries.ticks(question);
    assert.ok(answer.ok);
    assert.ok(answer.value.ticks.length <= question.limit);
    ticks.push(...answer.value.ticks);
    if (answer.value.next === null) return { ticks, pages };
    question = { ...question, after: answer.value.next };
  }
  throw new Error('it does not end');
}

const chunks = fc.array(
  fc.record({
    source: fc.integer({ min: 0, max: 1 }),
    afterMs: fc.integer({ min: 0, max: 3_000 }),
    ticks: fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 1 }),
        fc.integer({ min: 1, max: 99 }),
        fc.integer({ min: -5_000, max: 20_000 }),
      ),
      { maxLength: 6 },
    ),
  }),
  { maxLength: 40 },
);

test('pages of any size, in both orders, within any range and with any budget, add up to what was accepted', async () => {
  const question = fc.record({
    order: fc.constantFrom('asc', 'desc'),
    limit: fc.integer({ min: 1, max: 12 }),
    from: fc.integer({ min: -10_000, max: 90_000 }),
    length: fc.integer({ min: 1, max: 90_000 }),
    records: fc.constantFrom(3, 7, 1_000),
  });
  await fc.assert(
    fc.asyncProperty(chunks, question, async (drawn, { order, limit, from, length, records }) => {
      const world = await World.open();
      let nowMs = T0;
      for (const { source, afterMs, ticks } of drawn) {
        nowMs += afterMs;
        await world.chunk(source, nowMs, ticks);
      }
      const range = { fromMs: T0 + from, toMs: T0 + from + length };
      const queries = world.queries({ work: { searchMs: 10_000, records, ticks: 1_000 } });
      const { ticks } = await walk(queries, { order, limit, ...range });
      const expected = world.of(0, 0, range.fromMs, range.toMs);
      assert.deepEqual(ticks, order === 'asc' ? expected : expected.toReversed());
    }),
  );
});

test('the newest ticks of a range are found behind however many records without ticks', async () => {
  const world = await World.open();
  await world.chunk(0, T0, [[0, 7, 0]]);
  for (let i = 0; i < 600; i++) {
    await world.append({ kind: 'feed', source: 1, epoch: 1, up: i % 2 === 0, atMs: T0 + i });
  }
  const { ticks } = await walk(world.queries(), { fromMs: T0 - 1 });
  assert.deepEqual(ticks, world.of(0, 0));
  assert.equal(ticks.length, 1);
});

test('a log of many blocks is walked through backwards, however small the budget', async () => {
  const world = await World.open();
  for (let i = 0; i < 3_000; i++) await world.chunk(i % 2, T0 + i * 10, [[i % 3 === 0 ? 0 : 1, i + 1, 0]]);
  const expected = world.of(0, 0).toReversed();
  assert.equal(expected.length, 500);
  const small = await walk(world.queries({ work: { searchMs: 10_000, records: 300, ticks: 1_000 } }), { limit: 400 });
  assert.deepEqual(small.ticks, expected);
  assert.ok(small.pages > 4, `${small.pages} pages`);
  const large = await walk(world.queries(), { limit: 400 });
  assert.deepEqual([large.ticks, large.pages], [expected, 2]);
});

test('backwards, what was received long before the range is not read', async () => {
  const world = await World.open();
  for (let i = 0; i < 2_000; i++) await world.chunk(0, T0 + i * 1_000, [[0, i + 1, 0]]);
  let read = 0;
  const counting = countReads(world.log, () => read++);
  const answer = await world.queries({ log: counting }).ticks({ ...QUESTION, fromMs: T0 + 1_990_000, limit: 50 });
  assert.equal(answer.ok && answer.value.ticks.length, 10);
  // One block, the next that shows that all in it is too old, and the log's beginning.
  assert.ok(read <= 256 + 1_024 + 10, `${read} records`);
});

test('backwards, ticks that came ahead of their time are found among what was received before the range', async () => {
  const world = await World.open();
  await world.chunk(0, T0, [[0, 7, -4_900]]);
  for (let i = 0; i < 600; i++) await world.chunk(0, T0 + i, [[1, 5, 0]]);
  const answer = await world.queries().ticks({ ...QUESTION, fromMs: T0 + 4_800 });
  assert.deepEqual(answer.ok && answer.value.ticks.map(({ price }) => price), [7]);
});

test('it says from when on the log has ticks, also after it let some go', async () => {
  const world = await World.open();
  for (let i = 0; i < 10; i++) await world.chunk(1, T0 + i * 1_000, [[1, 5, 0]]);
  const queries = world.queries();
  const available = async () => {
    const answer = await queries.ticks(QUESTION);
    return answer.ok ? answer.value.availableFromMs : null;
  };
  assert.equal(await available(), T0);
  world.log.release(5 + 3);
  assert.equal(await available(), T0 + 3_000);
  world.log.release(1_000);
  assert.equal(await available(), null);
});

test('names are found in any case and told apart; a pair without ticks has an empty page', async () => {
  const world = await World.open();
  await world.chunk(0, T0, [[0, 7, 0]]);
  const asked = async (changes: Partial<TickQuestion>) => {
    const answer = await world.queries().ticks({ ...QUESTION, ...changes });
    return answer.ok ? answer.value.ticks.map(({ price }) => price) : answer.failure;
  };
  assert.deepEqual(await asked({ exchange: 'ONE', symbol: 'btc' }), [7]);
  assert.deepEqual(await asked({ symbol: 'ETH' }), []);
  assert.deepEqual(await asked({ symbol: 'TON' }), []);
  assert.deepEqual(await asked({ exchange: 'silent' }), []);
  assert.deepEqual(await asked({ mode: 'test' }), []);
  assert.equal(await asked({ exchange: 'three' }), 'unknown_exchange');
  assert.equal(await asked({ symbol: 'XRP' }), 'unknown_symbol');
});

test('a log that hangs is unavailable in time; too many questions are refused at once', async () => {
  const world = await World.open();
  await world.chunk(0, T0, [[0, 7, 0]]);
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const queries = world.queries({ log: gated(world.log, gate) });
  const asked = Array.from({ length: 12 }, () => queries.ticks(QUESTION));
  const first = await Promise.race(asked);
  assert.equal(first.ok ? null : first.failure, 'unavailable');
  const answers = await Promise.all(asked);
  assert.deepEqual(
    answers.map((answer) => (answer.ok ? null : answer.failure)),
    Array(12).fill('unavailable'),
  );
  open();
  const endAtMs = performance.now() + 10_000;
  while (!(await queries.ticks(QUESTION)).ok) assert.ok(performance.now() < endAtMs, 'it does not recover');
});

test('other work has its turn while the log is searched', async () => {
  const world = await World.open();
  for (let i = 0; i < 5_000; i++) await world.chunk(1, T0 + i, [[1, 5, 0]]);
  let turns = 0;
  const counter = setInterval(() => turns++, 0);
  const tick = () => {
    turns++;
    immediate = setImmediate(tick);
  };
  let immediate = setImmediate(tick);
  await world.queries().ticks(QUESTION);
  clearInterval(counter);
  clearImmediate(immediate);
  assert.ok(turns >= 10, `${turns} turns`);
});

function countReads(log: TickLog, onRead: () => void): TickLog {
  return overRead(log, async function* (entries) {
    for await (const entry of entries) {
      onRead();
      yield entry;
    }
  });
}

function gated(log: TickLog, gate: Promise<void>): TickLog {
  return overRead(log, async function* (entries) {
    await gate;
    yield* entries;
  });
}

function overRead(log: TickLog, over: (entries: AsyncIterable<LogEntry>) => AsyncIterable<LogEntry>): TickLog {
  return {
    append: (record) => log.append(record),
    read: (after) => over(log.read(after)),
    release: (position) => log.release(position),
    stats: () => log.stats(),
    close: () => log.close(),
  };
}
