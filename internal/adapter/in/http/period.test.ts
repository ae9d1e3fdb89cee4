import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePeriod } from './period.ts';

test('a period is its text and its length', () => {
  assert.deepEqual(parsePeriod('10s'), { text: '10s', ms: 10_000 });
  assert.equal(parsePeriod('100ms')?.ms, 100);
  assert.equal(parsePeriod('5m')?.ms, 300_000);
  assert.equal(parsePeriod('24h')?.ms, 86_400_000);
  assert.equal(parsePeriod('365d')?.ms, 31_536_000_000);
});

test('what is no period, or out of range, is null', () => {
  const wrong = [
    '',
    's',
    '0s',
    '01s',
    '-1s',
    '1.5s',
    '1e3s',
    '10',
    '10S',
    '10 s',
    ' 10s',
    '10s\n',
    '1w',
    '١٠s',
    'NaNs',
  ];
  const outOfRange = ['99ms', '1ms', '366d', '31536000001ms', `${'9'.repeat(400)}s`];
  for (const text of [...wrong, ...outOfRange]) assert.equal(parsePeriod(text), null, text);
});
