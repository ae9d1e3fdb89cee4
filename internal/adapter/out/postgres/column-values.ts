import type { Row } from './link.ts';
import { PostgresStoreError } from './store-error.ts';

export function numberAt(row: Row, column: number): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw unexpected(value, 'a number', column);
}

export function numberOrNullAt(row: Row, column: number): number | null {
  return row[column] === null ? null : numberAt(row, column);
}

export function textAt(row: Row, column: number): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw unexpected(value, 'a text', column);
}

export function bytesAt(row: Row, column: number): Uint8Array {
  const value = row[column];
  // A copy: the driver's buffer is one of a pool.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw unexpected(value, 'bytes', column);
}

export function bytesOrNullAt(row: Row, column: number): Uint8Array | null {
  return row[column] === null ? null : bytesAt(row, column);
}

/** The JSON in a text column; `check` says whether it has the shape that was written. */
export function jsonAt<T>(row: Row, column: number, check: (value: unknown) => value is T): T {
  const value: unknown = JSON.parse(textAt(row, column));
  if (check(value)) return value;
  throw unexpected(textAt(row, column), 'JSON of the shape that was written', column);
}

export function oneOf<T extends string>(values: readonly T[], row: Row, column: number): T {
  const text = textAt(row, column);
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  throw unexpected(text, values.join(' | '), column);
}

function unexpected(value: unknown, wanted: string, column: number): PostgresStoreError {
  return new PostgresStoreError('corrupt', `column ${column + 1} of a row is ${String(value)}, not ${wanted}`);
}
