import { textAt } from './column-values.ts';
import type { LinkPool } from './link-pool.ts';

const ROUND_MS = 60_000;
const QUERY_MS = 2_000;
/** Of each series, what one round drops. */
const ROWS_MAX = 2_000;

/** Drops candles that are older than the setting says, a few each minute: what TimescaleDB does by itself. */
export class OldCandles {
  readonly #pool: LinkPool;
  readonly #beforeMs: () => number;
  readonly #timer: NodeJS.Timeout;
  #isRunning = false;

  constructor(pool: LinkPool, beforeMs: () => number) {
    this.#pool = pool;
    this.#beforeMs = beforeMs;
    this.#timer = setInterval(() => void this.drop(), ROUND_MS).unref();
    void this.drop();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A failure is left to the next round. */
  async drop(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    await this.#dropAll().catch(() => undefined);
    this.#isRunning = false;
  }

  async #dropAll(): Promise<void> {
    const sources = 'SELECT DISTINCT mode, exchange, "interval" FROM candle_series';
    const { rows } = await this.#pool.use(QUERY_MS, ({ query }) => query(sources, []));
    for (const row of rows) {
      const values = [textAt(row, 0), textAt(row, 1), textAt(row, 2), this.#beforeMs(), ROWS_MAX];
      await this.#pool.use(QUERY_MS, ({ query }) => query('SELECT drop_candles($1, $2, $3, $4, $5)', values));
    }
  }
}
