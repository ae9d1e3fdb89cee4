import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { periodWindow } from './period-window.ts';

test('the window reaches from the last edge at or before now − period to the first edge after now', () => {
  const periodMs = fc.oneof(fc.integer({ min: 100, max: 700_000 }), fc.integer({ min: 100, max: 365 * 86_400_000 }));
  const nowMs = fc.oneof(
    fc.integer({ min: 1.7e12, max: 1.9e12 }),
    fc.integer({ min: 28e6, max: 31e6 }).map((n) => n * 60_000),
  );
  fc.assert(
    fc.property(periodMs, nowMs, (period, now) => {
      const { stepMs, fromMs, toMs } = periodWindow(period, now);
      assert.equal(stepMs, period <= 60_000 ? 100 : period <= 600_000 ? 1_000 : 60_000);
      assert.ok(fromMs % stepMs === 0 && toMs % stepMs === 0);
      assert.ok(fromMs <= now - period && fromMs + stepMs > now - period);
      assert.ok(toMs > now && toMs - stepMs <= now);
    }),
    { numRuns: 2_000 },
  );
});

test('on an edge, and beside it', () => {
  assert.deepEqual(periodWindow(60_000, 1_000_000), { stepMs: 100, fromMs: 940_000, toMs: 1_000_100 });
  assert.deepEqual(periodWindow(60_000, 1_000_099), { stepMs: 100, fromMs: 940_000, toMs: 1_000_100 });
  assert.deepEqual(periodWindow(60_001, 1_000_000), { stepMs: 1_000, fromMs: 939_000, toMs: 1_001_000 });
  assert.deepEqual(periodWindow(600_001, 1_200_000), { stepMs: 60_000, fromMs: 540_000, toMs: 1_260_000 });
});
