import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sleep } from './deadline.ts';
import { Serial } from './serial.ts';

test('one at a time and in order, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('now', 'later', 'throws', 'rejects'), { maxLength: 20 }),
      async (kinds) => {
        const serial = new Serial();
        const order: number[] = [];
        let running = 0;
        const outcomes = await Promise.allSettled(
          kinds.map((kind, n) =>
            serial.run(async () => {
              running++;
              assert.equal(running, 1);
              order.push(n);
              if (kind === 'later') await new Promise((resolve) => setImmediate(resolve));
              running--;
              if (kind === 'throws' || kind === 'rejects') throw new Error(kind);
              return n;
            }),
          ),
        );
        assert.deepEqual(
          order,
          kinds.map((_, n) => n),
        );
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          kinds.map((kind) => (kind === 'throws' || kind === 'rejects' ? 'rejected' : 'fulfilled')),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test('too many waiting are refused, and room comes back', async () => {
  const serial = new Serial(2);
  const three = [1, 2, 3].map((n) => serial.run(() => sleep(5).then(() => n)));
  await assert.rejects(
    serial.run(() => 4),
    { code: 'serial_full' },
  );
  assert.deepEqual(await Promise.all(three), [1, 2, 3]);
  assert.equal(serial.unfinished, 0);
  assert.equal(await serial.run(() => 5), 5);
});
