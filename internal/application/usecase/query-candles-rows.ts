import { withDeadline } from '../../../pkg/concurrency/deadline.ts';
import type { CandleRow } from '../../domain/model/checkpoint.ts';
import type { CandleRange, CandleStore } from '../port/out/candle-store.ts';
import type { CandleMemory } from './query-candles-memory.ts';

/** Longer, and the store counts as not answering. */
const STORE_DEADLINE_MS = 2_000;
/** Questions of all clients together that are under way, and that wait for one of them to end. */
const UNDER_WAY_MAX = 8;
const WAITING_MAX = 256;

/** The candles can't be had at the moment. */
export class CandlesUnavailableError extends Error {
  override readonly name = 'CandlesUnavailableError';
  readonly code = 'unavailable';
  readonly severity = 'retry';
}

/** Candles of one exchange, from memory and the store, as one list. Bounded in how many questions it serves at once. */
export class CandleRows {
  private readonly store: Pick<CandleStore, 'candles'>;
  private readonly memory: CandleMemory | null;
  private underWay = 0;
  private readonly waiting: (() => void)[] = [];

  /** `memory` null: of a process that does not run the pipeline, which knows what is stored. */
  constructor(store: Pick<CandleStore, 'candles'>, memory: CandleMemory | null) {
    this.store = store;
    this.memory = memory;
  }

  /** Runs `work` when it is its turn. Rejects with CandlesUnavailableError when too many wait. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.underWay >= UNDER_WAY_MAX) {
      if (this.waiting.length >= WAITING_MAX) throw new CandlesUnavailableError('too many candle queries at once');
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else this.underWay++;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.underWay--;
      else next();
    }
  }

  /** Rejects with CandlesUnavailableError when the store fails or takes too long. */
  async read(range: CandleRange): Promise<readonly CandleRow[]> {
    const { mode, exchange, symbol, intervalMs, fromMs, toMs, order, limit } = range;
    if (limit <= 0 || toMs <= fromMs) return [];
    // Memory first: what leaves it meanwhile is here, and what is stored meanwhile is superseded.
    const live = (this.memory?.rows(mode, exchange, symbol, intervalMs) ?? []).filter(
      ({ openMs }) => openMs >= fromMs && openMs < toMs,
    );
    const stored = await this.stored(range);
    if (live.length === 0) return stored;
    const superseded = new Set(live.map(({ openMs }) => openMs));
    const rows = [...stored.filter(({ openMs }) => !superseded.has(openMs)), ...live];
    const sign = order === 'asc' ? 1 : -1;
    return rows.sort((a, b) => sign * (a.openMs - b.openMs)).slice(0, limit);
  }

  private async stored(range: CandleRange): Promise<readonly CandleRow[]> {
    try {
      return await withDeadline(this.store.candles(range), STORE_DEADLINE_MS, 'the candle store');
    } catch (cause) {
      throw new CandlesUnavailableError('the candle store does not answer', { cause });
    }
  }
}
