const UNITS = [
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** An interval as people and the `interval` column write it: in the largest unit that divides it, `1m`, `90s`, `1w`. */
export function intervalText(intervalMs: number): string {
  for (const [unit, unitMs] of UNITS) if (intervalMs % unitMs === 0) return `${intervalMs / unitMs}${unit}`;
  throw new RangeError(`not an interval: ${intervalMs} ms`);
}

/** The inverse; null for a text that is none. */
export function intervalMsOf(text: string): number | null {
  const match = /^([1-9][0-9]*)(ms|s|m|h|d|w)$/.exec(text);
  if (match === null) return null;
  const unitMs = UNITS.find(([unit]) => unit === match[2])?.[1];
  return unitMs === undefined ? null : Number(match[1]) * unitMs;
}
