import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FeedGaps } from './feed-gaps.ts';

const MIN = 60_000;
const range = fc
  .tuple(
    fc.integer({ min: 0, max: 40 * MIN }),
    fc.oneof(fc.integer({ min: 0, max: 3 * MIN }), fc.constantFrom(0, 1, MIN)),
  )
  .map(([fromMs, lengthMs]) => ({ fromMs, toMs: fromMs + lengthMs }));

test('a minute is broken exactly if some gap touches it; ranges stay apart, in order and on edges', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (ranges) => {
      const gaps = new FeedGaps();
      for (const { fromMs, toMs } of ranges) gaps.add(fromMs, toMs);
      for (let openMs = 0; openMs < 45 * MIN; openMs += MIN) {
        const isTouched = ranges.some(({ fromMs, toMs }) => fromMs < toMs && fromMs < openMs + MIN && toMs > openMs);
        // A gap of no length inside a minute still breaks it: ticks may have been missed at that moment.
        const isPoint = ranges.some(({ fromMs, toMs }) => fromMs === toMs && fromMs > openMs && fromMs < openMs + MIN);
        assert.equal(gaps.has(openMs), isTouched || isPoint);
      }
      const list = gaps.list();
      for (const [k, { fromMs, toMs }] of list.entries()) {
        assert.ok(fromMs < toMs && fromMs % MIN === 0 && toMs % MIN === 0);
        assert.ok(k === 0 || list[k - 1]!.toMs < fromMs);
      }
      assert.deepEqual(new FeedGaps(list).list(), list);
    }),
    { numRuns: 500 },
  );
});

test('prune forgets only what lies wholly before', () => {
  const gaps = new FeedGaps();
  gaps.add(0, 3 * MIN);
  gaps.add(5 * MIN, 6 * MIN);
  gaps.prune(2 * MIN);
  assert.deepEqual(
    [0, 1, 2, 5].map((k) => gaps.has(k * MIN)),
    [true, true, true, true],
  );
  gaps.prune(3 * MIN);
  assert.deepEqual(
    [2, 5].map((k) => gaps.has(k * MIN)),
    [false, true],
  );
  gaps.prune(9 * MIN);
  assert.deepEqual(gaps.list(), []);
});

test('what a list was given out stays as it is when more gaps come', () => {
  const gaps = new FeedGaps([{ fromMs: 0, toMs: MIN }]);
  const before = gaps.list();
  gaps.add(MIN, 2 * MIN);
  assert.deepEqual(before, [{ fromMs: 0, toMs: MIN }]);
  assert.deepEqual(gaps.list(), [{ fromMs: 0, toMs: 2 * MIN }]);
});
