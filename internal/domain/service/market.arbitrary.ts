import fc from 'fast-check';
import { MINUTE_MS } from '../model/candle.ts';
import type { LogRecord } from '../model/log-record.ts';
import { Reason } from '../model/rejection.ts';
import { DICTIONARY, feedRecord, rejectedBy, T0, type Tick, ticksRecord } from './market.test-kit.ts';

const price = fc.oneof(
  fc.constantFrom(100, 100.1, 99.9, 100.01),
  fc.integer({ min: 1, max: 2_000_000 }).map((cents) => cents / 10_000 + 50),
);
const quantity = fc.oneof(
  { arbitrary: fc.constant(undefined), weight: 2 },
  { arbitrary: fc.integer({ min: 0, max: 40_000 }).map((n) => n / 1_000), weight: 1 },
);

/** A step of time, mostly forward within a minute, now and then beside it: back, late, or minutes ahead. */
const stepMs = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 250 }), weight: 12 },
  { arbitrary: fc.integer({ min: -3_000, max: 9_000 }), weight: 4 },
  { arbitrary: fc.integer({ min: -130_000, max: 70_000 }), weight: 1 },
  { arbitrary: fc.constantFrom(0, 1, -1, 99, 100, 60_000, 120_000, -120_000), weight: 1 },
);

/** Ids rise by one, mostly; some come twice, some too early. */
const idStep = fc.oneof(
  { arbitrary: fc.constant(1), weight: 8 },
  { arbitrary: fc.integer({ min: -4, max: 4 }), weight: 2 },
  { arbitrary: fc.integer({ min: -1_500, max: 1_500 }), weight: 1 },
);

const rawTick = fc.record({ symbol: fc.nat({ max: 3 }), price, stepMs, quantity, idStep, hasId: fc.boolean() });
export type RawTick = typeof rawTick extends fc.Arbitrary<infer T> ? T : never;

/** 'mixed': some ticks of a pair carry an id and some do not. */
const ids = fc.constantFrom('none', 'all', 'mixed');

export const rawTicks = (maxLength: number) => fc.tuple(fc.array(rawTick, { maxLength }), ids);

/** Gives raw ticks their times and ids, one after the other. */
export class TickClock {
  nowMs = T0 + 30_000;
  private readonly newestId = new Map<string, number>();

  ticks([raw, idKind]: readonly [readonly RawTick[], string], source = 0): Tick[] {
    return raw.map((one) => {
      const atMs = this.nowMs + one.stepMs;
      // Only a small step back is kept: time goes on from the newest tick.
      if (atMs > this.nowMs) this.nowMs = atMs;
      const withId = idKind === 'all' || (idKind === 'mixed' && one.hasId);
      const key = `${source} ${one.symbol}`;
      const tradeId = Math.max(0, (this.newestId.get(key) ?? 5_000) + one.idStep);
      if (withId) this.newestId.set(key, Math.max(tradeId, this.newestId.get(key) ?? 0));
      return {
        symbol: one.symbol,
        price: one.price,
        atMs,
        quantity: one.quantity,
        tradeId: withId ? tradeId : undefined,
      };
    });
  }
}

/** Random cuts of `items` into parts; empty parts too. */
export function cutBy<T>(items: readonly T[], sizes: readonly number[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0, k = 0; at < items.length; k++) {
    const size = sizes[k % sizes.length]!;
    parts.push(items.slice(at, at + size));
    at += size;
  }
  return parts;
}

export const cutSizes = fc
  .array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 8 })
  .filter((sizes) => sizes.some((size) => size > 0));

const act = fc.oneof(
  {
    arbitrary: fc.record({ kind: fc.constant('ticks' as const), raw: rawTicks(25), source: fc.nat({ max: 2 }) }),
    weight: 12,
  },
  {
    arbitrary: fc.record({ kind: fc.constant('feed' as const), up: fc.boolean(), source: fc.nat({ max: 2 }) }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('refused' as const),
      reason: fc.nat({ max: 12 }),
      source: fc.nat({ max: 2 }),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({ kind: fc.constant('stale' as const), raw: rawTicks(4), source: fc.nat({ max: 2 }) }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('finalise' as const),
      aheadMs: fc.nat({ max: 200_000 }),
      source: fc.nat({ max: 2 }),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ kind: fc.constant('switch' as const) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('symbol' as const) }), weight: 1 },
  {
    arbitrary: fc.record({
      kind: fc.constant('damage' as const),
      source: fc.option(fc.nat({ max: 2 })),
      isKnown: fc.boolean(),
    }),
    weight: 1,
  },
);

/** A log: anything that may happen to three sources, in any order, over minutes. */
export const anyLog = fc.array(act, { minLength: 1, maxLength: 60 }).map((acts): LogRecord[] => {
  const records = [...DICTIONARY];
  const clock = new TickClock();
  let epoch = 1;
  let symbols = 4;
  for (const one of acts) {
    const receivedAtMs = clock.nowMs;
    if (one.kind === 'ticks') {
      const ticks = clock.ticks(one.raw, one.source);
      records.push(ticksRecord(ticks, { source: one.source, epoch, receivedAtMs: clock.nowMs }));
    } else if (one.kind === 'feed') {
      records.push(feedRecord(one.up, receivedAtMs, one.source, epoch));
    } else if (one.kind === 'refused') {
      records.push(
        ticksRecord([], { source: one.source, epoch, receivedAtMs, rejected: rejectedBy({ [one.reason]: 3 }) }),
      );
    } else if (one.kind === 'stale') {
      const rejected = rejectedBy({ [Reason.future]: 2, [Reason.bad_json]: 1 });
      records.push(ticksRecord(clock.ticks(one.raw), { source: one.source, epoch: epoch - 1, receivedAtMs, rejected }));
    } else if (one.kind === 'finalise') {
      const upToMs = clock.nowMs + one.aheadMs;
      records.push({ kind: 'finalise', source: one.source, upToMs: upToMs - (upToMs % MINUTE_MS) });
    } else if (one.kind === 'switch') {
      epoch++;
      records.push({ kind: 'mode', mode: epoch % 2 ? 'live' : 'test', epoch, atMs: receivedAtMs, switched: true });
    } else if (one.kind === 'symbol') {
      records.push({ kind: 'symbol', id: symbols, name: `S${symbols++}` });
    } else {
      const fromMs = one.isKnown ? clock.nowMs - 90_000 : null;
      const toMs = one.isKnown ? clock.nowMs - 20_000 : null;
      records.push({ kind: 'damage', batches: 1, ticks: 7, source: one.source, fromMs, toMs });
    }
  }
  return records;
});
