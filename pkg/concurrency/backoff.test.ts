import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from './backoff.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

test('the caps double from minMs to maxMs and stay there', () => {
  const backoff = new Backoff({ minMs: 500, maxMs: 30_000, random: () => ALMOST_ONE });
  const caps = Array.from({ length: 9 }, () => Math.round(backoff.nextMs()));
  assert.deepEqual(caps, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('a reset begins again at minMs', () => {
  const backoff = new Backoff({ minMs: 10, maxMs: 1_000, factor: 3, random: () => ALMOST_ONE });
  for (let n = 0; n < 4; n++) backoff.nextMs();
  assert.equal(backoff.tries, 4);
  backoff.reset();
  assert.equal(backoff.tries, 0);
  assert.deepEqual([Math.round(backoff.nextMs()), Math.round(backoff.nextMs())], [10, 30]);
});

test('no wait passes its cap, after however many tries', () => {
  const draws = fc.array(fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }), { minLength: 1, maxLength: 2_000 });
  fc.assert(
    fc.property(draws, (values) => {
      const backoff = new Backoff({ minMs: 1, maxMs: 60_000, random: () => values[backoff.tries]! });
      values.forEach((value, n) => {
        assert.equal(backoff.nextMs(), value * Math.min(60_000, 2 ** n));
      });
    }),
  );
});

test('waits spread evenly from 0 to the cap', () => {
  const tenths = new Array<number>(10).fill(0);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const backoff = new Backoff({ minMs: 100, maxMs: 100, random });
  for (let n = 0; n < 10_000; n++) tenths[Math.floor(backoff.nextMs() / 10)]!++;
  for (const hits of tenths) assert.ok(hits > 850 && hits < 1_150, `${hits} of 10,000 in one tenth`);
});

test('limits that make no sense are refused', () => {
  const random = () => 0;
  assert.throws(() => new Backoff({ minMs: 2, maxMs: 1, random }), RangeError);
  assert.throws(() => new Backoff({ minMs: -1, maxMs: 1, random }), RangeError);
  assert.throws(() => new Backoff({ minMs: 1, maxMs: 2, factor: 0.5, random }), RangeError);
});
