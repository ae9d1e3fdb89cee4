import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Extremes, emptyExtremes, mergeExtremes } from '../model/candle.ts';
import { exactValue } from './exact-sum.ts';
import { emptyStepEntry, OpenStep } from './open-step.ts';
import { encodeStep, SealedStep } from './sealed-step.ts';

interface Tick {
  readonly price: number;
  readonly offset: number;
}

const prices = fc.oneof(
  fc.integer({ min: 1, max: 99_999_999 }).map((n) => n / 100),
  fc.tuple(fc.integer({ min: 1, max: 2 ** 32 }), fc.nat({ max: 12 })).map(([units, scale]) => units / 10 ** scale),
  fc.double({ min: 1e-12, max: 1e12, noNaN: true }),
  fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true }),
);
const nearPrices = fc
  .tuple(
    fc.integer({ min: 1_000_000, max: 9_000_000 }),
    fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 12 }),
  )
  .chain(([base, deltas]) => fc.nat({ max: 12 }).map((scale) => deltas.map((delta) => (base + delta) / 10 ** scale)));
const tickLists = fc
  .oneof(fc.array(prices, { minLength: 1, maxLength: 6 }), nearPrices)
  .chain((list) =>
    fc.tuple(...list.map((price) => fc.record({ price: fc.constant(price), offset: fc.nat({ max: 999 }) }))),
  );
const steps = fc.dictionary(
  fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 65_530, max: 70_000 })).map(String),
  tickLists,
  { maxKeys: 30 },
);

function extremesOf({ price, offset }: Tick): Extremes {
  const one = { count: 1, sumHi: price, sumLo: 0, high: price, low: price };
  return { ...one, highAtMs: offset, lowAtMs: offset, firstAtMs: offset, lastAtMs: offset };
}

/** A copy, which stays. */
function encodedStep(step: OpenStep): Uint8Array {
  return encodeStep(step).slice();
}

function stepOf(all: Readonly<Record<string, readonly Tick[]>>): OpenStep {
  const step = new OpenStep();
  for (const [id, ticks] of Object.entries(all)) for (const tick of ticks) step.merge(Number(id), 0, extremesOf(tick));
  return step;
}

/** What it says of an instrument; sums as one number. Null: nothing. */
function told(step: OpenStep | SealedStep, instrument: number): object | null {
  const entry = emptyStepEntry();
  if (!step.read(instrument, entry)) return null;
  const { sumHi, sumLo, ...figures } = entry;
  return { ...figures, sum: exactValue({ sumHi, sumLo }) };
}

function naive(ticks: readonly Tick[]): object {
  const into = emptyExtremes();
  for (const tick of ticks) mergeExtremes(into, extremesOf(tick));
  const { count, high, low, highAtMs: highOffset, lowAtMs: lowOffset } = into;
  return { count, high, low, highOffset, lowOffset, sum: exactValue(into) };
}

test('a sealed step says what the ticks were, of pairs it has and of pairs it has not', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const sealed = SealedStep.of(encodedStep(stepOf(all)));
      assert.equal(sealed.size, Object.keys(all).length);
      for (const [id, ticks] of Object.entries(all)) assert.deepEqual(told(sealed, Number(id)), naive(ticks));
      for (const id of [0, 7, 65_535, 65_536, 99_999]) if (!(id in all)) assert.equal(told(sealed, id), null);
    }),
    { numRuns: 500 },
  );
});

test('opened again it takes more ticks, and encodes as if it had never been sealed', () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const sealed = SealedStep.of(encodedStep(stepOf(before)));
      const reopened = new OpenStep();
      sealed.openInto(reopened);
      for (const [id, ticks] of Object.entries(after)) {
        for (const tick of ticks) reopened.merge(Number(id), 0, extremesOf(tick));
      }
      const again = SealedStep.of(encodedStep(reopened));
      for (const id of new Set([...Object.keys(before), ...Object.keys(after)])) {
        const ticks = [...(before[id] ?? []), ...(after[id] ?? [])];
        assert.deepEqual(told(again, Number(id)), naive(ticks));
      }
    }),
    { numRuns: 300 },
  );
});

test('one tick takes 12 bytes, up to 255 of decimal prices 18, what fits neither 42; beyond 65,535 pairs two more', () => {
  const bytes = (id: number, list: readonly number[]) =>
    encodedStep(stepOf({ [id]: list.map((price, offset) => ({ price, offset })) })).length - 20;
  assert.equal(bytes(5, [64_000.12]), 12);
  assert.equal(bytes(5, [64_000.12, 64_000.15]), 18);
  assert.equal(bytes(5, [64_000.1, 64_000.15, 64_000.2]), 18);
  assert.equal(bytes(5, [0.00001234, 0.00001201, 0.00001299]), 18);
  assert.equal(
    bytes(
      5,
      Array.from({ length: 255 }, (_, k) => 64_000 + k / 100),
    ),
    18,
  );
  assert.equal(
    bytes(
      5,
      Array.from({ length: 256 }, (_, k) => 64_000 + k / 100),
    ),
    42,
  );
  assert.equal(bytes(5, [Math.PI, 3]), 42);
  assert.equal(bytes(5, [1e-300, 64_000.15, 1e300]), 42);
  assert.equal(bytes(65_536, [64_000.12]), 14);
});

test('counts beyond 65,535 are kept', () => {
  const step = new OpenStep();
  const entry = { count: 8_000_000, sumHi: 8_000_000 * 1.5, sumLo: 0, high: 2, low: 1, highOffset: 3, lowOffset: 999 };
  step.add(1, entry);
  const sealed = SealedStep.of(encodedStep(step));
  const { sumHi: _, sumLo: __, ...figures } = entry;
  assert.deepEqual(told(sealed, 1), { ...figures, sum: 12_000_000 });
});

test('bytes may lie anywhere in a buffer', () => {
  const stored = encodedStep(stepOf({ 3: [{ price: 5, offset: 7 }], 9: [{ price: 6, offset: 8 }] }));
  const padded = new Uint8Array(stored.length + 10).fill(0xee);
  padded.set(stored, 3);
  const sealed = SealedStep.of(padded.subarray(3, 3 + stored.length));
  assert.deepEqual(told(sealed, 9), naive([{ price: 6, offset: 8 }]));
  assert.deepEqual(sealed.bytes(), stored);
});

test('steps in the first format, of older data folders, are read', () => {
  const size = 2;
  const view = new DataView(new ArrayBuffer(size * 44));
  const doubles = [192_000.26, 2e-12, 64_000.15, 63_999.99, 7.5, 0, 7.5, 7.5];
  for (const [k, value] of doubles.entries()) view.setFloat64(k * 8, value, true);
  for (const [k, value] of [3, 1, 40, 4].entries()) view.setUint32(size * 32 + k * 4, value, true);
  for (const [k, value] of [10, 990, 55, 55].entries()) view.setUint16(size * 40 + k * 2, value, true);
  const sealed = SealedStep.of(new Uint8Array(view.buffer));
  const first = { count: 3, high: 64_000.15, low: 63_999.99, highOffset: 10, lowOffset: 990, sum: 192_000.26 + 2e-12 };
  assert.deepEqual(told(sealed, 40), first);
  assert.deepEqual(told(sealed, 4), naive([{ price: 7.5, offset: 55 }]));
});
