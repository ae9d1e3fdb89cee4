import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PriceTable } from './price-table.ts';
import { formatSelection, parseSelection } from './selection.ts';
import { axisText, decimalsOf, utcText } from './text.ts';

const INTERVALS = ['1s', '1m', '1h'];

test('a selection survives the URL', () => {
  const name = fc.stringMatching(/^[A-Z0-9:_\-./]{1,32}$/);
  fc.assert(
    fc.property(name, name, (symbol, exchange) => {
      const selection = { symbol, exchange: exchange.toLowerCase(), interval: '1h', period: 'all' };
      assert.deepEqual(parseSelection(formatSelection(selection), INTERVALS), selection);
    }),
  );
});

test('what the URL does not say is the usual, and what it says is kept, known or not', () => {
  assert.deepEqual(parseSelection('', INTERVALS), { symbol: null, exchange: null, interval: '1m', period: '1h' });
  assert.equal(parseSelection('', ['5s', '10s']).interval, '5s');
  const odd = parseSelection('#symbol=btcusdt&exchange=%20&interval=7m', INTERVALS);
  assert.deepEqual([odd.symbol, odd.exchange, odd.interval], ['BTCUSDT', null, '7m']);
});

test('prices have the digits that the feed sends', () => {
  assert.deepEqual([1, 1.5, 0.00012, 1.2e-7, 1e21, 67_321.25].map(decimalsOf), [0, 1, 5, 8, 0, 2]);
});

test('times are in UTC where they are said to be, and days are named where they begin', () => {
  assert.equal(utcText(1_740_411_234_567), '2025-02-24 15:33:54.567 UTC');
  assert.equal(utcText(1_740_411_234_000), '2025-02-24 15:33:54 UTC');
  assert.equal(utcText(Number.NaN), '');
  assert.match(axisText(Date.UTC(2025, 1, 24), 86_400_000, false), /24/);
  assert.match(axisText(Date.UTC(2025, 1, 1), 86_400_000, false), /2025/);
});

test('the spread is between exchanges that are up', () => {
  const prices = new PriceTable();
  const latest = { symbol: 'A', timestamp: 0, receivedAt: 0, ageMs: 0 };
  prices.take({ ...latest, exchange: 'one', price: 100, status: 'live' }, 0);
  assert.equal(prices.spread('A', ['one', 'two', 'three']), null);
  prices.take({ ...latest, exchange: 'two', price: 101, status: 'quiet' }, 0);
  prices.take({ ...latest, exchange: 'three', price: 50, status: 'down' }, 0);
  assert.deepEqual(prices.spread('A', ['one', 'two', 'three']), {
    absolute: 1,
    ratio: 0.01,
    lowest: 'one',
    highest: 'two',
  });
  prices.forget('two:A');
  assert.equal(prices.spread('A', ['one', 'two', 'three']), null);
});
