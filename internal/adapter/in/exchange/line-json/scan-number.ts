const ZERO = 48;
/** What a point is among the digits. */
const POINT = (46 - ZERO) >>> 0;

/** 10^0 … 10^22 are exact doubles; an integer below 2^53 divided by one of them is correctly rounded (Clinger 1990). */
const POW10 = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/** Sixteen digits, the most that are surely below 10^16, and a point. */
const MAX_BYTES = 17;

/**
 * Result of the last `scanNumber`: the value, and 1 if it is written without a point. A returned pair would be an
 * allocation for each number, and so would the value as an object's field, which V8 keeps as a heap number.
 */
export const scanned = new Float64Array(2);

/**
 * Hot path. Reads a plain decimal at `from`: digits, perhaps a point and digits; no sign, no exponent, at most 16
 * digits, below 2^53 without the point. Returns the offset behind it with the value in `scanned`, or -1 when it has
 * another form (which may well be valid JSON: the caller then asks `JSON.parse`). The character behind the number is
 * not judged; there must be one that is no digit.
 */
export function scanNumber(bytes: Uint8Array, from: number): number {
  let at = from;
  let mantissa = 0;
  let point = -1;
  for (; ; at++) {
    const digit = (bytes[at]! - ZERO) >>> 0;
    if (digit <= 9) mantissa = mantissa * 10 + digit;
    else if (digit === POINT && point < 0) point = at;
    else break;
  }
  // Up to 2^53 no step of the sum above was rounded.
  if (mantissa > Number.MAX_SAFE_INTEGER || at - from > MAX_BYTES) return -1;
  let wholeDigits = at - from;
  if (point < 0) {
    scanned[0] = mantissa;
    scanned[1] = 1;
  } else {
    wholeDigits = point - from;
    const places = at - point - 1;
    if (places === 0) return -1;
    scanned[0] = mantissa / POW10[places]!;
    scanned[1] = 0;
  }
  return wholeDigits === 0 || (wholeDigits > 1 && bytes[from] === ZERO) ? -1 : at;
}
