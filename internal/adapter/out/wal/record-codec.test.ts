import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LogRecord } from '../../../domain/model/log-record.ts';
import { MODES } from '../../../domain/model/mode.ts';
import { REASON_COUNT } from '../../../domain/model/rejection.ts';
import { NO_TRADE_ID, TickBatch } from '../../../domain/model/tick-batch.ts';
import { decodeRecord, encodedBoundBytes, encodeRecord, isPayloadIntact } from './record-codec.ts';
import { AlignedBytes, emptyHeader, HEADER_BYTES, type RecordHeader, readRecordHeader } from './record-layout.ts';

const AT = 128;

function encode(record: LogRecord, position = 1): { header: RecordHeader; bytes: number; target: AlignedBytes } {
  const boundBytes = encodedBoundBytes(record);
  const target = new AlignedBytes((AT + boundBytes + 7) & ~7);
  target.bytes.fill(0xff);
  const bytes = encodeRecord(target, AT, position, record);
  assert.ok(bytes <= boundBytes, `${bytes} bytes, said to be at most ${boundBytes}`);
  assert.equal(bytes % 8, 0);
  const headerBytes = new AlignedBytes(HEADER_BYTES);
  headerBytes.bytes.set(target.bytes.subarray(AT, AT + HEADER_BYTES));
  const header = emptyHeader();
  assert.equal(readRecordHeader(headerBytes, header), true);
  assert.equal(header.payloadBytes, bytes - HEADER_BYTES);
  assert.equal(isPayloadIntact(target, AT + HEADER_BYTES, header), true);
  return { header, bytes, target };
}

function roundTrip(record: LogRecord): LogRecord | null {
  const { header, target } = encode(record);
  return decodeRecord(target, AT + HEADER_BYTES, header, (capacity) => new TickBatch(Math.max(1, capacity)));
}

function columns(record: LogRecord | null): unknown {
  assert.equal(record?.kind, 'ticks');
  const { batch } = record as Extract<LogRecord, { kind: 'ticks' }>;
  const { count, frames, source, epoch, receivedAtMs, hasQuantity, hasTradeId } = batch;
  return {
    books: [count, frames, source, epoch, receivedAtMs, hasQuantity, hasTradeId, ...batch.rejected],
    symbol: [...batch.symbol.subarray(0, count)],
    price: [...batch.price.subarray(0, count)],
    eventAtMs: [...batch.eventAtMs.subarray(0, count)],
    quantity: hasQuantity && [...batch.quantity.subarray(0, count)],
    tradeId: hasTradeId && [...batch.tradeId.subarray(0, count)],
  };
}

const double = fc.double().map((value) => value + 0);
const time = fc.oneof(
  fc.integer({ min: 1_740_411_234_567, max: 1_740_411_299_000 }),
  fc.integer({ min: 1_700_000_000_000, max: 1_704_000_000_000 }),
  double,
);
const id = fc.oneof(fc.constant(NO_TRADE_ID), fc.integer({ min: 0, max: 2 ** 32 }), fc.maxSafeNat(), double);
const tick = fc.tuple(fc.nat(65_535), double, time, double, id);
/** Each batch from one or all kinds of time and id, so that all widths come up. */
const tickBatch = fc
  .record({
    rows: fc.array(tick, { maxLength: 40 }),
    timeStep: fc.constantFrom(0, 1, 1637, 1638, 1_000_000, 2 ** 31),
    idStep: fc.constantFrom(null, 0, 1, 2 ** 27, 2 ** 34),
    asDrawn: fc.boolean(),
    hasQuantity: fc.boolean(),
    hasTradeId: fc.boolean(),
    rejected: fc.array(fc.nat(2 ** 31), { maxLength: REASON_COUNT }),
    frames: fc.nat(2 ** 31),
    source: fc.nat(60_000),
    receivedAtMs: double,
  })
  .map((drawn) => {
    const batch = new TickBatch(40);
    batch.reset(drawn.source, 5, drawn.receivedAtMs);
    for (const [row, [symbol, price, atMs, quantity, tradeId]] of drawn.rows.entries()) {
      const steppedId = drawn.idStep === null ? NO_TRADE_ID : 7 + row * drawn.idStep;
      const steppedMs = 1_740_411_234_567 + row * drawn.timeStep;
      batch.push(symbol, price, drawn.asDrawn ? atMs : steppedMs, quantity, drawn.asDrawn ? tradeId : steppedId);
    }
    batch.hasQuantity = drawn.hasQuantity;
    batch.hasTradeId = drawn.hasTradeId;
    batch.rejected.set(drawn.rejected);
    batch.frames = drawn.frames;
    return batch;
  });

function bytesPerTick(fill: (batch: TickBatch, row: number) => void): number {
  const batch = new TickBatch(1000);
  batch.reset(1, 1, 1_740_411_234_567);
  for (let row = 0; row < 1000; row++) fill(batch, row);
  return encode({ kind: 'ticks', batch }).bytes / 1000;
}

describe('record codec', () => {
  it('gives any batch back as it was', () => {
    fc.assert(
      fc.property(tickBatch, (batch) => {
        const record: LogRecord = { kind: 'ticks', batch };
        assert.deepEqual(columns(roundTrip(record)), columns(record));
      }),
      { numRuns: 1000 },
    );
  });

  it('gives event times and trade ids back at the very edge of each width', () => {
    for (const apart of [0xfffe, 0xffff, 0x1_0000, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000]) {
      const batch = new TickBatch(3);
      batch.reset(1, 1, 1);
      for (const offset of [0, 1, apart]) batch.push(2, 3, 1_740_411_234_567 + offset, 4, 900 + offset);
      const record: LogRecord = { kind: 'ticks', batch };
      assert.deepEqual(columns(roundTrip(record)), columns(record), `${apart} apart`);
    }
  });

  it('gives any other record back as it was', () => {
    const n = fc.integer();
    const mode = fc.constantFrom(...MODES);
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    const record: fc.Arbitrary<LogRecord> = fc.oneof(
      fc.record({ kind: fc.constant('feed'), source: fc.nat(), epoch: n, up: fc.boolean(), atMs: n }),
      fc.record({ kind: fc.constant('finalise'), source: fc.nat(), upToMs: n }),
      fc.record({ kind: fc.constant('mode'), mode, epoch: n, atMs: n, switched: fc.boolean() }),
      fc.record({ kind: fc.constant('source'), id: fc.nat(), mode, exchange: text }),
      fc.record({ kind: fc.constant('symbol'), id: fc.nat(), name: text }),
    );
    fc.assert(fc.property(record, (given) => assert.deepEqual(roundTrip(given), { ...given })));
  });

  it('says in the header whose ticks of which minutes a record holds', () => {
    const batch = new TickBatch(3);
    batch.reset(5, 6, 7);
    for (const atMs of [1002, 1001, 1003]) batch.push(1, 2, atMs);
    const { header } = encode({ kind: 'ticks', batch }, 2 ** 53 - 1);
    const { source, epoch, ticks, frames, minEventAtMs, maxEventAtMs, position } = header;
    assert.deepEqual([source, epoch, ticks, frames, minEventAtMs, maxEventAtMs], [5, 6, 3, 3, 1001, 1003]);
    assert.equal(position, 2 ** 53 - 1);
  });

  it('takes at most 16 bytes a tick without quantity, 28 with quantity and trade id', () => {
    const atMs = 1_740_411_234_567;
    const plain = bytesPerTick((batch, row) => batch.push(row % 5, 100 + row / 7, atMs + row * 60));
    assert.ok(plain <= 12.1, `${plain} bytes`);
    const slow = bytesPerTick((batch, row) => batch.push(row % 5, 100 + row / 7, atMs + row * 4_000_000));
    assert.ok(slow <= 14.1, `${slow} bytes, event times hours apart`);
    const full = bytesPerTick((batch, row) => batch.push(row % 5, 1 / row, atMs + row, row / 3, 2 ** 50 + row * 4096));
    assert.ok(full <= 24.1, `${full} bytes`);
    const slowFull = bytesPerTick((batch, row) => batch.push(1, 1, atMs + row * 4_000_000, row, 2 ** 50 + row));
    assert.ok(slowFull <= 26.1, `${slowFull} bytes`);
  });

  it('refuses every header with a bit flipped, and every payload', () => {
    const batch = new TickBatch(4);
    batch.reset(1, 1, 1);
    for (let row = 0; row < 4; row++) batch.push(row, row, row);
    const { target, bytes, header } = encode({ kind: 'ticks', batch });
    const headerBytes = new AlignedBytes(HEADER_BYTES);
    for (let bit = 0; bit < bytes * 8; bit++) {
      const at = AT + (bit >> 3);
      target.bytes[at]! ^= 1 << (bit & 7);
      headerBytes.bytes.set(target.bytes.subarray(AT, AT + HEADER_BYTES));
      const intact = readRecordHeader(headerBytes, emptyHeader()) && isPayloadIntact(target, AT + HEADER_BYTES, header);
      assert.equal(intact, false, `bit ${bit}`);
      target.bytes[at]! ^= 1 << (bit & 7);
    }
  });
});
