import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Row } from './column-values.ts';

/** A prepared query whose rows come as arrays: half the price of objects. */
export class Query {
  readonly #statement: StatementSync;

  constructor(db: DatabaseSync, sql: string) {
    this.#statement = db.prepare(sql);
    this.#statement.setReturnArrays(true);
  }

  all(...values: SQLInputValue[]): readonly Row[] {
    return asRows(this.#statement.all(...values));
  }

  first(...values: SQLInputValue[]): Row | null {
    const row: unknown = this.#statement.get(...values);
    return Array.isArray(row) ? row : null;
  }

  /** Holds one snapshot until it is done or given up. One at a time. */
  *iterate(...values: SQLInputValue[]): Generator<Row, void, void> {
    for (const row of this.#statement.iterate(...values)) if (Array.isArray(row)) yield row;
  }
}

/** The types of node:sqlite say that rows are objects, also after `setReturnArrays`. */
function asRows(rows: unknown): readonly Row[] {
  return Array.isArray(rows) ? rows : [];
}
