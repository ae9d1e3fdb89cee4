const DOT = 46;
const ZERO = 48;

/** 10^0 … 10^22 are exact doubles; an integer below 2^53 divided by one of them is correctly rounded (Clinger 1990). */
const POW10 = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/** Digits that surely fit 2^53. */
const MAX_DIGITS = 15;

/** Result of the last `scanNumber`: a module-level record, because a returned pair would be an allocation per number. */
export const scanned = { value: 0, integer: true };

/**
 * Hot path. Reads a plain decimal at `from`: digits, perhaps a point and digits; no sign, no exponent, at most 15
 * digits. Returns the offset behind it with the value in `scanned`, or -1 when it has another form (which may well
 * be valid JSON: the caller then asks `JSON.parse`). The character behind the number is not judged.
 */
export function scanNumber(bytes: Uint8Array, from: number): number {
  let at = from;
  let mantissa = bytes[at++]! - ZERO;
  if (mantissa < 0 || mantissa > 9) return -1;
  let digit = bytes[at]! - ZERO;
  if (mantissa === 0 && digit >= 0 && digit <= 9) return -1;
  while (digit >= 0 && digit <= 9) {
    mantissa = (Math.imul(mantissa, 10) + digit) | 0;
    digit = bytes[++at]! - ZERO;
  }
  if (digit + ZERO !== DOT) {
    if (at - from > 9) return scanWide(bytes, from);
    scanned.value = mantissa;
    scanned.integer = true;
    return at;
  }
  const fraction = ++at;
  digit = bytes[at]! - ZERO;
  while (digit >= 0 && digit <= 9) {
    mantissa = (Math.imul(mantissa, 10) + digit) | 0;
    digit = bytes[++at]! - ZERO;
  }
  if (at === fraction) return -1;
  if (at - from > 10) return scanWide(bytes, from);
  scanned.value = mantissa / POW10[at - fraction]!;
  scanned.integer = false;
  return at;
}

/** The same for 10 to 15 digits: those that an int32 can't hold. */
function scanWide(bytes: Uint8Array, from: number): number {
  let at = from;
  let mantissa = 0;
  let digits = 0;
  let fraction = -1;
  for (; ; at++) {
    const c = bytes[at]!;
    if (c === DOT && fraction < 0) {
      fraction = at + 1;
      continue;
    }
    const digit = c - ZERO;
    if (digit < 0 || digit > 9) break;
    mantissa = mantissa * 10 + digit;
    digits++;
  }
  if (digits > MAX_DIGITS) return -1;
  scanned.integer = fraction < 0;
  scanned.value = fraction < 0 ? mantissa : mantissa / POW10[at - fraction]!;
  return at;
}
