import { candleOpenMs } from '../../domain/model/candle.ts';
import type { CandleRow } from '../../domain/model/checkpoint.ts';
import type { Mode } from '../../domain/model/mode.ts';
import { FUTURE_LIMIT_MS } from '../../domain/model/rejection.ts';
import { mergeCandles } from '../../domain/service/merge-candles.ts';
import type { Candle, ListOrder } from '../port/in/candle-queries.ts';
import type { Answer } from '../port/in/queries.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { CandleMemory } from './query-candles-memory.ts';
import { CandleRows, CandlesUnavailableError } from './query-candles-rows.ts';
import { candleOf, candleOfMerged } from './query-candles-view.ts';

export interface CandleSourceParts {
  readonly store: Pick<CandleStore, 'candles'>;
  /** Null: this process does not run the pipeline; what is stored is what there is. */
  readonly memory: CandleMemory | null;
  /** Kept, ascending. */
  readonly intervalsMs: readonly number[];
  /** In force. */
  readonly mode: () => Mode;
  /** Names of all that a mode has or had, lower case. */
  readonly exchanges: (mode: Mode) => readonly string[];
  /** Accepted now, or known from before; upper case. */
  readonly knowsSymbol: (symbol: string) => boolean;
  readonly nowMs: () => number;
}

/** What is asked about, after the names were found. */
export interface CandleScope {
  readonly mode: Mode;
  /** Null: merged over `exchanges`. */
  readonly exchange: string | null;
  readonly symbol: string;
  readonly intervalMs: number;
  readonly exchanges: readonly string[];
}

export interface CandleSpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  readonly order: ListOrder;
}

/** The candles of one exchange, or merged over all, as questions about them need them. */
export class CandleSource {
  private readonly parts: CandleSourceParts;
  private readonly rows: CandleRows;

  constructor(parts: CandleSourceParts) {
    this.parts = parts;
    this.rows = new CandleRows(parts.store, parts.memory);
  }

  get intervalsMs(): readonly number[] {
    return this.parts.intervalsMs;
  }

  scope(question: {
    readonly mode: Mode | null;
    readonly exchange: string | null;
    readonly symbol: string;
    readonly intervalMs: number;
  }): Answer<CandleScope> {
    const mode = question.mode ?? this.parts.mode();
    const exchange = question.exchange?.toLowerCase() ?? null;
    const symbol = question.symbol.toUpperCase();
    const known = this.parts.exchanges(mode);
    if (exchange !== null && !known.includes(exchange)) {
      return { ok: false, failure: 'unknown_exchange', detail: `no exchange ${exchange} in ${mode} mode` };
    }
    if (!this.parts.knowsSymbol(symbol)) {
      return { ok: false, failure: 'unknown_symbol', detail: `${symbol} is not among the accepted symbols` };
    }
    const exchanges = exchange === null ? [...known].sort() : [exchange];
    return { ok: true, value: { mode, exchange, symbol, intervalMs: question.intervalMs, exchanges } };
  }

  /** Runs `work`, which reads, when it is its turn; what the store can't give becomes the answer. */
  async answer<T>(work: () => Promise<T>): Promise<Answer<T>> {
    try {
      return { ok: true, value: await this.rows.inTurn(work) };
    } catch (cause) {
      if (!(cause instanceof CandlesUnavailableError)) throw cause;
      return { ok: false, failure: 'unavailable', detail: cause.message };
    }
  }

  nowMs(): number {
    return this.parts.nowMs();
  }

  /** End of a range that goes up to now. */
  endMs(toMs: number | null): number {
    // An exchange's clock may be ahead of ours: candles up to now are those that open before then.
    return toMs ?? this.parts.nowMs() + FUTURE_LIMIT_MS;
  }

  async read(scope: CandleScope, span: CandleSpan): Promise<readonly Candle[]> {
    const { mode, symbol, intervalMs, exchanges } = scope;
    if (scope.exchange !== null) {
      const rows = await this.rows.read({ mode, exchange: scope.exchange, symbol, intervalMs, ...span });
      return rows.map(candleOf);
    }
    const byOpenMs = new Map<number, CandleRow[]>();
    // The first n buckets of all are among the first n of each.
    for (const exchange of exchanges) {
      for (const row of await this.rows.read({ mode, exchange, symbol, intervalMs, ...span })) {
        const held = byOpenMs.get(row.openMs);
        if (held === undefined) byOpenMs.set(row.openMs, [row]);
        else held.push(row);
      }
    }
    const sign = span.order === 'asc' ? 1 : -1;
    const buckets = [...byOpenMs].sort(([a], [b]) => sign * (a - b)).slice(0, span.limit);
    const sinceMs = await this.beginnings(scope, buckets);
    return buckets.map(([openMs, rows]) => {
      const isMissing = (exchange: string) =>
        (sinceMs.get(exchange) ?? Number.POSITIVE_INFINITY) < openMs && !rows.some((row) => row.exchange === exchange);
      return candleOfMerged(mergeCandles(rows), intervalMs, exchanges.some(isMissing));
    });
  }

  /** True if no tick can change a candle that opens before `toMs` any more. */
  isSettled({ mode, intervalMs, exchanges }: CandleScope, toMs: number): boolean {
    const { memory } = this.parts;
    if (memory === null || toMs <= 0) return false;
    const endMs = candleOpenMs(toMs - 1, intervalMs) + intervalMs;
    return exchanges.every((exchange) => memory.settledBeforeMs(mode, exchange) >= endMs);
  }

  /** The first candle of each exchange that is missing from a bucket: from there on a bucket without it lacks something. */
  private async beginnings(
    { mode, symbol, intervalMs, exchanges }: CandleScope,
    buckets: readonly (readonly [number, readonly CandleRow[]])[],
  ): Promise<ReadonlyMap<string, number>> {
    const sinceMs = new Map<string, number>();
    const toMs = Math.max(0, ...buckets.map(([openMs]) => openMs));
    for (const exchange of exchanges) {
      const everywhere = buckets.every(([, rows]) => rows.some((row) => row.exchange === exchange));
      if (everywhere) continue;
      const range = { mode, exchange, symbol, intervalMs, fromMs: 0, toMs, limit: 1, order: 'asc' as const };
      const [first] = await this.rows.read(range);
      if (first !== undefined) sinceMs.set(exchange, first.openMs);
    }
    return sinceMs;
  }
}
