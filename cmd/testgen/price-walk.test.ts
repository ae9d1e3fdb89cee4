import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PriceWalk } from './price-walk.ts';

function prices(symbol: string, exchange: string, seed: number, count: number): number[] {
  const walk = new PriceWalk(symbol, exchange, seed);
  return Array.from({ length: count }, () => walk.nextPriceUnits() / 10 ** walk.priceDecimals);
}

test('the same seed and exchange give the same prices, another seed or exchange others', () => {
  const expected = prices('BTCUSDT', 'exchange1', 7, 1_000);
  assert.deepEqual(prices('BTCUSDT', 'exchange1', 7, 1_000), expected);
  assert.notDeepEqual(prices('BTCUSDT', 'exchange1', 8, 1_000), expected);
  assert.notDeepEqual(prices('BTCUSDT', 'exchange2', 7, 1_000), expected);
});

test('quantities do not disturb the prices', () => {
  const walk = new PriceWalk('ETHUSDT', 'exchange1', 7);
  const withQuantities = Array.from({ length: 100 }, () => {
    assert.ok(walk.nextQuantityUnits() >= 1);
    return walk.nextPriceUnits() / 10 ** walk.priceDecimals;
  });
  assert.deepEqual(withQuantities, prices('ETHUSDT', 'exchange1', 7, 100));
});

test('a million steps stay positive, near the level, and move by little', () => {
  for (const [symbol, level] of [['BTCUSDT', 67_000] as const, ['DOGEUSDT', 0.12] as const]) {
    const walk = prices(symbol, 'exchange1', 1, 1_000_000);
    let largestStep = 0;
    for (let i = 1; i < walk.length; i++) largestStep = Math.max(largestStep, Math.abs(walk[i]! - walk[i - 1]!));
    assert.ok(Math.min(...walk.slice(0, 50_000)) > level * 0.79);
    assert.ok(walk.every((price) => price > level * 0.79 && price < level * 1.21));
    assert.ok(largestStep < level * 0.001, `${symbol} jumped by ${largestStep}`);
    assert.ok(new Set(walk).size > 50);
  }
});

test('exchanges differ by little at the same tick', () => {
  const first = prices('BTCUSDT', 'exchange1', 1, 100_000);
  const second = prices('BTCUSDT', 'exchange2', 1, 100_000);
  assert.ok(first.every((price, i) => Math.abs(price - second[i]!) < price * 0.002));
});

test('an unknown name has a level of its own, the same every time, between 0.008 and 12,000', () => {
  for (let i = 0; i < 500; i++) {
    const [price = 0] = prices(`PAIR${i}`, 'exchange1', 1, 1);
    assert.ok(price > 0.008 && price < 12_000, `PAIR${i} at ${price}`);
    assert.deepEqual(prices(`PAIR${i}`, 'exchange1', 1, 1), [price]);
  }
});
