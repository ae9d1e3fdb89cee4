import { emptyDecimal, fromDecimal, toDecimal } from './decimal-entry.ts';
import { emptyStepEntry, OpenStep, type StepEntry } from './open-step.ts';

/*
 * A step in as few bytes as its ticks need; so it is kept in memory once no tick is expected in it, and by stores.
 *
 * Little-endian. Header: bytes of an id (2 or 4), six zeros, the mark, then the number of entries of each kind (three
 * Uint32). Then the entries, those of one kind together and ascending by instrument:
 *   of one tick   id, offset, price
 *   of decimals   id, both offsets, then what `DecimalEntry` says: what feeds send
 *   of any        id, both offsets, high, low, high and low part of the sum, count
 * Offsets are Uint16; prices and sums Float64; counts Uint32, of decimals Uint8.
 */
const MARK_AT = 7;
/** No step of the first format has it there: that began with a positive double. */
const MARK = 0xff;
const SIZES_AT = 8;

const ONE = 0;
const DECIMAL = 1;
const ANY = 2;
const KINDS = 3;
const HEADER_BYTES = SIZES_AT + KINDS * 4;
/** Bytes of an entry of each kind, without its id. */
const ENTRY_BYTES = [10, 16, 40] as const;

const MAX_NARROW_ID = 0xffff;

/** Grows; where it would be taken anew for each step, it would wait as garbage for a collection of old objects. */
let encoded = new DataView(new ArrayBuffer(0));

/** The bytes are overwritten by the next call. */
export function encodeStep(step: OpenStep): Uint8Array {
  const ids = step.instrumentIds();
  const entry = emptyStepEntry();
  const kinds = new Uint8Array(ids.length);
  const sizes = Array.from({ length: KINDS }, () => 0);
  for (const [i, id] of ids.entries()) {
    step.read(id, entry);
    const kind = kindOf(entry);
    kinds[i] = kind;
    sizes[kind] = (sizes[kind] ?? 0) + 1;
  }
  const idBytes = (ids.at(-1) ?? 0) > MAX_NARROW_ID ? 4 : 2;
  const starts = startsOf(sizes, idBytes);
  const length = starts[KINDS] ?? 0;
  if (encoded.byteLength < length) encoded = new DataView(new ArrayBuffer(Math.ceil(length * 1.25)));
  const view = encoded;
  view.setFloat64(0, 0);
  view.setUint8(0, idBytes);
  view.setUint8(MARK_AT, MARK);
  for (const [kind, size] of sizes.entries()) view.setUint32(SIZES_AT + kind * 4, size, true);
  for (const [i, id] of ids.entries()) {
    const kind = kinds[i] ?? ANY;
    const at = starts[kind] ?? 0;
    starts[kind] = at + idBytes + (ENTRY_BYTES[kind] ?? 0);
    step.read(id, entry);
    if (idBytes === 2) view.setUint16(at, id, true);
    else view.setUint32(at, id, true);
    writeEntry(view, at + idBytes, kind, entry);
  }
  return new Uint8Array(view.buffer, 0, length);
}

/** Reads a step from its bytes, which must stay as they are. */
export class SealedStep {
  readonly size: number;
  private readonly view: DataView;
  private readonly idBytes: number;
  private readonly sizes: readonly number[];
  private readonly starts: readonly number[];

  constructor(view: DataView) {
    this.view = view;
    this.idBytes = view.getUint8(0);
    this.sizes = Array.from({ length: KINDS }, (_, kind) => view.getUint32(SIZES_AT + kind * 4, true));
    this.starts = startsOf(this.sizes, this.idBytes);
    this.size = this.sizes.reduce((sum, size) => sum + size, 0);
  }

  /** The bytes of a store; those of the first format are encoded anew. */
  static of(bytes: Uint8Array): SealedStep {
    const own = bytes[MARK_AT] === MARK ? bytes : encodeStep(stepOfFirstFormat(bytes)).slice();
    const { buffer, byteOffset, byteLength } = own;
    return new SealedStep(new DataView(buffer, byteOffset, byteLength));
  }

  /** A copy. */
  bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset, this.view.byteLength).slice();
  }

  /** Writes what it has of `instrument` into `into`; false: nothing. */
  read(instrument: number, into: StepEntry): boolean {
    for (let kind = 0; kind < KINDS; kind++) {
      const start = this.starts[kind] ?? 0;
      const stride = this.idBytes + (ENTRY_BYTES[kind] ?? 0);
      let low = 0;
      let high = this.sizes[kind] ?? 0;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const id = this.id(start + middle * stride);
        if (id === instrument) {
          readEntry(this.view, start + middle * stride + this.idBytes, kind, into);
          return true;
        }
        if (id < instrument) low = middle + 1;
        else high = middle;
      }
    }
    return false;
  }

  /** Adds all its entries to `step`, which has none. */
  openInto(step: OpenStep): void {
    const entry = emptyStepEntry();
    for (let kind = 0; kind < KINDS; kind++) {
      const stride = this.idBytes + (ENTRY_BYTES[kind] ?? 0);
      const end = this.starts[kind + 1] ?? 0;
      for (let at = this.starts[kind] ?? 0; at < end; at += stride) {
        readEntry(this.view, at + this.idBytes, kind, entry);
        step.add(this.id(at), entry);
      }
    }
  }

  private id(at: number): number {
    return this.idBytes === 2 ? this.view.getUint16(at, true) : this.view.getUint32(at, true);
  }
}

/** Where the entries of each kind begin, and the end of all. */
function startsOf(sizes: readonly number[], idBytes: number): number[] {
  const starts = [HEADER_BYTES];
  let at = HEADER_BYTES;
  for (const [kind, size] of sizes.entries()) {
    at += size * (idBytes + (ENTRY_BYTES[kind] ?? 0));
    starts.push(at);
  }
  return starts;
}

/** The smallest kind that gives the entry back as it is. */
function kindOf(entry: StepEntry): number {
  const { count, sumHi, sumLo, high, low, highOffset, lowOffset } = entry;
  if (count === 1 && sumHi === high && sumLo === 0 && high === low && highOffset === lowOffset) return ONE;
  return toDecimal(entry, decimal) ? DECIMAL : ANY;
}

/** Served again and again, so that reading makes no garbage. */
const decimal = emptyDecimal();

function writeEntry(view: DataView, at: number, kind: number, entry: StepEntry): void {
  view.setUint16(at, entry.highOffset, true);
  if (kind === ONE) {
    view.setFloat64(at + 2, entry.high, true);
    return;
  }
  view.setUint16(at + 2, entry.lowOffset, true);
  if (kind === ANY) {
    view.setFloat64(at + 4, entry.high, true);
    view.setFloat64(at + 12, entry.low, true);
    // The two parts in the one way in which the high part is the whole, rounded: equal steps have equal bytes.
    const sum = entry.sumHi + entry.sumLo;
    view.setFloat64(at + 20, sum, true);
    view.setFloat64(at + 28, entry.sumLo - (sum - entry.sumHi), true);
    view.setUint32(at + 36, entry.count, true);
    return;
  }
  toDecimal(entry, decimal);
  view.setUint8(at + 4, decimal.count);
  view.setUint8(at + 5, decimal.scale);
  view.setUint32(at + 6, decimal.low, true);
  view.setUint16(at + 10, decimal.range, true);
  view.setUint16(at + 12, decimal.rest & 0xffff, true);
  view.setUint8(at + 14, decimal.rest >>> 16);
  view.setInt8(at + 15, decimal.correction);
}

function readEntry(view: DataView, at: number, kind: number, into: StepEntry): void {
  into.highOffset = view.getUint16(at, true);
  if (kind === ONE) {
    into.lowOffset = into.highOffset;
    into.high = view.getFloat64(at + 2, true);
    into.low = into.high;
    into.sumHi = into.high;
    into.sumLo = 0;
    into.count = 1;
    return;
  }
  into.lowOffset = view.getUint16(at + 2, true);
  if (kind === ANY) {
    into.high = view.getFloat64(at + 4, true);
    into.low = view.getFloat64(at + 12, true);
    into.sumHi = view.getFloat64(at + 20, true);
    into.sumLo = view.getFloat64(at + 28, true);
    into.count = view.getUint32(at + 36, true);
    return;
  }
  decimal.count = view.getUint8(at + 4);
  decimal.scale = view.getUint8(at + 5);
  decimal.low = view.getUint32(at + 6, true);
  decimal.range = view.getUint16(at + 10, true);
  decimal.rest = view.getUint16(at + 12, true) + view.getUint8(at + 14) * 0x1_0000;
  decimal.correction = view.getInt8(at + 15);
  fromDecimal(decimal, into);
}

/** Steps were stored like this before the migration `short-steps`: columns of doubles (four an entry), counts, ids, offsets. */
function stepOfFirstFormat(bytes: Uint8Array): OpenStep {
  const size = bytes.length / 44;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const step = new OpenStep();
  for (let i = 0; i < size; i++) {
    step.add(view.getUint32(size * 36 + i * 4, true), {
      sumHi: view.getFloat64(i * 32, true),
      sumLo: view.getFloat64(i * 32 + 8, true),
      high: view.getFloat64(i * 32 + 16, true),
      low: view.getFloat64(i * 32 + 24, true),
      count: view.getUint32(size * 32 + i * 4, true),
      highOffset: view.getUint16(size * 40 + i * 4, true),
      lowOffset: view.getUint16(size * 40 + i * 4 + 2, true),
    });
  }
  return step;
}
