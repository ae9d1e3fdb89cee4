import { crc32 } from 'node:zlib';

const VERSION = 1;
/** Longer ones are not ours. */
const CURSOR_MAX_CHARS = 256;

type Value = number | string | null;

/**
 * A place in a list as opaque text. Nothing is kept for it here: it carries the place and a check sum of `query`, the
 * question that it belongs to, so that it can't be used for another.
 */
export function encodeCursor(query: string, place: readonly Value[]): string {
  return Buffer.from(JSON.stringify([VERSION, crc32(query), ...place])).toString('base64url');
}

/** The place; null: no cursor of ours, or one of another question. */
export function decodeCursor(query: string, text: string): readonly Value[] | null {
  if (text.length > CURSOR_MAX_CHARS) return null;
  const bytes = Buffer.from(text, 'base64url');
  // Decoding passes over what it does not know.
  if (bytes.toString('base64url') !== text) return null;
  let decoded: unknown;
  try {
    decoded = JSON.parse(bytes.toString());
  } catch {
    return null;
  }
  if (!Array.isArray(decoded) || decoded[0] !== VERSION || decoded[1] !== crc32(query)) return null;
  const place: readonly unknown[] = decoded.slice(2);
  const isValue = (value: unknown) => value === null || typeof value === 'number' || typeof value === 'string';
  return place.every(isValue) ? (place as readonly Value[]) : null;
}

/** A time of the range that queries may have, or a place in it. */
export function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
