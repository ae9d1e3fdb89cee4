const ZERO = 48;
/** What a point is among the digits. */
const POINT = (46 - ZERO) >>> 0;

/** 10^0 … 10^22 are exact doubles; an integer below 2^53 divided by one of them is correctly rounded (Clinger 1990). */
const POW10 = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/** Nine digits, the most that an int32 surely holds; with a point there are fewer. */
const MAX_NARROW_BYTES = 9;
/** Sixteen digits, the most that can be below 2^53, and a point. */
const MAX_BYTES = 17;

/**
 * Value of the last number that was read. A returned pair would be an allocation for each, and so would the value as an
 * object's field, which V8 keeps as a heap number.
 */
export const scanned = new Float64Array(1);

/**
 * Hot path. Reads a plain decimal at `from`: digits, perhaps a point and digits; no sign, no exponent, at most 16
 * digits, below 2^53 without the point. Returns the offset behind it with the value in `scanned`, or -1 when it has
 * another form (which may well be valid JSON: the caller then asks `JSON.parse`). The character behind the number is
 * not judged; there must be one that is no digit.
 */
export function scanNumber(bytes: Uint8Array, from: number): number {
  let at = from;
  let mantissa = (bytes[at]! - ZERO) >>> 0;
  let digit = (bytes[++at]! - ZERO) >>> 0;
  if (mantissa > 9 || (mantissa === 0 && digit <= 9)) return -1;
  while (digit <= 9) {
    mantissa = (Math.imul(mantissa, 10) + digit) | 0;
    digit = (bytes[++at]! - ZERO) >>> 0;
  }
  let places = 0;
  if (digit === POINT) {
    const point = at;
    digit = (bytes[++at]! - ZERO) >>> 0;
    while (digit <= 9) {
      mantissa = (Math.imul(mantissa, 10) + digit) | 0;
      digit = (bytes[++at]! - ZERO) >>> 0;
    }
    places = at - point - 1;
    if (places === 0) return -1;
  }
  if (at - from > MAX_NARROW_BYTES) return scanWide(bytes, from, at, places);
  scanned[0] = mantissa / POW10[places]!;
  return at;
}

/** The same number, which ends at `end`, with more digits than an int32 can hold. */
function scanWide(bytes: Uint8Array, from: number, end: number, places: number): number {
  if (end - from > MAX_BYTES) return -1;
  let mantissa = 0;
  for (let at = from; at < end; at++) {
    const digit = (bytes[at]! - ZERO) >>> 0;
    if (digit <= 9) mantissa = mantissa * 10 + digit;
  }
  // Up to 2^53 no step of the sum above was rounded.
  if (mantissa > Number.MAX_SAFE_INTEGER) return -1;
  scanned[0] = mantissa / POW10[places]!;
  return end;
}

/** The same for a number without a point, as trade ids are: long, so it goes by four digits. */
export function scanInteger(bytes: Uint8Array, view: DataView, from: number): number {
  let at = from;
  let value = 0;
  for (; ; at += 4) {
    const four = view.getInt32(at, true);
    if (!areDigits(four)) break;
    value = value * 10_000 + fourDigits(four);
  }
  for (; ; at++) {
    const digit = (bytes[at]! - ZERO) >>> 0;
    if (digit > 9) break;
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER || at === from || (bytes[from] === ZERO && at - from > 1)) return -1;
  scanned[0] = value;
  return at;
}

/** Whether four characters, as a little-endian word, are all digits. */
export function areDigits(w: number): boolean {
  return ((w & 0xf0f0f0f0) | 0) === 0x30303030 && (((w + 0x06060606) & 0xf0f0f0f0) | 0) === 0x30303030;
}

/** Value of four digits, the first in the lowest byte. */
export function fourDigits(w: number): number {
  const x = w & 0x0f0f0f0f;
  const pairs = (Math.imul(x, 10) + (x >>> 8)) & 0x00ff00ff;
  return Math.imul(pairs, 0x00640001) >>> 16;
}
