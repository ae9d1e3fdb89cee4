import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Reason } from '../../domain/model/rejection.ts';
import { PROVISIONAL_SYMBOL, TickBatch } from '../../domain/model/tick-batch.ts';
import { SymbolDirectory } from './symbol-directory.ts';

test('ids are given once and stay: those of names that are no longer accepted are not given to others', () => {
  const first = new SymbolDirectory([], ['A', 'B'], 3);
  assert.deepEqual(
    [first.add('A'), first.add('B'), first.add('A')],
    [{ name: 'A', id: 0 }, { name: 'B', id: 1 }, null],
  );
  const second = new SymbolDirectory(['A', 'B'], ['B', 'C'], 3);
  assert.deepEqual(second.entries(), [{ name: 'B', id: 1 }]);
  assert.equal(second.idOf('A'), undefined);
  assert.deepEqual(second.add('C'), { name: 'C', id: 2 });
});

test('the limit holds for known and for new names', () => {
  const directory = new SymbolDirectory(['A', 'B', 'C'], '*', 2);
  assert.deepEqual(directory.names(), ['A', 'B']);
  assert.equal(directory.add('D'), null);
  assert.equal(directory.size, 2);
});

test('listeners hear of each name that is added, once', () => {
  const directory = new SymbolDirectory(['A'], '*', 3);
  const heard: string[] = [];
  directory.onAdded(({ name, id }) => void heard.push(`${name} ${id}`));
  for (const name of ['A', 'B', 'B', 'C', 'D']) directory.add(name);
  assert.deepEqual(heard, ['B 1', 'C 2']);
});

test('resolve puts ids in place of provisional ones, and turns rows without a place into unknown_symbol, in order', () => {
  const row = fc.record({
    symbol: fc.nat({ max: 7 }),
    price: fc.integer({ min: 1, max: 1e6 }),
    quantity: fc.option(fc.nat(), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), fc.nat({ max: 6 }), (rows, limit) => {
      const directory = new SymbolDirectory(['K0', 'K1'], '*', 2 + limit);
      const batch = new TickBatch(64);
      batch.reset(0, 1, 0);
      // Symbols 0 and 1 are known, 2 to 7 are new names of this batch.
      batch.newSymbols = ['N2', 'N3', 'N4', 'N5', 'N6', 'N7'];
      for (const [k, { symbol, price, quantity }] of rows.entries()) {
        batch.push(symbol < 2 ? symbol : PROVISIONAL_SYMBOL + symbol - 2, price, k, quantity, 100 + k);
      }
      for (const name of batch.newSymbols) directory.add(name);
      const { frames } = batch;
      directory.resolve(batch);
      const kept = rows.flatMap(({ symbol, price, quantity }, k) =>
        symbol < 2 + limit ? [[symbol, price, k, quantity ?? Number.NaN, 100 + k]] : [],
      );
      assert.deepEqual(
        Array.from({ length: batch.count }, (_, at) => [
          ...[batch.symbol[at], batch.price[at], batch.eventAtMs[at], batch.quantity[at], batch.tradeId[at]],
        ]),
        kept,
      );
      assert.equal(batch.rejected[Reason.unknown_symbol], rows.length - kept.length);
      assert.equal(batch.frames, frames);
      assert.deepEqual(batch.newSymbols, []);
    }),
  );
});
