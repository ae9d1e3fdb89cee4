import { addExact, type ExactSum } from './exact-sum.ts';
import type { StepEntry } from './open-step.ts';

const MAX_COUNT = 0xff;
const MAX_LOW = 0xffff_ffff;
const MAX_RANGE = 0xffff;
const MAX_CORRECTION = 127;
/** All exact as doubles, and so is their quotient's rounding: units / 10^scale is the double nearest to the decimal. */
const POWERS_OF_TEN = Array.from({ length: 13 }, (_, scale) => 10 ** scale);

/**
 * An entry whose prices are decimals of `scale` digits, as those of feeds are, in units of 10^-scale: a price is the
 * double next to `units / 10^scale`. The sum of these doubles is not quite that of the decimals; since each is a multiple
 * of the lowest one's ulp, what is between the two is a small number of them.
 */
export interface DecimalEntry {
  count: number;
  scale: number;
  low: number;
  /** High − low, units. */
  range: number;
  /** Sum − count × low, units. */
  rest: number;
  /** Of the rest, ulps of the low. */
  correction: number;
}

export function emptyDecimal(): DecimalEntry {
  return { count: 0, scale: 0, low: 0, range: 0, rest: 0, correction: 0 };
}

/** False if no such entry gives `entry` back as it is: its prices are no short decimals, or its ticks are too many. */
export function toDecimal(entry: StepEntry, into: DecimalEntry): boolean {
  const { count, high, low } = entry;
  const ulp = ulpOf(low);
  if (count > MAX_COUNT || ulp === 0) return false;
  const rest = restOf(entry);
  into.count = count;
  for (const [scale, power] of POWERS_OF_TEN.entries()) {
    into.scale = scale;
    into.low = Math.round(low * power);
    into.range = Math.round(high * power) - into.low;
    if (into.low > MAX_LOW || into.range > MAX_RANGE) return false;
    if (into.low / power !== low || (into.low + into.range) / power !== high) continue;
    into.rest = Math.round(rest * power);
    into.correction = Math.round(rest / ulp) - Math.round(into.rest / power / ulp);
    if (Math.abs(into.correction) <= MAX_CORRECTION && isSameSum(entry, sumOf(into, low))) return true;
  }
  return false;
}

/** Sets all but the offsets. */
export function fromDecimal(decimal: DecimalEntry, into: StepEntry): void {
  const power = POWERS_OF_TEN[decimal.scale] ?? 1;
  into.count = decimal.count;
  into.low = decimal.low / power;
  into.high = (decimal.low + decimal.range) / power;
  const { sumHi, sumLo } = sumOf(decimal, into.low);
  into.sumHi = sumHi;
  into.sumLo = sumLo;
}

function sumOf({ count, scale, rest, correction }: DecimalEntry, low: number): ExactSum {
  const ulp = ulpOf(low);
  const upper = upperHalf(low);
  const sum = { sumHi: count * upper, sumLo: count * (low - upper) };
  addExact(sum, (Math.round(rest / (POWERS_OF_TEN[scale] ?? 1) / ulp) + correction) * ulp, 0);
  return sum;
}

/** Sum − count × low. The product is exact in two parts: a count of 8 bits times either half of the price's 53. */
function restOf({ sumHi, sumLo, count, low }: StepEntry): number {
  const rest = { sumHi, sumLo };
  const upper = upperHalf(low);
  addExact(rest, -count * upper, -count * (low - upper));
  return rest.sumHi + rest.sumLo;
}

/** The price's upper 26 bits (Veltkamp); what is left of it has 26 as well. */
function upperHalf(price: number): number {
  const c = price * 134_217_729;
  return c - (c - price);
}

const scratch = new DataView(new ArrayBuffer(8));

/** Distance to the next greater double; 0 for prices below 1e-291. */
function ulpOf(price: number): number {
  scratch.setFloat64(0, price);
  const exponent = (scratch.getUint16(0) >>> 4) - 52;
  if (exponent <= 0) return 0;
  scratch.setFloat64(0, 0);
  scratch.setUint16(0, exponent << 4);
  return scratch.getFloat64(0);
}

/** The same number, however it is split into two parts. */
function isSameSum(a: ExactSum, b: ExactSum): boolean {
  const difference = { sumHi: a.sumHi, sumLo: a.sumLo };
  addExact(difference, -b.sumHi, -b.sumLo);
  return difference.sumHi + difference.sumLo === 0;
}
