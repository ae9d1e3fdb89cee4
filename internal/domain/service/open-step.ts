import type { Extremes } from '../model/candle.ts';
import { addExact } from './exact-sum.ts';

const SUM_HI = 0;
const SUM_LO = 1;
const HIGH = 2;
const LOW = 3;
const FIELDS = 4;

/** An entry's number + 1 must fit 16 bits. */
const MAX_ENTRIES = 65_535;

/** The fold of one pair's ticks in one step. Offsets: of the earliest high and low from the step's start, ms. */
export interface StepEntry {
  count: number;
  sumHi: number;
  sumLo: number;
  high: number;
  low: number;
  highOffset: number;
  lowOffset: number;
}

export function emptyStepEntry(): StepEntry {
  return { count: 0, sumHi: 0, sumLo: 0, high: 0, low: 0, highOffset: 0, lowOffset: 0 };
}

/** A step that ticks are being added to: an entry for each instrument that had any, found by the instrument's id. */
export class OpenStep {
  size = 0;
  private numbers = new Float64Array(0);
  private counts = new Uint32Array(0);
  private offsets = new Uint16Array(0);
  private instruments = new Uint32Array(0);
  /** Instrument id → entry + 1. */
  private entryOf = new Uint16Array(0);

  /** Forgets its entries; makes room for about `expected`. */
  restart(expected: number): void {
    for (let i = 0; i < this.size; i++) this.entryOf[this.instruments[i] ?? 0] = 0;
    this.size = 0;
    const capacity = this.instruments.length;
    if (capacity < expected || capacity > 2 * expected + 64) this.allocate(expected);
  }

  /** Adds `part`, whose ticks all lie in this step, which starts at `stepStartMs`. */
  merge(instrument: number, stepStartMs: number, part: Extremes): void {
    const known = this.entryOf[instrument] ?? 0;
    const n = this.numbers;
    const highOffset = part.highAtMs - stepStartMs;
    const lowOffset = part.lowAtMs - stepStartMs;
    if (known === 0) {
      const { count, sumHi, sumLo, high, low } = part;
      this.add(instrument, { count, sumHi, sumLo, high, low, highOffset, lowOffset });
      return;
    }
    const entry = known - 1;
    const at = entry * FIELDS;
    const sum = { sumHi: n[at + SUM_HI] ?? 0, sumLo: n[at + SUM_LO] ?? 0 };
    addExact(sum, part.sumHi, part.sumLo);
    n[at + SUM_HI] = sum.sumHi;
    n[at + SUM_LO] = sum.sumLo;
    this.counts[entry] = (this.counts[entry] ?? 0) + part.count;
    const high = n[at + HIGH] ?? 0;
    if (part.high > high || (part.high === high && highOffset < (this.offsets[entry * 2] ?? 0))) {
      n[at + HIGH] = part.high;
      this.offsets[entry * 2] = highOffset;
    }
    const low = n[at + LOW] ?? 0;
    if (part.low < low || (part.low === low && lowOffset < (this.offsets[entry * 2 + 1] ?? 0))) {
      n[at + LOW] = part.low;
      this.offsets[entry * 2 + 1] = lowOffset;
    }
  }

  /** Adds an instrument that has no entry yet. */
  add(instrument: number, one: StepEntry): void {
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
    const at = entry * FIELDS;
    this.numbers[at + SUM_HI] = one.sumHi;
    this.numbers[at + SUM_LO] = one.sumLo;
    this.numbers[at + HIGH] = one.high;
    this.numbers[at + LOW] = one.low;
    this.counts[entry] = one.count;
    this.offsets[entry * 2] = one.highOffset;
    this.offsets[entry * 2 + 1] = one.lowOffset;
  }

  /** Writes what it has of `instrument` into `into`; false: nothing. */
  read(instrument: number, into: StepEntry): boolean {
    const entry = (this.entryOf[instrument] ?? 0) - 1;
    if (entry < 0) return false;
    const at = entry * FIELDS;
    into.count = this.counts[entry] ?? 0;
    into.sumHi = this.numbers[at + SUM_HI] ?? 0;
    into.sumLo = this.numbers[at + SUM_LO] ?? 0;
    into.high = this.numbers[at + HIGH] ?? 0;
    into.low = this.numbers[at + LOW] ?? 0;
    into.highOffset = this.offsets[entry * 2] ?? 0;
    into.lowOffset = this.offsets[entry * 2 + 1] ?? 0;
    return true;
  }

  /** Ascending. */
  instrumentIds(): Uint32Array {
    return this.instruments.slice(0, this.size).sort();
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
