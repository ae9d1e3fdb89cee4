import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addExact, type ExactSum, exactValue } from './exact-sum.ts';
import { exactSumOf, toBigInt } from './naive-market.test-kit.ts';

function sumOf(values: readonly number[]): ExactSum {
  const sum = { sumHi: 0, sumLo: 0 };
  for (const value of values) addExact(sum, value, 0);
  return sum;
}

/** Doubles with all of their bits in use, within a factor of 2^20 of each other. */
const addend = fc
  .tuple(fc.integer({ min: 0, max: 19 }), fc.double({ min: 1, max: 2, noNaN: true, maxExcluded: true }))
  .map(([exponent, mantissa]) => mantissa * 2 ** exponent);
const addends = fc.array(addend, { maxLength: 400 });

test('the sum is exact: high and low part together are the rational sum, whatever the order and the grouping', () => {
  fc.assert(
    fc.property(addends, fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 9 }), (values, cuts) => {
      const exact = values.reduce((total, value) => total + toBigInt(value), 0n);
      const grouped = { sumHi: 0, sumLo: 0 };
      for (let at = 0, k = 0; at < values.length; k++) {
        const part = sumOf(values.slice(at, at + cuts[k % cuts.length]! + 1));
        addExact(grouped, part.sumHi, part.sumLo);
        at += cuts[k % cuts.length]! + 1;
      }
      const sums = [sumOf(values), sumOf(values.toReversed()), sumOf(values.toSorted((a, b) => b - a)), grouped];
      for (const sum of sums) assert.equal(toBigInt(sum.sumHi) + toBigInt(sum.sumLo), exact);
    }),
    { numRuns: 1_000 },
  );
});

test('the value is the double nearest to the sum', () => {
  fc.assert(
    fc.property(addends, (values) => {
      assert.equal(exactValue(sumOf(values)), exactSumOf(values));
    }),
    { numRuns: 1_000 },
  );
});

test('a million tenths are a hundred thousand, to the last bit that a double has of it', () => {
  const sum = { sumHi: 0, sumLo: 0 };
  let naive = 0;
  for (let i = 0; i < 1_000_000; i++) {
    addExact(sum, 0.1, 0);
    naive += 0.1;
  }
  assert.equal(exactValue(sum), 100_000);
  assert.notEqual(naive, exactValue(sum));
});

test('a sum beyond the greatest double stays there, and can be added to', () => {
  const sum: ExactSum = { sumHi: 0, sumLo: 0 };
  for (let k = 0; k < 4; k++) addExact(sum, 1.7e308, 0);
  assert.deepEqual(sum, { sumHi: Number.MAX_VALUE, sumLo: 0 });
});
