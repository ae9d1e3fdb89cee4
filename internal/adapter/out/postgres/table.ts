import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Value } from './link.ts';

/** How long arrays are put together before others get a turn. */
const SLICE_MS = 2;
const ROWS_PER_LOOK = 32;

type ColumnType = 'text' | 'smallint' | 'bigint' | 'double precision' | 'bytea';

export interface Column<T> {
  readonly name: string;
  readonly type: ColumnType;
  readonly of: (row: T) => Value;
}

/** A table that rows of `T` are written to, many at a time: one array for each column. */
export interface Table<T> {
  readonly name: string;
  readonly columns: readonly Column<T>[];
  /** The first so many columns are the key. */
  readonly keyColumns: number;
  /** SQL: a stored row stays as it is unless this holds. */
  readonly replacedIf?: string;
}

/** Puts rows in or replaces them as a whole; a parameter is the literal of an array. No key may be there twice. */
export function upsertOf<T>({ name, columns, keyColumns, replacedIf }: Table<T>): string {
  const names = columns.map((column) => quoted(column.name));
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`);
  const replaced = names.slice(keyColumns).map((column) => `${column} = excluded.${column}`);
  const guard = replacedIf === undefined ? '' : ` WHERE ${replacedIf}`;
  const instead = replaced.length === 0 ? 'NOTHING' : `UPDATE SET ${replaced.join(', ')}${guard}`;
  return `
INSERT INTO ${name} (${names.join(', ')})
SELECT * FROM unnest(${arrays.join(', ')})
ON CONFLICT (${names.slice(0, keyColumns).join(', ')}) DO ${instead}`;
}

/** `"open", "close"…` */
export function columnList<T>({ columns }: Table<T>, prefix = ''): string {
  return columns.map(({ name }) => `${prefix}${quoted(name)}`).join(', ');
}

/** The parameters of `upsertOf` for rows `[from, to)`, put together in slices of `SLICE_MS`. */
export async function arraysOf<T>(table: Table<T>, rows: readonly T[], from: number, to: number): Promise<string[]> {
  const arrays = table.columns.map(() => '{');
  let turnAtMs = performance.now();
  for (let start = from; start < to; start += ROWS_PER_LOOK) {
    const part = rows.slice(start, Math.min(start + ROWS_PER_LOOK, to));
    for (const [index, column] of table.columns.entries()) {
      let text = '';
      for (const row of part) text += `${elementOf(column.of(row), column.type)},`;
      arrays[index] += text;
    }
    if (performance.now() - turnAtMs < SLICE_MS) continue;
    await nextTurn();
    turnAtMs = performance.now();
  }
  return arrays.map((array) => `${array.slice(0, -1)}}`);
}

/** https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function elementOf(value: Value, type: ColumnType): string {
  if (value === null) return 'NULL';
  if (type === 'text') return `"${String(value).replaceAll(/["\\]/g, '\\$&')}"`;
  if (type !== 'bytea') return String(value);
  if (value instanceof Uint8Array) {
    const { buffer, byteOffset, byteLength } = value;
    return `"\\\\x${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}"`;
  }
  throw new TypeError(`not bytes: ${typeof value}`);
}

/** Some of our columns have names that are words of SQL. */
function quoted(name: string): string {
  return `"${name}"`;
}
