import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TRADE_ID_WINDOW, TradeIdWindow } from './trade-id-window.ts';

/** The contract with a set: exactly within the newest 1,024; older than those is a duplicate. */
class Model {
  readonly ids = new Set<number>();

  isDuplicate(id: number): boolean {
    const newest = [...this.ids].sort((a, b) => b - a).slice(0, TRADE_ID_WINDOW);
    return newest.includes(id) || (newest.length === TRADE_ID_WINDOW && id < newest.at(-1)!);
  }
}

/** Long runs upward, with jumps of every size in both directions and back to what was there. */
const step = fc.oneof(
  { arbitrary: fc.record({ run: fc.integer({ min: 1, max: 700 }), by: fc.integer({ min: 1, max: 3 }) }), weight: 4 },
  {
    arbitrary: fc.record({ run: fc.integer({ min: 1, max: 6 }), by: fc.integer({ min: -1_200, max: 1_200 }) }),
    weight: 6,
  },
);
const start = fc.oneof(fc.constantFrom(0, 1, 127, 128, 5_000), fc.integer({ min: 0, max: 2 ** 52 }));

function idsOf(from: number, steps: readonly { run: number; by: number }[]): number[] {
  let id = from;
  return steps.flatMap(({ run, by }) => {
    const ids: number[] = [];
    for (let k = 0; k < run; k++) {
      id = Math.max(0, id + by);
      ids.push(id);
    }
    return ids;
  });
}

test('an id is a duplicate exactly when the contract says so, and so it is after encode and decode at any time', () => {
  fc.assert(
    fc.property(start, fc.array(step, { minLength: 1, maxLength: 10 }), fc.nat({ max: 2_000 }), (from, steps, cut) => {
      const model = new Model();
      let window = new TradeIdWindow();
      for (const [k, id] of idsOf(from, steps).entries()) {
        // The model sorts all that it has: it is asked where it matters, at turns and now and then.
        if (k % 37 === 0 || !window.isDuplicate(id) === model.ids.has(id))
          assert.equal(window.isDuplicate(id), model.isDuplicate(id));
        if (!window.isDuplicate(id)) {
          window.add(id);
          model.ids.add(id);
        }
        assert.equal(window.isDuplicate(id), true);
        if (k === cut) window = TradeIdWindow.decode(window.encode());
      }
      const newest = [...model.ids].sort((a, b) => b - a).slice(0, TRADE_ID_WINDOW);
      for (const id of newest) assert.equal(window.isDuplicate(id), true);
      const edge = newest.at(-1)!;
      for (const id of [edge - 1, edge + 1, newest[0]! + 1])
        if (id >= 0) assert.equal(window.isDuplicate(id), model.isDuplicate(id));
    }),
    { numRuns: 150 },
  );
});

test('the window is full with 1,024 ids: before that an old id is new, after it a duplicate', () => {
  const window = new TradeIdWindow();
  for (let id = 10; id < 10 + TRADE_ID_WINDOW - 1; id++) window.add(id);
  assert.equal(window.isDuplicate(5), false);
  window.add(5);
  assert.equal(window.isDuplicate(4), true);
  assert.equal(window.isDuplicate(6), false, 'inside the newest 1,024, and not seen');
  window.add(6);
  assert.equal(window.isDuplicate(5), true);
  assert.equal(window.isDuplicate(7), false);
});

test('contiguous ids take a byte each, and the greatest id there is survives', () => {
  const window = new TradeIdWindow();
  for (let id = 2 ** 53 - 1_024; id <= 2 ** 53 - 1; id++) window.add(id);
  const bytes = window.encode();
  assert.equal(bytes.length, 1_023 + 8);
  const decoded = TradeIdWindow.decode(bytes);
  assert.deepEqual(decoded.encode(), bytes);
  assert.equal(decoded.isDuplicate(2 ** 53 - 1), true);
  assert.equal(new TradeIdWindow().encode().length, 0);
  assert.equal(TradeIdWindow.decode(new Uint8Array(0)).isDuplicate(0), false);
});

test('ids come back at whatever distance from each other, at the edges of each length in bytes too', () => {
  for (const apart of [2, 127, 128, 129, 255, 256, 16_383, 16_384, 2_097_151, 2_097_152, 2 ** 42]) {
    const ids = [5, 6, 6 + apart, 7 + apart, 7 + 2 * apart];
    const window = new TradeIdWindow();
    for (const id of ids) window.add(id);
    const decoded = TradeIdWindow.decode(window.encode());
    for (const id of ids) assert.equal(decoded.isDuplicate(id), true, `${id}, ${apart} apart`);
    assert.equal(decoded.isDuplicate(ids.at(-1)! + 1), false);
    assert.deepEqual(decoded.encode(), window.encode());
  }
});
