import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Extremes, emptyExtremes, mergeExtremes } from '../model/candle.ts';
import type { StepSlice } from '../model/checkpoint.ts';
import { plainExtremes } from './market.test-kit.ts';
import { StepWindow } from './step-window.ts';

const STEP_MS = 100;
const STEPS = 50;

interface Tick {
  readonly instrument: number;
  readonly price: number;
  readonly atMs: number;
}

function extremesOf({ price, atMs }: Tick): Extremes {
  return {
    count: 1,
    sumHi: price,
    sumLo: 0,
    high: price,
    highAtMs: atMs,
    low: price,
    lowAtMs: atMs,
    firstAtMs: atMs,
    lastAtMs: atMs,
  };
}

/** Times move on by steps and now and then back or far ahead; instruments have few and large ids. */
const ticks = fc
  .array(
    fc.record({
      instrument: fc.constantFrom(0, 1, 2, 40, 999),
      price: fc.integer({ min: 1, max: 30 }).map((n) => n / 10),
      byMs: fc.oneof(
        fc.integer({ min: 0, max: 90 }),
        fc.integer({ min: -900, max: 900 }),
        fc.integer({ min: 0, max: 9_000 }),
      ),
    }),
    { maxLength: 120 },
  )
  .map((raw) => {
    let nowMs = 1_000_000;
    return raw.map(({ instrument, price, byMs }): Tick => {
      nowMs = Math.max(nowMs, nowMs + byMs);
      return { instrument, price, atMs: byMs < 0 ? nowMs + byMs : nowMs };
    });
  });

function merge(window: StepWindow, tick: Tick, position: number): void {
  window.merge(tick.instrument, tick.atMs - (tick.atMs % STEP_MS), extremesOf(tick), position);
}

/** Without first and last time, which windows do not keep. */
function figures(extremes: Extremes): object {
  return { ...plainExtremes(extremes), firstAtMs: 0, lastAtMs: 0 };
}

function naive(all: readonly Tick[], instrument: number, fromMs: number, toMs: number): object {
  const into = emptyExtremes();
  for (const tick of all) {
    if (tick.instrument === instrument && tick.atMs >= fromMs && tick.atMs < toMs)
      mergeExtremes(into, extremesOf(tick));
  }
  return figures(into);
}

function ask(window: StepWindow, instrument: number, fromMs: number, toMs: number): object {
  const into = emptyExtremes();
  window.summarise(instrument, fromMs, toMs, into);
  return figures(into);
}

/** Every span of steps among the newest `STEPS`. */
const span = fc.tuple(fc.integer({ min: 1, max: STEPS }), fc.integer({ min: 0, max: STEPS }));

test('any span on edges among the newest steps says what a list of the ticks says', () => {
  fc.assert(
    fc.property(ticks, fc.array(span, { minLength: 1, maxLength: 8 }), (all, spans) => {
      const window = new StepWindow(STEP_MS, STEPS);
      for (const [k, tick] of all.entries()) merge(window, tick, k + 1);
      const newestMs = Math.max(1_000_000, ...all.map(({ atMs }) => atMs));
      const endMs = newestMs - (newestMs % STEP_MS) + STEP_MS;
      for (const [back, length] of spans) {
        const fromMs = endMs - back * STEP_MS;
        const toMs = Math.min(endMs, fromMs + length * STEP_MS);
        for (const instrument of [0, 1, 2, 40, 999, 7]) {
          assert.deepEqual(ask(window, instrument, fromMs, toMs), naive(all, instrument, fromMs, toMs));
        }
      }
    }),
    { numRuns: 400 },
  );
});

test('slices that were stored at any moments, and restored, answer as the window that they came from', () => {
  fc.assert(
    fc.property(ticks, fc.array(fc.nat({ max: 120 }), { maxLength: 5 }), fc.boolean(), (all, commits, isReversed) => {
      const window = new StepWindow(STEP_MS, STEPS);
      const stored = new Map<number, StepSlice>();
      let committed = 0;
      const commit = (position: number) => {
        for (const slice of window.changedSince(committed)) stored.set(slice.index, structuredClone(slice));
        for (const index of stored.keys()) if (index < window.oldestIndex()) stored.delete(index);
        committed = position;
      };
      for (const [k, tick] of all.entries()) {
        merge(window, tick, k + 1);
        if (commits.includes(k)) commit(k + 1);
      }
      commit(all.length);
      assert.deepEqual(window.changedSince(committed), []);
      assert.ok(stored.size <= STEPS);
      const restored = new StepWindow(STEP_MS, STEPS);
      for (const slice of isReversed ? [...stored.values()].reverse() : stored.values()) restored.restore(slice);
      assert.deepEqual(restored.changedSince(0), [], 'what is restored is stored already');
      const newestMs = Math.max(1_000_000, ...all.map(({ atMs }) => atMs));
      const endMs = newestMs - (newestMs % STEP_MS) + STEP_MS;
      for (const instrument of [0, 1, 2, 40, 999]) {
        const fromMs = endMs - STEPS * STEP_MS;
        assert.deepEqual(ask(restored, instrument, fromMs, endMs), naive(all, instrument, fromMs, endMs));
      }
      // And it goes on from there.
      const more: Tick = { instrument: 2, price: 99, atMs: newestMs };
      for (const one of [window, restored]) merge(one, more, all.length + 1);
      assert.deepEqual(restored.changedSince(all.length), window.changedSince(all.length));
    }),
    { numRuns: 300 },
  );
});

test('a tick older than the window is passed over, and displaces nothing', () => {
  const window = new StepWindow(STEP_MS, STEPS);
  const now: Tick = { instrument: 1, price: 5, atMs: 1_000_000 };
  merge(window, now, 1);
  merge(window, { instrument: 1, price: 9, atMs: now.atMs - STEPS * STEP_MS }, 2);
  assert.deepEqual(ask(window, 1, now.atMs, now.atMs + STEP_MS), naive([now], 1, now.atMs, now.atMs + STEP_MS));
});
