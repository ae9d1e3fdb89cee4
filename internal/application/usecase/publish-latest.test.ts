import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryLatestPrices, PriceShelf } from '../../adapter/out/memory/memory-latest-prices.ts';
import type { Answer, LatestPrice } from '../port/in/queries.ts';
import type { LatestPrices, Published, SourceNews } from '../port/out/latest-prices.ts';
import { noteHappenings } from './fakes.test-kit.ts';
import { PublishLatest } from './publish-latest.ts';
import { Simulation, SYMBOLS } from './query-prices.test-kit.ts';
import { QueryPublished } from './query-published.ts';
import { SymbolDirectory } from './symbol-directory.ts';
import { WatchPublished } from './watch-published.ts';

/** Fails when it is told to, before or after the call took effect. */
class FailingCache extends MemoryLatestPrices {
  failing: 'no' | 'before' | 'after' = 'no';
  foreignKeys: readonly string[] = [];
  readonly told: SourceNews[] = [];

  override async publish(news: SourceNews): Promise<Published> {
    if (this.failing === 'before') throw new Error('no connection');
    this.told.push(news);
    const published = await super.publish(news);
    if (this.failing === 'after') throw new Error('no answer');
    return { ...published, foreignKeys: this.foreignKeys };
  }
}

const COMMITTED_WITHIN_MS = 400_000;
/** After a silence of this the clock closes minutes, and a commit follows. */
const SILENT_MS = 14_000;

/** A publishing process over a simulated pipeline, and another process that answers. */
class Publishing {
  readonly sim: Simulation;
  readonly shelf = new PriceShelf();
  readonly happenings: string[] = [];
  cache!: FailingCache;
  publisher!: PublishLatest;
  elapsedMs = 0;
  committedAtMs: number;
  private runs = 0;

  constructor(intervalsMs?: readonly number[]) {
    this.sim = new Simulation(intervalsMs);
    this.committedAtMs = this.sim.clock.ms;
    this.start();
  }

  start(): void {
    const { sim, shelf } = this;
    const run = { startedAtMs: ++this.runs, tag: `run${this.runs}` };
    this.cache = new FailingCache(shelf, run, sim.clock.nowMs);
    this.publisher = new PublishLatest({
      ...{ state: sim.state, cache: this.cache, feeds: sim.feeds, nowMs: sim.clock.nowMs },
      elapsedMs: () => this.elapsedMs,
      symbols: new SymbolDirectory(SYMBOLS, SYMBOLS, 8),
      happenings: noteHappenings(this.happenings),
      report: () => ({ health: { sources: [] }, audit: {}, symbols: [], exchanges: [] }) as never,
    });
  }

  async commit(): Promise<void> {
    this.committedAtMs = this.sim.clock.ms;
    await this.sim.commit();
  }

  async closeMinutes(): Promise<void> {
    const { sim } = this;
    for (const { id, overdueUpToMs } of sim.state
      .knownSources()
      .map((source) => ({ id: source.id, overdueUpToMs: source.overdueUpToMs(sim.clock.ms) })))
      if (overdueUpToMs !== null) sim.append({ kind: 'finalise', source: id, upToMs: overdueUpToMs });
    await this.commit();
  }

  /** As long as it takes for everything to be told again, bounded. */
  async catchUp(): Promise<void> {
    for (let k = 0; k < 2_000; k++) {
      this.elapsedMs += 1_000;
      await this.publisher.flush();
      if (this.publisher.isCaughtUp) return;
    }
    assert.fail(`not caught up: ${JSON.stringify(this.publisher.health())}`);
  }

  async ask<T>(question: (queries: QueryPublished) => T | Promise<T>): Promise<T> {
    const { sim, shelf } = this;
    const cache: LatestPrices = new MemoryLatestPrices(shelf, { startedAtMs: 0, tag: 'reader' }, sim.clock.nowMs);
    const settings = { mode: 'live', symbols: SYMBOLS } as const;
    const watch = new WatchPublished({ cache, store: sim.store, settings, nowMs: sim.clock.nowMs });
    await watch.start();
    try {
      return await question(new QueryPublished({ watch, cache, store: sim.store, nowMs: sim.clock.nowMs }));
    } finally {
      await watch.stop();
    }
  }
}

/** Those whose windows have the same edges in both kinds of process. */
const PERIODS = Object.entries({
  '61s': 61_000,
  '5m': 300_000,
  '10m': 600_000,
  '11m': 660_000,
  '1h': 3_600_000,
  '5h': 18_000_000,
});
const question = fc.record({
  exchange: fc.constantFrom(null, 'one', 'two'),
  symbol: fc.constantFrom(...SYMBOLS),
  period: fc.constantFrom(null, ...PERIODS.map(([text, ms]) => ({ text, ms }))),
});
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

const tick = fc.record({
  symbol: fc.nat({ max: 1 }),
  price: fc.integer({ min: 1, max: 300 }).map((n) => n / 10),
  backMs: fc.oneof(
    { arbitrary: fc.integer({ min: 0, max: 400 }), weight: 6 },
    { arbitrary: fc.integer({ min: 0, max: 125_000 }), weight: 2 },
    { arbitrary: fc.integer({ min: -5_000, max: 0 }), weight: 1 },
  ),
});
const act = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('ticks' as const),
      source: fc.constantFrom(0, 1, 3),
      raw: fc.array(tick, { maxLength: 12 }),
    }),
    weight: 8,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.oneof(fc.nat({ max: 2_000 }), fc.nat({ max: 90_000 }), fc.nat({ max: 900_000 })),
    }),
    weight: 8,
  },
  { arbitrary: fc.record({ kind: fc.constant('commit' as const) }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('flush' as const) }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('restart' as const) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('empty' as const) }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      when: fc.constantFrom('before' as const, 'after' as const),
    }),
    weight: 2,
  },
  { arbitrary: fc.record({ kind: fc.constant('ask' as const), question }), weight: 5 },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

async function play(publishing: Publishing, one: Act): Promise<void> {
  const { sim, shelf } = publishing;
  if (one.kind === 'wait') {
    // While commits fail for longer than seconds are kept, nobody but the pipeline has what lies between.
    if (sim.clock.ms + one.ms > publishing.committedAtMs + COMMITTED_WITHIN_MS) await publishing.commit();
    sim.clock.ms += one.ms;
    if (one.ms > SILENT_MS) await publishing.closeMinutes();
  } else if (one.kind === 'ticks') {
    const { source } = one;
    sim.ticks(
      source,
      one.raw.map(({ symbol, price, backMs }) => ({ source, symbol, price, atMs: sim.clock.ms - backMs })),
    );
  } else if (one.kind === 'commit') await publishing.commit();
  else if (one.kind === 'flush') await publishing.publisher.flush();
  else if (one.kind === 'empty') shelf.clear();
  else if (one.kind === 'restart') {
    await sim.restart();
    publishing.start();
  } else if (one.kind === 'fail') {
    publishing.cache.failing = one.when;
    await publishing.publisher.flush();
    publishing.cache.failing = 'no';
  } else await assertAlike(publishing, one.question);
}

/** The process with the pipeline, and the one that only reads, say the same. */
async function assertAlike(publishing: Publishing, { exchange, symbol, period }: Question): Promise<void> {
  const { sim } = publishing;
  await publishing.catchUp();
  const own = [
    await sim.queries.highest(exchange, symbol, period),
    await sim.queries.lowest(exchange, symbol, period),
    await sim.queries.average(exchange, symbol, period),
    sim.queries.latest(exchange, symbol),
  ];
  const read = await publishing.ask(async (queries) => [
    await queries.highest(exchange, symbol, period),
    await queries.lowest(exchange, symbol, period),
    await queries.average(exchange, symbol, period),
    await queries.latest(exchange, symbol),
  ]);
  assert.deepEqual(read.map(comparable), own.map(comparable));
}

/** Status is a matter of reports; of two exchanges with the same figure at the same time either may be named. */
function comparable(answer: Answer<object>): object {
  if (!answer.ok) return { failure: answer.failure };
  const { status: _, exchange: __, ...figures } = answer.value as LatestPrice;
  return figures;
}

for (const [kept, intervalsMs] of [
  ['with', [1_000, 60_000]],
  ['without', [60_000]],
] as const) {
  test(`whatever is lost, fails or restarts: another process reads what this one answers, to the last tick (${kept} candles of a second)`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 5, maxLength: 50 }),
        fc.array(question, { minLength: 4, maxLength: 4 }),
        async (acts, last) => {
          const publishing = new Publishing(intervalsMs);
          for (const one of acts) await play(publishing, one);
          for (const one of last) await assertAlike(publishing, one);
        },
      ),
      { numRuns: 120 },
    );
  });
}

const ONE = { symbol: 0, price: 5, backMs: 0 };

async function started(): Promise<Publishing> {
  const publishing = new Publishing();
  await play(publishing, { kind: 'ticks', source: 0, raw: [ONE] });
  await publishing.catchUp();
  publishing.cache.told.length = 0;
  return publishing;
}

test('however many ticks there were, a flush tells each pair once, and nothing when there is no news', async () => {
  const publishing = await started();
  for (let k = 0; k < 50; k++) {
    publishing.sim.clock.ms += 3;
    await play(publishing, { kind: 'ticks', source: 0, raw: [{ ...ONE, price: k + 1 }] });
  }
  await publishing.publisher.flush();
  const [told, ...more] = publishing.cache.told;
  assert.deepEqual([told?.exchange, told?.latest.length, told?.latest[0]?.price, more.length], ['one', 1, 50, 0]);
  assert.deepEqual(
    told?.seconds.map(({ summary }) => summary.count),
    [51],
  );
  await publishing.publisher.flush();
  assert.equal(publishing.cache.told.length, 1);
});

test('with nothing new, what was told is looked after every half second', async () => {
  const publishing = await started();
  publishing.shelf.clear();
  publishing.elapsedMs += 499;
  await publishing.publisher.flush();
  assert.deepEqual(publishing.cache.told, []);
  for (let k = 0; k < 3; k++) {
    publishing.elapsedMs += 1;
    await publishing.publisher.flush();
  }
  assert.equal(await publishing.cache.latest('live', 'one', 'BTC').then((tick) => tick?.price), 5);
  assert.notEqual(await publishing.cache.standing(), null);
});

test('health says what is wrong; the first failure of a series and its end are told, once', async () => {
  const publishing = new Publishing();
  const { publisher, happenings } = publishing;
  assert.deepEqual(publisher.health(), { kind: 'memory', status: 'degraded', detail: 'nothing has been written yet' });
  await publishing.catchUp();
  assert.deepEqual(publisher.health(), { kind: 'memory', status: 'ok' });
  publishing.cache.failing = 'before';
  for (let k = 0; k < 3; k++) {
    publishing.elapsedMs += 1_000;
    await publisher.flush();
  }
  assert.deepEqual(publisher.health(), { kind: 'memory', status: 'degraded', detail: 'no connection' });
  publishing.cache.failing = 'no';
  await publishing.catchUp();
  assert.deepEqual(happenings, ['cacheFailed(no connection)', 'cacheRecovered(3000)']);

  publishing.cache.foreignKeys = ['a', 'b', 'c', 'd'];
  await publishing.catchUp();
  assert.match(publisher.health().detail ?? '', /\(WRONGTYPE\) is under a, b, c and \d+ more: left alone/);
  publishing.cache.foreignKeys = [];
  for (let k = 0; k < 3; k++) await publishing.catchUp();
  assert.deepEqual(publisher.health(), { kind: 'memory', status: 'ok' });
});

test('a process that is superseded says so, writes nothing, and takes over when the later one has left nothing', async () => {
  const publishing = await started();
  const { publisher: earlier, cache } = publishing;
  publishing.start();
  await publishing.catchUp();
  await play(publishing, { kind: 'ticks', source: 0, raw: [{ ...ONE, price: 6 }] });
  for (let k = 0; k < 3; k++) {
    publishing.elapsedMs += 1_000;
    await earlier.flush();
  }
  assert.match(earlier.health().detail ?? '', /another process, started later, writes under the same prefix/);
  assert.equal((await cache.latest('live', 'one', 'BTC'))?.price, 5);
  publishing.shelf.clear();
  for (let k = 0; k < 4; k++) {
    publishing.elapsedMs += 1_000;
    await earlier.flush();
  }
  assert.equal(earlier.health().status, 'ok');
  assert.equal((await cache.latest('live', 'one', 'BTC'))?.price, 6);
});

test('a stop tells what has come since the last flush, and closes the cache', async () => {
  const publishing = await started();
  await play(publishing, { kind: 'ticks', source: 0, raw: [{ ...ONE, price: 7 }] });
  await publishing.publisher.stop();
  await assert.rejects(publishing.cache.standing(), { code: 'closed' });
  assert.equal(publishing.shelf.sources.get('live one')?.latest.get('BTC')?.price, 7);
});

test('seconds that are not all told yet answer no question: the store does, as far as it goes', async () => {
  const publishing = await started();
  const { sim, cache } = publishing;
  await publishing.commit();
  sim.clock.ms += 5_000;
  await play(publishing, { kind: 'ticks', source: 0, raw: [{ ...ONE, price: 9 }] });
  await publishing.catchUp();
  const ask = (text: string, ms: number) => publishing.ask((queries) => queries.highest('one', 'BTC', { text, ms }));
  const counted = async (text: string, ms: number) => {
    const answer = await ask(text, ms);
    assert.ok(answer.ok);
    return answer.value;
  };
  assert.equal((await counted('5m', 300_000)).count, 2);
  await cache.publish({
    ...{ mode: 'live', exchange: 'one', full: false, latest: [], seconds: [] },
    coveredFromMs: sim.clock.ms,
    storedBeforeMs: sim.clock.ms - (sim.clock.ms % 60_000),
  });
  for (const [text, ms] of [
    ['5m', 300_000],
    ['1h', 3_600_000],
  ] as const) {
    const { count, price, from, to, timestamp } = await counted(text, ms);
    assert.deepEqual([count, price, from % 60_000, to], [1, 5, 0, timestamp + 1]);
  }
});

test('a late tick is told also when its minute has left memory before it could be', async () => {
  const publishing = await started();
  const { clock } = publishing.sim;
  const minuteMs = clock.ms - (clock.ms % 60_000);
  clock.ms = minuteMs + 179_980;
  await play(publishing, { kind: 'ticks', source: 0, raw: [ONE, { ...ONE, backMs: 119_990 }] });
  await publishing.commit();
  clock.ms += 30;
  await play(publishing, { kind: 'ticks', source: 0, raw: [ONE] });
  await publishing.commit();
  assert.deepEqual(
    [...publishing.sim.state.knownSources()].map(({ evictedBeforeMs }) => evictedBeforeMs)[0],
    minuteMs + 60_000,
  );
  for (const period of [{ text: '5m', ms: 300_000 }, { text: '1h', ms: 3_600_000 }, null])
    await assertAlike(publishing, { exchange: 'one', symbol: 'BTC', period });
});
