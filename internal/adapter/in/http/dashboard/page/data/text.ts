/** Numbers and times as the browser's language writes them. */
const formats = new Map<string, Intl.NumberFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  const known = formats.get(key);
  if (known !== undefined) return known;
  const format = new Intl.NumberFormat(undefined, options);
  formats.set(key, format);
  return format;
}

const DECIMALS_MAX = 10;

/** Digits behind the point that a price is written with. */
export function decimalsOf(price: number): number {
  const [mantissa = '', exponent = '0'] = String(price).split('e');
  const digits = mantissa.split('.')[1]?.length ?? 0;
  return Math.min(DECIMALS_MAX, Math.max(0, digits - Number(exponent)));
}

export function priceText(price: number, decimals: number): string {
  return numberFormat({ minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(price);
}

export function countText(count: number): string {
  return numberFormat({ maximumFractionDigits: 0 }).format(count);
}

export function rateText(perSecond: number): string {
  return numberFormat({ maximumFractionDigits: perSecond < 10 ? 1 : 0 }).format(perSecond);
}

/** Four digits are enough to compare by eye. */
export function quantityText(quantity: number): string {
  return numberFormat({ maximumSignificantDigits: 4, notation: quantity >= 1e6 ? 'compact' : 'standard' }).format(
    quantity,
  );
}

/** `ratio` 0.0012 = 0.12 %. */
export function percentText(ratio: number, digits = 2): string {
  return numberFormat({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits }).format(ratio);
}

/** With its sign. */
export function changeText(ratio: number): string {
  return numberFormat({
    style: 'percent',
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
    signDisplay: 'exceptZero',
  }).format(ratio);
}

const UNITS: readonly (readonly [unit: string, unitMs: number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** One unit, rounded down: `12 s`, `3 min`. */
export function durationText(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, length]) => ms >= length) ?? ['second', 1_000];
  return numberFormat({ style: 'unit', unit, unitDisplay: 'short' }).format(Math.max(0, Math.floor(ms / unitMs)));
}

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const minuteTime = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const utcDay = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const utcDayMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const utcMonthYear = new Intl.DateTimeFormat(undefined, { month: 'short', year: 'numeric', timeZone: 'UTC' });

const DAY_MS = 86_400_000;

/** Local; of today only the time of day. */
export function timeText(atMs: number, nowMs = Date.now()): string {
  const isNear = Math.abs(nowMs - atMs) < DAY_MS && new Date(atMs).getDate() === new Date(nowMs).getDate();
  return (isNear ? time : dateTime).format(atMs);
}

/** Days and weeks begin at midnight UTC, so they are named in UTC; shorter candles by local time. */
export function candleTimeText(openTime: number, intervalMs: number): string {
  return intervalMs >= DAY_MS ? utcDay.format(openTime) : timeText(openTime);
}

/** For the chart's axis: dates where the day begins, else the time. */
export function axisText(openTime: number, intervalMs: number, withSeconds: boolean): string {
  if (intervalMs >= DAY_MS) {
    return new Date(openTime).getUTCDate() === 1 ? utcMonthYear.format(openTime) : utcDayMonth.format(openTime);
  }
  const at = new Date(openTime);
  if (at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0) return dayMonth.format(openTime);
  return (withSeconds ? time : minuteTime).format(openTime);
}

export function utcText(atMs: number): string {
  const at = new Date(atMs);
  return Number.isNaN(at.getTime())
    ? ''
    : `${at
        .toISOString()
        .replace('T', ' ')
        .replace(/(\.000)?Z$/, '')} UTC`;
}
