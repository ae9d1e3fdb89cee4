import type { Period } from '../../../application/port/in/queries.ts';

export const PERIOD_PATTERN = /^[1-9][0-9]*(ms|s|m|h|d)$/;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PERIOD_MIN_MS = 100;
const PERIOD_MAX_MS = 365 * 86_400_000;

/** Null: not a period, or out of range. */
export function parsePeriod(text: string): Period | null {
  const unit = PERIOD_PATTERN.exec(text)?.[1];
  if (unit === undefined) return null;
  const ms = Number(text.slice(0, -unit.length)) * (UNIT_MS[unit] ?? Number.NaN);
  return ms >= PERIOD_MIN_MS && ms <= PERIOD_MAX_MS ? { text, ms } : null;
}
