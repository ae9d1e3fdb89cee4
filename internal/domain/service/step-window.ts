import type { Extremes } from '../model/candle.ts';
import type { StepSlice } from '../model/checkpoint.ts';
import { addExact } from './exact-sum.ts';

const SUM_HI = 0;
const SUM_LO = 1;
const HIGH = 2;
const LOW = 3;
const FIELDS = 4;

/** Bytes of one instrument in one step, as stored: four doubles, a count, the instrument's id, two offsets. */
const ENTRY_BYTES = FIELDS * 8 + 4 + 4 + 2 + 2;

/** An entry's number + 1 must fit 16 bits. */
const MAX_ENTRIES = 65_535;

/** The ticks of one step of time, one entry for each instrument that had any. */
class Slice {
  index = -1;
  size = 0;
  /** Log position of the last change. */
  changedAt = 0;
  numbers = new Float64Array(0);
  counts = new Uint32Array(0);
  /** Offset of the high's, then the low's, moment from the start of the step, ms. */
  offsets = new Uint16Array(0);
  instruments = new Uint32Array(0);
  /** Instrument id → entry + 1. */
  entryOf = new Uint16Array(0);

  /** Begins step `index`, with memory for about `expected` entries: what the step before it came to. */
  restart(index: number, expected: number): void {
    for (let i = 0; i < this.size; i++) this.entryOf[this.instruments[i] ?? 0] = 0;
    this.index = index;
    this.size = 0;
    const capacity = this.instruments.length;
    if (capacity < expected || capacity > 2 * expected + 64) this.allocate(expected);
  }

  add(instrument: number): number {
    if (instrument >= this.entryOf.length) {
      const entryOf = new Uint16Array(Math.max(16, (instrument + 1) * 1.25));
      entryOf.set(this.entryOf);
      this.entryOf = entryOf;
    }
    if (this.size === MAX_ENTRIES) throw new RangeError(`more than ${MAX_ENTRIES} pairs in one step`);
    if (this.size === this.instruments.length) this.grow();
    const entry = this.size++;
    this.instruments[entry] = instrument;
    this.entryOf[instrument] = entry + 1;
    return entry;
  }

  private grow(): void {
    const { numbers, counts, offsets, instruments } = this;
    this.allocate(Math.ceil(this.size * 1.25) + 4);
    this.numbers.set(numbers);
    this.counts.set(counts);
    this.offsets.set(offsets);
    this.instruments.set(instruments);
  }

  private allocate(capacity: number): void {
    this.numbers = new Float64Array(capacity * FIELDS);
    this.counts = new Uint32Array(capacity);
    this.offsets = new Uint16Array(capacity * 2);
    this.instruments = new Uint32Array(capacity);
  }
}

/**
 * A rolling window of steps of `stepMs` over event time: the fold of each instrument's ticks, step by step, for the
 * newest `steps` of them. Kept by time, not by instrument, so that memory follows the ticks that there were.
 */
export class StepWindow {
  readonly stepMs: number;
  private readonly slices: Slice[];
  private newest = new Slice();

  constructor(stepMs: number, steps: number) {
    this.stepMs = stepMs;
    this.slices = Array.from({ length: steps }, () => new Slice());
  }

  /** Adds `part`, whose ticks all lie in the step that starts at `stepStartMs`; older ones than the window are passed over. */
  merge(instrument: number, stepStartMs: number, part: Extremes, position: number): void {
    const index = stepStartMs / this.stepMs;
    const slice = this.slices[index % this.slices.length];
    if (slice === undefined || slice.index > index) return;
    if (slice.index < index) {
      slice.restart(index, this.newest.size);
      if (index > this.newest.index) this.newest = slice;
    }
    slice.changedAt = position;
    const known = slice.entryOf[instrument] ?? 0;
    const entry = known > 0 ? known - 1 : slice.add(instrument);
    const at = entry * FIELDS;
    const n = slice.numbers;
    const highOffset = part.highAtMs - stepStartMs;
    const lowOffset = part.lowAtMs - stepStartMs;
    if (known === 0) {
      n[at + SUM_HI] = part.sumHi;
      n[at + SUM_LO] = part.sumLo;
      n[at + HIGH] = part.high;
      n[at + LOW] = part.low;
      slice.counts[entry] = part.count;
      slice.offsets[entry * 2] = highOffset;
      slice.offsets[entry * 2 + 1] = lowOffset;
      return;
    }
    const sum = { sumHi: n[at + SUM_HI] ?? 0, sumLo: n[at + SUM_LO] ?? 0 };
    addExact(sum, part.sumHi, part.sumLo);
    n[at + SUM_HI] = sum.sumHi;
    n[at + SUM_LO] = sum.sumLo;
    slice.counts[entry] = (slice.counts[entry] ?? 0) + part.count;
    const high = n[at + HIGH] ?? 0;
    if (part.high > high || (part.high === high && highOffset < (slice.offsets[entry * 2] ?? 0))) {
      n[at + HIGH] = part.high;
      slice.offsets[entry * 2] = highOffset;
    }
    const low = n[at + LOW] ?? 0;
    if (part.low < low || (part.low === low && lowOffset < (slice.offsets[entry * 2 + 1] ?? 0))) {
      n[at + LOW] = part.low;
      slice.offsets[entry * 2 + 1] = lowOffset;
    }
  }

  /** Adds the ticks of `instrument` in `[fromMs, toMs)`, both on step edges, to `into`. */
  summarise(instrument: number, fromMs: number, toMs: number, into: Extremes): void {
    const last = toMs / this.stepMs;
    for (let index = fromMs / this.stepMs; index < last; index++) {
      const slice = this.slices[index % this.slices.length];
      if (slice === undefined || slice.index !== index) continue;
      const entry = (slice.entryOf[instrument] ?? 0) - 1;
      if (entry < 0) continue;
      const n = slice.numbers;
      const at = entry * FIELDS;
      const startMs = index * this.stepMs;
      into.count += slice.counts[entry] ?? 0;
      addExact(into, n[at + SUM_HI] ?? 0, n[at + SUM_LO] ?? 0);
      const high = n[at + HIGH] ?? 0;
      if (high > into.high) {
        into.high = high;
        into.highAtMs = startMs + (slice.offsets[entry * 2] ?? 0);
      }
      const low = n[at + LOW] ?? 0;
      if (low < into.low) {
        into.low = low;
        into.lowAtMs = startMs + (slice.offsets[entry * 2 + 1] ?? 0);
      }
    }
  }

  /** The steps that changed after log position `position`. */
  changedSince(position: number): StepSlice[] {
    return this.slices
      .filter((slice) => slice.changedAt > position && slice.index >= 0)
      .map((slice) => ({ stepMs: this.stepMs, index: slice.index, data: encodeSlice(slice) }));
  }

  /** Puts a stored step back, unless the window has moved past it. */
  restore(stored: StepSlice): void {
    const slice = this.slices[stored.index % this.slices.length];
    if (slice === undefined || slice.index > stored.index) return;
    slice.restart(stored.index, stored.data.length / ENTRY_BYTES);
    decodeSlice(slice, stored.data);
    if (stored.index > this.newest.index) this.newest = slice;
  }

  /** Index of the oldest step that the window can still hold next to its newest. */
  oldestIndex(): number {
    return this.newest.index - this.slices.length + 1;
  }
}

function encodeSlice(slice: Slice): Uint8Array {
  const size = slice.size;
  const bytes = new Uint8Array(size * ENTRY_BYTES);
  let at = 0;
  for (const column of [
    slice.numbers.subarray(0, size * FIELDS),
    slice.counts.subarray(0, size),
    slice.instruments.subarray(0, size),
    slice.offsets.subarray(0, size * 2),
  ]) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at += column.byteLength;
  }
  return bytes;
}

function decodeSlice(slice: Slice, data: Uint8Array): void {
  const size = data.length / ENTRY_BYTES;
  const buffer = data.slice().buffer;
  const instruments = new Uint32Array(buffer, size * (FIELDS * 8 + 4), size);
  for (const instrument of instruments) slice.add(instrument);
  slice.numbers.set(new Float64Array(buffer, 0, size * FIELDS));
  slice.counts.set(new Uint32Array(buffer, size * FIELDS * 8, size));
  slice.offsets.set(new Uint16Array(buffer, size * (FIELDS * 8 + 8), size * 2));
}
