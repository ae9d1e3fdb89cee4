import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineRenderer, writeDecimal, writeDigits } from './line-renderer.ts';
import { firstTradeId, TickColumns, TickSource } from './tick-source.ts';

const STARTED_AT_MS = Date.UTC(2026, 7, 10);
const SYMBOLS = ['BTCUSDT', 'DOGEUSDT', 'A.B/C'];

function render(withQuantity: boolean): string[] {
  const source = new TickSource('exchange1', SYMBOLS, 1, withQuantity, STARTED_AT_MS);
  const ticks = new TickColumns(600);
  for (let i = 0; i < 600; i++) source.append(ticks, STARTED_AT_MS + i);
  return new LineRenderer(source, withQuantity).render(ticks).toString().split('\n').slice(0, -1);
}

test('a line is what JSON.stringify makes of the same tick, keys in the order of the contract', () => {
  const lines = render(false);
  assert.equal(lines.length, 600);
  for (const [i, line] of lines.entries()) {
    const tick: { symbol: string; price: number; timestamp: number } = JSON.parse(line);
    assert.equal(line, JSON.stringify({ symbol: SYMBOLS[i % 3], price: tick.price, timestamp: STARTED_AT_MS + i }));
    assert.ok(tick.price > 0);
  }
});

test('quantity and trade id follow, ids ascend by one per symbol', () => {
  for (const [i, line] of render(true).entries()) {
    const tick: Record<string, unknown> = JSON.parse(line);
    assert.deepEqual(Object.keys(tick), ['symbol', 'price', 'timestamp', 'quantity', 'tradeId']);
    assert.equal(tick['tradeId'], firstTradeId(STARTED_AT_MS) + Math.floor(i / 3));
    assert.ok(Number(tick['quantity']) > 0);
  }
});

test('trade ids have 16 digits, fit a double, and a restart a second later is ahead of a million ticks', () => {
  for (const atMs of [Date.UTC(2024, 0, 1), STARTED_AT_MS, Date.UTC(2038, 11, 31)]) {
    assert.equal(String(firstTradeId(atMs)).length, 16);
    assert.ok(Number.isSafeInteger(firstTradeId(atMs)));
    assert.ok(firstTradeId(atMs + 1_000) > firstTradeId(atMs) + 1_000_000);
  }
});

test('decimals are written like JSON numbers', () => {
  const target = new Uint8Array(40);
  const written = (units: number, decimals: number) =>
    Buffer.from(target.subarray(0, writeDecimal(target, 0, units, decimals))).toString();
  for (const units of [1, 9, 10, 12, 100, 12_000, 673_215, 1_000_000, 2_147_483_647]) {
    for (let decimals = 0; decimals <= 8; decimals++) {
      const text = written(units, decimals);
      assert.match(text, /^(0|[1-9]\d*)(\.\d*[1-9])?$/);
      assert.equal(Number(text), units / 10 ** decimals);
    }
  }
});

test('digits are written with zeros in front', () => {
  const target = new Uint8Array(16);
  for (const value of [0, 7, 99_999_999, 100_000_000, 1_740_411_234_567, 9_007_199_254_740_991]) {
    writeDigits(target, 0, value, 16);
    assert.equal(Buffer.from(target).toString(), String(value).padStart(16, '0'));
  }
});
