/**
 * A sum of doubles as an unevaluated pair: `sumHi` is the running double, `sumLo` what rounding took from it
 * (Knuth's TwoSum). Both parts together are the exact sum of n addends within a factor f of each other as long as
 * n² × f ≤ 2^54 (2^17 within a factor of 2^20, 2^26 within 4), and mostly far beyond; then the result does not depend
 * on the order of the addends nor on how they were grouped.
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
  saturate(into);
}

/** A sum beyond the greatest double, which any two finite prices can make, stays there: nothing downstream knows infinity. */
export function saturate(sum: ExactSum): void {
  if (sum.sumHi <= Number.MAX_VALUE) return;
  sum.sumHi = Number.MAX_VALUE;
  sum.sumLo = 0;
}

/** The sum as one double. */
export function exactValue(sum: ExactSum): number {
  return sum.sumHi + sum.sumLo;
}
