import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactSumOf } from '../../domain/service/naive-market.test-kit.ts';
import type { Answer } from '../port/in/queries.ts';
import { EXCHANGES, oracle, Simulation, SYMBOLS } from './query-prices.test-kit.ts';

const PERIODS = {
  '100ms': 100,
  '700ms': 700,
  '10s': 10_000,
  '1m': 60_000,
  '61s': 61_000,
  '5m': 300_000,
  '10m': 600_000,
};
const LONG = { '601s': 601_000, '11m': 660_000, '1h': 3_600_000, '5h': 18_000_000 };
const ALL_PERIODS = Object.entries({ ...PERIODS, ...LONG }).map(([text, ms]) => ({ text, ms }));

const question = fc.record({
  exchange: fc.constantFrom(null, 'one', 'two', 'old'),
  symbol: fc.nat({ max: 1 }),
  period: fc.constantFrom(null, ...ALL_PERIODS),
});
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

/** Asks for all three figures, and says afterwards whether they are those of the ticks that were counted at the time. */
function ask(sim: Simulation, { exchange, symbol, period }: Question): () => Promise<void> {
  const { from, to, ticks } = oracle(sim.counted, exchange, symbol, period?.ms ?? null, sim.clock.ms);
  const name = SYMBOLS[symbol]!;
  const asked = Promise.all([
    sim.queries.highest(exchange, name, period),
    sim.queries.lowest(exchange, name, period),
    sim.queries.average(exchange, name, period),
  ]);
  return async () => {
    const answers = await asked;
    if (ticks.length === 0) {
      for (const answer of answers) assert.equal(!answer.ok && answer.failure, 'no_data');
      return;
    }
    const times = ticks.map(({ atMs }) => atMs);
    const window = { from: from ?? Math.min(...times), to: to ?? Math.max(...times) + 1, period: period?.text ?? null };
    const prices = ticks.map(({ price }) => price);
    const [highest, lowest, average] = answers.map(answered);
    for (const [value, wanted] of [
      [highest, Math.max(...prices)],
      [lowest, Math.min(...prices)],
    ] as const) {
      const at = Math.min(...ticks.filter(({ price }) => price === wanted).map(({ atMs }) => atMs));
      const holders = ticks
        .filter((tick) => tick.price === wanted && tick.atMs === at)
        .map(({ source }) => EXCHANGES[source]);
      assert.ok(holders.includes((value as { exchange: string }).exchange));
      const { exchange: _, ...rest } = value as { exchange: string };
      assert.deepEqual(rest, { symbol: name, price: wanted, timestamp: at, count: ticks.length, ...window });
    }
    const mean = exactSumOf(prices) / prices.length;
    assert.deepEqual(average, { exchange, symbol: name, price: mean, count: ticks.length, ...window });
  };
}

function answered<T>(answer: Answer<T>): T {
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.value;
}

const jump = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 2_000 }), weight: 5 },
  { arbitrary: fc.integer({ min: 0, max: 90_000 }), weight: 3 },
  { arbitrary: fc.integer({ min: 0, max: 3_000_000 }), weight: 1 },
);

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
      source: fc.nat({ max: 3 }),
      raw: fc.array(tick, { maxLength: 12 }),
    }),
    weight: 8,
  },
  { arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: jump }), weight: 8 },
  { arbitrary: fc.record({ kind: fc.constant('commit' as const) }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('restart' as const) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('ask' as const), question }), weight: 5 },
  { arbitrary: fc.record({ kind: fc.constant('slow' as const), question }), weight: 3 },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

const OLD_MS = 7_200_000;

async function play(sim: Simulation, one: Act, held: (() => Promise<void>)[]): Promise<void> {
  if (one.kind === 'wait') sim.clock.ms += one.ms;
  else if (one.kind === 'ticks') {
    const offsetMs = one.source === 2 ? OLD_MS : 0;
    sim.ticks(
      one.source,
      one.raw.map(({ symbol, price, backMs }) => ({
        source: one.source,
        symbol,
        price,
        atMs: sim.clock.ms - backMs - offsetMs,
      })),
    );
  } else if (one.kind === 'commit') await sim.commit();
  else if (one.kind === 'restart') await sim.restart();
  else if (one.kind === 'ask') await ask(sim, one.question)();
  else {
    // The store's answer comes after what happens next: ticks, commits that evict, restarts.
    const gate = Promise.withResolvers<void>();
    sim.store.gate = gate.promise;
    const check = ask(sim, one.question);
    sim.store.gate = Promise.resolve();
    held.push(async () => {
      gate.resolve();
      await check();
    });
  }
}

test('period queries are exact over hours, commits, evictions and restarts: no tick is missed or counted twice at a seam', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 5, maxLength: 70 }),
      fc.array(question, { minLength: 6, maxLength: 6 }),
      async (acts, last) => {
        const sim = new Simulation();
        const held: (() => Promise<void>)[] = [];
        for (const one of acts) {
          await play(sim, one, held);
          if (held.length > 2) await held.shift()!();
        }
        for (const check of held) await check();
        for (const one of last) await ask(sim, one)();
      },
    ),
    { numRuns: 500 },
  );
});

test('the latest price is that of the newest event time of the mode, over one exchange or all, also after a restart', async () => {
  const sim = new Simulation();
  const at = sim.clock.ms;
  sim.ticks(0, [{ source: 0, symbol: 0, price: 5, atMs: at - 100 }]);
  sim.clock.ms += 50;
  sim.ticks(1, [{ source: 1, symbol: 0, price: 6, atMs: at - 200 }]);
  sim.ticks(3, [{ source: 3, symbol: 0, price: 99, atMs: at }]);
  sim.clock.ms += 1_000;
  const expected = {
    exchange: 'one',
    symbol: 'BTC',
    price: 5,
    timestamp: at - 100,
    receivedAt: at,
    ageMs: 1_050,
    status: 'live',
  };
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(answered(sim.queries.latest(null, 'btc')), expected);
    assert.deepEqual(answered(sim.queries.latest('ONE', 'BTC')), expected);
    assert.equal(answered(sim.queries.latest('two', 'BTC')).price, 6);
    if (round === 0) await sim.commit();
    await sim.restart();
  }
});

test('a status says how well the price is known: live, quiet, stale, down', () => {
  const sim = new Simulation();
  sim.ticks(0, [{ source: 0, symbol: 0, price: 5, atMs: sim.clock.ms }]);
  const status = () => answered(sim.queries.latest('one', 'BTC')).status;
  sim.clock.ms += 10_000;
  assert.equal(status(), 'live');
  sim.clock.ms += 1;
  assert.equal(status(), 'quiet');
  for (const [state, expected] of [
    ['stale', 'stale'],
    ['down', 'down'],
    ['connecting', 'down'],
  ] as const) {
    sim.feeds.state = state;
    assert.equal(status(), expected);
  }
});

test('questions without an answer say why', async () => {
  const sim = new Simulation();
  const failureOf = (answer: Answer<unknown>) => (answer.ok ? 'none' : answer.failure);
  assert.equal(failureOf(sim.queries.latest(null, 'XXX')), 'unknown_symbol');
  assert.equal(failureOf(sim.queries.latest('nowhere', 'BTC')), 'unknown_exchange');
  assert.equal(failureOf(sim.queries.latest('one', 'BTC')), 'no_data');
  assert.equal(failureOf(await sim.queries.average(null, 'BTC', null)), 'no_data');
  assert.equal(failureOf(await sim.queries.highest('nowhere', 'BTC', null)), 'unknown_exchange');
});

test('a store that fails makes only those queries unavailable that need it', async () => {
  const sim = new Simulation();
  for (let minute = 0; minute < 9; minute++) {
    sim.ticks(0, [{ source: 0, symbol: 0, price: 5, atMs: sim.clock.ms }]);
    await sim.commit();
    sim.clock.ms += 60_000;
  }
  await sim.store.close();
  const hour = await sim.queries.average('one', 'BTC', { text: '1h', ms: 3_600_000 });
  assert.equal(!hour.ok && hour.failure, 'unavailable');
  assert.equal(answered(await sim.queries.average('one', 'BTC', { text: '10m', ms: 600_000 })).count, 9);
  assert.equal(answered(await sim.queries.average('one', 'BTC', null)).count, 9);
});
