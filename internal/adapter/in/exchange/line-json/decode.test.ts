import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RejectionReason } from '../../../../domain/model/rejection.ts';
import { TickBatch } from '../../../../domain/model/tick-batch.ts';
import { decode, decodeText, RECEIVED_AT_MS, referenceDecode } from './decode.test-kit.ts';
import { MIN_LINE_BYTES, TAIL_BYTES } from './decode.ts';
import { anyObjectLine, decimal, mutatedLine, oddLine, usualLine } from './lines.arbitrary.ts';

const line = (symbol: string, price: string, rest = '') =>
  `{"symbol":"${symbol}","price":${price},"timestamp":1786310819000${rest}}\n`;

const tick = (symbol: string, price: number, quantity = Number.NaN, tradeId = -1) => ({
  ...{ symbol, price, timestamp: 1_786_310_819_000, quantity, tradeId },
});

/** Lines that come together get the same outcome as each alone, in order. */
function assertAsReference(lines: readonly (string | Uint8Array)[]): void {
  const text = Buffer.concat(lines.map((one) => Buffer.from(one)));
  assert.deepEqual(decode(text), referenceDecode(text));
}

test('lines of the usual shape: the scanner reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.array(usualLine, { minLength: 1, maxLength: 20 }), (lines) => assertAsReference(lines)),
    { numRuns: 1_500 },
  );
});

test('lines as exchanges write them never come to JSON.parse', (t) => {
  const symbols = ['BTCUSDT', 'DOGEUSDT', 'AB', 'ABCD', 'ABCDEFGHIJK', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'];
  const numbers = ['7', '67321.5', '0.00012345', '123456789', '1234567890.12345', '9007199254740991'];
  const rests = [
    '',
    ',"quantity":0.5',
    ',"tradeId":1000000000000000',
    ',"quantity":1234567890.12,"tradeId":4012345678',
  ];
  const lines = symbols.flatMap((symbol) =>
    numbers.flatMap((number) => rests.map((rest) => line(symbol, number, rest))),
  );
  const expected = referenceDecode(Buffer.from(lines.join('')));
  assert.equal(expected.ticks.length, lines.length);
  const parse = t.mock.method(JSON, 'parse');
  assert.deepEqual(decodeText(lines.join('')), expected);
  assert.equal(parse.mock.callCount(), 0);
});

test('of 2,000 names each is found by its bytes, also where another has the place of its hash', (t) => {
  const names = Array.from({ length: 2_000 }, (_, k) => `${k}COIN`);
  const parse = t.mock.method(JSON, 'parse');
  const { ticks } = decodeText(names.map((name, k) => line(name, `${k + 1}`)).join(''), { names });
  assert.equal(parse.mock.callCount(), 0);
  assert.deepEqual(
    ticks,
    names.map((name, k) => tick(name, k + 1)),
  );
});

test('objects in any order, spacing and escaping, with keys missing, unknown and doubled: as JSON.parse', () => {
  fc.assert(
    fc.property(fc.array(anyObjectLine, { minLength: 1, maxLength: 12 }), (lines) => assertAsReference(lines)),
    { numRuns: 1_500 },
  );
});

test('lines of all kinds in one chunk: each adds one frame and ends in one place', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(usualLine, anyObjectLine, oddLine), { minLength: 1, maxLength: 20 }), (lines) => {
      assertAsReference(lines);
      const { frames, ticks, rejected } = decodeText(lines.join(''));
      const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0);
      assert.equal(frames, ticks.length + refused);
    }),
    { numRuns: 600 },
  );
});

test('valid lines with bytes changed, put in, taken out: nothing passes that JSON.parse refuses, no other value is read', () => {
  fc.assert(
    fc.property(fc.array(mutatedLine, { minLength: 1, maxLength: 40 }), (lines) => assertAsReference(lines)),
    { numRuns: 2_500 },
  );
});

test('every single byte of a line replaced by every value: as JSON.parse', () => {
  const good = Buffer.from('{"symbol":"ABCD","price":67.5,"timestamp":1786310819000,"quantity":0.5,"tradeId":12}\r\n');
  for (let at = 0; at < good.length; at++) {
    const lines = Array.from({ length: 256 }, (_, byte) => {
      const changed = Buffer.from(good);
      changed[at] = byte;
      return Buffer.concat([changed, Buffer.from('\n')]);
    });
    assertAsReference(lines);
  }
});

test('eight bytes that make an odd double in the place of digits are no digits', () => {
  for (const value of [0, -0, Number.NaN, Number.POSITIVE_INFINITY]) {
    const eight = Buffer.alloc(8);
    eight.writeDoubleLE(value);
    const bytes = Buffer.from(line('ABCD', '67.5'));
    bytes.set(eight, bytes.indexOf('1786310819000'));
    assertAsReference([line('ABCD', '1'), bytes, line('ABCD', '2')]);
    assertAsReference([bytes]);
  }
});

test('a line cut at every byte is no tick, and does not touch its neighbours', () => {
  const good = line('BTCUSDT', '67321.5', ',"quantity":0.25,"tradeId":81211').trimEnd();
  for (let cut = 1; cut < good.length; cut++) {
    const { ticks, rejected } = decodeText(`${line('ETHUSDT', '1')}${good.slice(0, cut)}\n${line('SOLUSDT', '2')}`);
    assert.deepEqual(
      ticks.map(({ symbol }) => symbol),
      ['ETHUSDT', 'SOLUSDT'],
    );
    assert.deepEqual(rejected, { bad_json: 1 });
  }
});

test('prices and quantities of 1 to 20 digits have the very bits that JSON.parse gives them', () => {
  fc.assert(
    fc.property(decimal, decimal, (price, quantity) => {
      const { ticks } = decodeText(line('BTCUSDT', price, `,"quantity":${quantity}`));
      const isJson = [price, quantity].every((text) => /^(0|[1-9]\d*)(\.\d+)?$/.test(text));
      const expected = isJson && Number(price) > 0 ? [tick('BTCUSDT', Number(price), Number(quantity))] : [];
      assert.deepEqual(ticks, expected);
    }),
    { numRuns: 5_000 },
  );
});

test('columns that only some lines fill: absent before the first and after the last, whichever path read the line', () => {
  const slow = (text: string) => text.replace(',"price"', ', "price"');
  for (const shape of [(text: string) => text, slow]) {
    const { ticks } = decodeText(
      [
        line('BTCUSDT', '1'),
        shape(line('BTCUSDT', '2', ',"quantity":0')),
        line('BTCUSDT', '3'),
        shape(line('BTCUSDT', '4', ',"tradeId":0')),
        slow(line('BTCUSDT', '5')),
      ].join(''),
    );
    assert.deepEqual(ticks, [
      tick('BTCUSDT', 1),
      tick('BTCUSDT', 2, 0),
      tick('BTCUSDT', 3),
      tick('BTCUSDT', 4, Number.NaN, 0),
      tick('BTCUSDT', 5),
    ]);
  }
});

test('what an earlier read left behind the last newline is never used', () => {
  const whole = line('BTCUSDT', '67321.5', ',"quantity":0.25,"tradeId":81211');
  for (let cut = 1; cut < whole.length; cut++) {
    const text = Buffer.from(`${line('ETHUSDT', '1')}${whole.slice(0, cut)}\n`);
    // The rest of the line lies there, as if the newline had been one of its bytes, or had come between.
    for (const stale of [
      whole.slice(cut),
      whole.slice(cut + 1),
      '\n'.repeat(TAIL_BYTES),
      '"'.repeat(TAIL_BYTES),
      '7'.repeat(TAIL_BYTES),
    ]) {
      assert.deepEqual(decode(text, { stale: Buffer.from(stale) }), referenceDecode(text), `cut at ${cut}`);
    }
  }
  fc.assert(
    fc.property(
      mutatedLine,
      fc.uint8Array({ minLength: TAIL_BYTES, maxLength: TAIL_BYTES }),
      fc.nat({ max: 9 }),
      (text, stale, offset) => {
        assert.deepEqual(decode(text, { stale, offset }), referenceDecode(text));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('the shortest line that can be a tick is MIN_LINE_BYTES long', () => {
  const shortest = '{"symbol":"","price":1,"timestamp":2e12}\n';
  assert.equal(shortest.length, MIN_LINE_BYTES);
  // 2e12 is in range, and any other time takes as many bytes or more.
  const { ticks } = decode(Buffer.from(shortest.repeat(500)), { names: [''], receivedAtMs: 2e12 });
  assert.equal(ticks.length, 500);
});

test('memory shared with a worker thread is read the same way', () => {
  const text = Buffer.from(
    `${line('BTCUSDT', '1')}{"symbol":"\\u0042TCUSDT","price":2,"timestamp":1786310819000}\n\xff\n{\n`,
    'latin1',
  );
  assert.deepEqual(decode(text, { shared: true }), referenceDecode(text));
  assert.equal(decode(text, { shared: true }).ticks.length, 2);
});

test('an open list of symbols proposes new names once, in their order, as far as there is room, and only for ticks', () => {
  const of = (symbol: string, timestamp = RECEIVED_AT_MS) =>
    `{"symbol":"${symbol}","price":1,"timestamp":${timestamp}}\n`;
  const future = RECEIVED_AT_MS + 60_000;
  const { ticks, rejected } = decodeText(
    [
      of('NEW1'),
      of('BTC'),
      of('LATER', future),
      of('NEW2'),
      of('NEW1'),
      of('lower'),
      of('NO GOOD'),
      of('LATER2', future),
    ].join(''),
    { names: ['BTC'], open: true },
  );
  assert.deepEqual(
    ticks.map(({ symbol }) => symbol),
    ['NEW1', 'BTC', 'NEW2', 'NEW1'],
  );
  assert.deepEqual(rejected, { future: 2, unknown_symbol: 2 } satisfies Partial<Record<RejectionReason, number>>);
  // Names that only come with refused ticks take no room.
  const refused = Array.from({ length: 40 }, (_, k) => of(`F${k}`, future)).join('');
  assert.equal(decodeText(`${refused}${of('NEW')}`, { names: ['BTC'], open: true }).ticks.length, 1);
  const many = Array.from({ length: 40 }, (_, k) => of(`N${k}`)).join('');
  const crowded = decodeText(many, { names: ['BTC'], open: true });
  assert.equal(crowded.ticks.length, 8);
  assert.deepEqual(crowded.rejected, { unknown_symbol: 32 });
});

test('a batch goes on where it stands, and a reset batch shows nothing of what it held', () => {
  const batch = new TickBatch(4);
  batch.push(1, 2, 3, 4, 5);
  batch.newSymbols.push('X');
  batch.rejected[3] = 9;
  batch.reset(7, 8, 9);
  assert.deepEqual(
    [batch.count, batch.frames, batch.hasQuantity, batch.hasTradeId, batch.newSymbols, batch.rejected[3]],
    [0, 0, false, false, [], 0],
  );
});
