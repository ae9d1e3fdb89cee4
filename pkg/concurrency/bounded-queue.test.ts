import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoundedQueue } from './bounded-queue.ts';

test('behaves as a list that refuses at its capacity', () => {
  const steps = fc.array(fc.option(fc.integer(), { nil: undefined }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), steps, (capacityItems, items) => {
      const queue = new BoundedQueue<number>(capacityItems);
      const model: number[] = [];
      for (const item of items) {
        if (item === undefined) {
          assert.equal(queue.poll(), model.shift());
        } else {
          assert.equal(queue.offer(item), model.length < capacityItems);
          if (model.length < capacityItems) model.push(item);
        }
        assert.equal(queue.sizeItems, model.length);
        assert.equal(queue.isFull, model.length === capacityItems);
      }
    }),
  );
});

test('a closed queue takes nothing and gives what it has', () => {
  const queue = new BoundedQueue<string>(3);
  queue.offer('a');
  queue.close();
  assert.equal(queue.offer('b'), false);
  assert.equal(queue.isClosed, true);
  assert.equal(queue.poll(), 'a');
  assert.equal(queue.poll(), undefined);
});

test('a queue for less than one item is refused', () => {
  for (const capacityItems of [0, -1, 1.5, Number.NaN])
    assert.throws(() => new BoundedQueue(capacityItems), RangeError);
});
