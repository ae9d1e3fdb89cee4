import { type Extremes, emptyExtremes, MINUTE_MS, mergeExtremes } from '../../domain/model/candle.ts';
import type { Instrument } from '../../domain/service/instrument.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { SourceBook } from '../../domain/service/source-book.ts';
import type { Answer, LatestPrice, Period, PriceQueries } from '../port/in/queries.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { MarketFeeds } from '../port/out/market-feeds.ts';
import { type PeriodWindow, periodWindow } from './period-window.ts';
import { failure, noTick, type PairSummary, PeriodFigures, type Summaries } from './price-answers.ts';
import { priceStatus } from './price-status.ts';
import type { SymbolDirectory } from './symbol-directory.ts';

export interface QueryPricesParts {
  readonly state: MarketState;
  readonly store: CandleStore;
  readonly feeds: MarketFeeds;
  readonly symbols: SymbolDirectory;
  readonly nowMs: () => number;
}

/** One pair that has had ticks. */
interface Pair {
  readonly source: SourceBook;
  readonly instrument: Instrument;
}

/** Answers for prices of the current mode out of this process's own state, and the store for minutes that have left it. */
export class QueryPrices extends PeriodFigures implements PriceQueries {
  private readonly parts: QueryPricesParts;

  constructor(parts: QueryPricesParts) {
    super();
    this.parts = parts;
  }

  /** Asked for more than all else: one pass over the sources, no list in between. */
  latest(exchangeName: string | null, symbolName: string): Answer<LatestPrice> {
    const { state, feeds, nowMs } = this.parts;
    const mode = state.mode?.mode ?? 'test';
    const symbol = symbolName.toUpperCase();
    const exchange = exchangeName?.toLowerCase() ?? null;
    const id = state.symbolId(symbol);
    let newestSource: SourceBook | undefined;
    let newest: Instrument | undefined;
    for (const source of state.sources) {
      if (source === undefined || source.mode !== mode || (exchange !== null && source.exchange !== exchange)) continue;
      const instrument = id === undefined ? undefined : source.instruments[id];
      if (instrument === undefined || (newest !== undefined && instrument.lastAtMs <= newest.lastAtMs)) continue;
      newestSource = source;
      newest = instrument;
    }
    if (newestSource === undefined || newest === undefined) {
      const found = this.pairs(exchangeName, symbolName);
      return found.ok ? noTick(symbol) : found;
    }
    const ageMs = Math.max(0, nowMs() - newest.lastReceivedAtMs);
    return {
      ok: true,
      value: {
        exchange: newestSource.exchange,
        symbol,
        price: newest.lastPrice,
        timestamp: newest.lastAtMs,
        receivedAt: newest.lastReceivedAtMs,
        ageMs,
        status: priceStatus(feeds.stateOf(newestSource.exchange), ageMs),
      },
    };
  }

  /** The folds of all pairs that had ticks in the window; `window` null = all history. */
  protected override async summaries(
    exchange: string | null,
    symbol: string,
    period: Period | null,
  ): Promise<Answer<Summaries>> {
    const found = this.pairs(exchange, symbol);
    if (!found.ok) return found;
    const window = period === null ? null : periodWindow(period.ms, this.parts.nowMs());
    // All of memory is read in this turn, before the store is asked: what the store adds can't change any more.
    const known = found.value.map(({ source, instrument }) => ({ source, ...this.memory(source, instrument, window) }));
    const pairs: PairSummary[] = [];
    for (const { source, summary, fromMs, storedToMs } of known) {
      if (storedToMs > fromMs) {
        try {
          const name = symbol.toUpperCase();
          mergeExtremes(
            summary,
            await this.parts.store.summarise(source.mode, source.exchange, name, fromMs, storedToMs),
          );
        } catch {
          return failure('unavailable', 'the candle store does not answer');
        }
      }
      if (summary.count > 0) pairs.push({ exchange: source.exchange, summary });
    }
    if (pairs.length === 0) return noTick(symbol);
    return { ok: true, value: { pairs, window } };
  }

  /** What memory knows of the window, and the part of it, `[fromMs, storedToMs)`, that only the store does. */
  private memory(
    source: SourceBook,
    instrument: Instrument,
    window: PeriodWindow | null,
  ): { summary: Extremes; fromMs: number; storedToMs: number } {
    const summary = emptyExtremes();
    if (window === null) {
      mergeExtremes(summary, instrument.history);
      instrument.summariseMinutes(0, Number.POSITIVE_INFINITY, summary);
      return { summary, fromMs: 0, storedToMs: 0 };
    }
    const { stepMs, fromMs, toMs } = window;
    if (stepMs < MINUTE_MS) {
      this.parts.state.summariseSteps(instrument, stepMs, fromMs, toMs, summary);
      return { summary, fromMs, storedToMs: fromMs };
    }
    instrument.summariseMinutes(fromMs, toMs, summary);
    return { summary, fromMs, storedToMs: Math.min(toMs, source.evictedBeforeMs) };
  }

  private pairs(exchangeName: string | null, symbolName: string): Answer<Pair[]> {
    const { state, feeds, symbols } = this.parts;
    const mode = state.mode?.mode ?? 'test';
    const symbol = symbolName.toUpperCase();
    const exchange = exchangeName?.toLowerCase() ?? null;
    if (exchange !== null && state.source(mode, exchange) === undefined && !feeds.exchanges(mode).includes(exchange)) {
      return failure('unknown_exchange', `no exchange ${exchange} in ${mode} mode`);
    }
    const pairs: Pair[] = [];
    for (const source of state.sources) {
      if (source === undefined || source.mode !== mode || (exchange !== null && source.exchange !== exchange)) continue;
      const instrument = state.instrument(source, symbol);
      if (instrument !== undefined) pairs.push({ source, instrument });
    }
    if (pairs.length === 0 && symbols.idOf(symbol) === undefined) {
      return failure('unknown_symbol', `${symbol} is not among the accepted symbols`);
    }
    return { ok: true, value: pairs };
  }
}
