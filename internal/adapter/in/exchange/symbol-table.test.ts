import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PROVISIONAL_SYMBOL } from '../../../domain/model/tick-batch.ts';
import { SymbolTable } from './symbol-table.ts';

/** What `match` makes of the bytes from `offset` on, as [length, id]. */
function match(table: SymbolTable, wire: Uint8Array | string, offset = 0): [number, number] | null {
  const bytes = new Uint8Array(offset + wire.length * 4 + 64);
  bytes.set(Buffer.from(wire), offset);
  const found = table.match(new DataView(bytes.buffer), offset);
  return found < 0 ? null : [found >> 16, found & 0xffff];
}

const entriesOf = (names: readonly string[]) => names.map((name, k) => ({ name, id: k * 7 }));

// Few characters, so that names are alike; none that JSON escapes.
const plainName = fc.string({ unit: fc.constantFrom(...'AB:é€𝄞/'), maxLength: 40 });

test('match finds exactly the names that are in the table and fit 32 bytes, wherever they lie', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(plainName, { maxLength: 60 }),
      fc.array(plainName, { maxLength: 20 }),
      fc.nat({ max: 7 }),
      (names, others, offset) => {
        const table = new SymbolTable(Math.max(1, names.length), entriesOf(names));
        for (const name of [...names, ...others]) {
          const bytes = Buffer.from(name);
          const known = names.indexOf(name);
          const expected = known < 0 || bytes.length > 32 ? null : [bytes.length, known * 7];
          assert.deepEqual(match(table, `${name}","price"`, offset), expected, name);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a table filled to its limit still ends every search', () => {
  for (const limit of [1, 2, 3, 4, 5, 8, 9, 2_000]) {
    const names = Array.from({ length: limit }, (_, k) => `S${k}`);
    const table = new SymbolTable(limit, entriesOf(names));
    for (const [k, name] of names.entries()) assert.deepEqual(match(table, `${name}"`), [name.length, k * 7]);
    for (let k = 0; k < 3_000; k++) assert.equal(match(table, `T${k}"`), null);
    assert.equal(table.size, limit);
  }
});

test('names that differ by a NUL at the end, or that hold the closing quote of another, are not confused', () => {
  const table = new SymbolTable(8, entriesOf(['AB', 'ABCD', 'ABCDE']));
  assert.equal(match(table, 'AB\0"'), null);
  assert.equal(match(table, 'AB\0\0"'), null);
  assert.equal(match(table, 'ABCD\0"'), null);
  assert.deepEqual(match(table, 'AB","ABCD"'), [2, 0]);
  assert.deepEqual(match(table, 'ABCDE"'), [5, 14]);
  assert.equal(match(table, '"'), null);
});

test('a name that JSON can only write with escapes is never matched by its bytes, but found by its text', () => {
  const names = ['A\0B', 'A"B', 'A\\B', 'A\u001fB', '\n'];
  const table = new SymbolTable(8, entriesOf(names));
  for (const [k, name] of names.entries()) {
    assert.equal(match(table, `${name}"`), null, JSON.stringify(name));
    assert.equal(table.find(name, []), k * 7);
  }
});

test('names longer than 32 bytes are found by their text only', () => {
  const long = 'A'.repeat(33);
  const table = new SymbolTable(4, entriesOf(['A'.repeat(32), long]));
  assert.deepEqual(match(table, `${'A'.repeat(32)}"`), [32, 0]);
  assert.equal(match(table, `${long}"`), null);
  assert.equal(table.find(long, []), 7);
});

test('a closed list proposes nothing; an open one proposes each good name once, until its room is used up', () => {
  const closed: string[] = [];
  assert.equal(new SymbolTable(4, entriesOf(['A'])).find('B', closed), -1);
  assert.deepEqual(closed, []);

  const table = new SymbolTable(3, entriesOf(['A']), true);
  const proposed: string[] = [];
  const find = (name: string) => table.find(name, proposed);
  assert.deepEqual(
    [find('A'), find('B'), find('C'), find('B'), find('D')],
    [0, PROVISIONAL_SYMBOL, PROVISIONAL_SYMBOL + 1, PROVISIONAL_SYMBOL, -1],
  );
  assert.deepEqual(proposed, ['B', 'C']);
  for (const name of ['b', '', 'B B', 'Ä', 'B'.repeat(33), '__proto__', 'B\0'])
    assert.equal(table.find(name, []), -1, name);

  table.add({ name: 'B', id: 1 });
  table.add({ name: 'C', id: 2 });
  assert.equal(table.room, 0);
  assert.equal(table.find('D', []), -1);
  assert.deepEqual(match(table, 'C"'), [1, 2]);
});
