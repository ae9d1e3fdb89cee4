import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from './units.ts';

test('durations: every unit, and milliseconds without one', () => {
  const texts = ['10s', '500ms', '10m', '2h', '7d', '250', ' 5 s ', '0'];
  const expectedMs = [10_000, 500, 600_000, 7_200_000, 604_800_000, 250, 5_000, 0];
  assert.deepEqual(texts.map(parseDurationMs), expectedMs);
});

test('sizes: every unit, and bytes without one', () => {
  const texts = ['64MiB', '4GiB', '512KiB', '1000', '7B', '1TiB'];
  assert.deepEqual(texts.map(parseSizeBytes), [67_108_864, 4_294_967_296, 524_288, 1_000, 7, 1_099_511_627_776]);
});

test('anything else is neither', () => {
  for (const text of [
    '',
    's',
    '-1s',
    '1.5s',
    '1h30m',
    '5MB',
    '5mib',
    '1e3',
    'NaN',
    '٣s',
    '9007199254740993',
    '9999999999999999d',
  ]) {
    assert.equal(parseDurationMs(text), null, `duration ${text}`);
    assert.equal(parseSizeBytes(text), null, `size ${text}`);
  }
});

test('what is formatted is read as the same amount', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (amount) => {
      assert.equal(parseDurationMs(formatDuration(amount)), amount);
      assert.equal(parseSizeBytes(formatSize(amount)), amount);
    }),
  );
});

test('the greatest unit that divides is used', () => {
  assert.deepEqual([0, 999, 90_000, 3_600_000].map(formatDuration), ['0ms', '999ms', '90s', '1h']);
  assert.deepEqual([0, 1_000, 65_536, 2 ** 32].map(formatSize), ['0B', '1000B', '64KiB', '4GiB']);
});
