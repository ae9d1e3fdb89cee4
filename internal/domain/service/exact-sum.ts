/**
 * A sum of doubles as an unevaluated pair: `sumHi` is the running double, `sumLo` what rounding took from it
 * (Knuth's TwoSum). For up to 2^26 addends within a factor of 2^20 of each other both parts are exact, so the
 * result does not depend on the order of the addends nor on how they were grouped.
 */
export interface ExactSum {
  sumHi: number;
  sumLo: number;
}

export function addExact(into: ExactSum, hi: number, lo: number): void {
  const a = into.sumHi;
  const s = a + hi;
  const t = s - a;
  into.sumHi = s;
  into.sumLo += a - (s - t) + (hi - t) + lo;
}

/** The sum as one double. */
export function exactValue(sum: ExactSum): number {
  return sum.sumHi + sum.sumLo;
}
