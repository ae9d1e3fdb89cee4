/**
 * Durations and sizes as people write them: `10s`, `64MiB`. A number without a unit is milliseconds or bytes.
 * Whole numbers only: `1.5s` is written `1500ms`, so that nothing is ever rounded.
 */
const DURATION_UNITS = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]);

const SIZE_UNITS = new Map([
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['B', 1],
]);

/** Milliseconds, or null when the text is no duration. */
export function parseDurationMs(text: string): number | null {
  return parseAmount(text, DURATION_UNITS, 'ms');
}

/** In the greatest unit that divides it: 90,000 ms is `90s`, 60,000 ms is `1m`. */
export function formatDuration(durationMs: number): string {
  return formatAmount(durationMs, DURATION_UNITS, 'ms');
}

/** Bytes, or null when the text is no size. */
export function parseSizeBytes(text: string): number | null {
  return parseAmount(text, SIZE_UNITS, 'B');
}

/** In the greatest unit that divides it: 1,048,576 bytes is `1MiB`. */
export function formatSize(sizeBytes: number): string {
  return formatAmount(sizeBytes, SIZE_UNITS, 'B');
}

function parseAmount(text: string, units: ReadonlyMap<string, number>, baseUnit: string): number | null {
  const match = /^\s*(\d{1,16})\s*([a-z]*)\s*$/i.exec(text);
  const factor = units.get(match?.[2] || baseUnit);
  if (match === null || factor === undefined) return null;
  const amount = Number(match[1]) * factor;
  return Number.isSafeInteger(amount) ? amount : null;
}

function formatAmount(amount: number, units: ReadonlyMap<string, number>, baseUnit: string): string {
  for (const [unit, factor] of units) {
    if (amount !== 0 && amount % factor === 0) return `${amount / factor}${unit}`;
  }
  return `${amount}${baseUnit}`;
}
