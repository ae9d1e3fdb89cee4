import { type Extremes, emptyExtremes, meanWithin, mergeExtremes } from '../../domain/model/candle.ts';
import { exactValue } from '../../domain/service/exact-sum.ts';
import type { Answer, AveragePrice, ExtremePrice, Period, QueryFailure } from '../port/in/queries.ts';

/** The ticks of one pair in the window. */
export interface PairSummary {
  readonly exchange: string;
  readonly summary: Extremes;
}

/** The folds of all pairs that had ticks in the window `[fromMs, toMs)`; null = all history. */
export interface Summaries {
  readonly pairs: readonly PairSummary[];
  readonly window: { readonly fromMs: number; readonly toMs: number } | null;
}

export type Failure = { readonly ok: false; readonly failure: QueryFailure; readonly detail: string };

type Extreme = 'highest' | 'lowest';

/** The figures of a period, for whoever knows the folds of its window. */
export abstract class PeriodFigures {
  /** The folds of all pairs that had ticks in the window; `period` null = all history. */
  protected abstract summaries(
    exchange: string | null,
    symbol: string,
    period: Period | null,
  ): Promise<Answer<Summaries>>;

  highest(exchange: string | null, symbol: string, period: Period | null): Promise<Answer<ExtremePrice>> {
    return this.extreme('highest', exchange, symbol, period);
  }

  lowest(exchange: string | null, symbol: string, period: Period | null): Promise<Answer<ExtremePrice>> {
    return this.extreme('lowest', exchange, symbol, period);
  }

  async average(exchange: string | null, symbol: string, period: Period | null): Promise<Answer<AveragePrice>> {
    const answer = await this.summaries(exchange, symbol, period);
    return answer.ok ? averageAnswer(answer.value, exchange, symbol, period) : answer;
  }

  private async extreme(
    which: Extreme,
    exchange: string | null,
    symbol: string,
    period: Period | null,
  ): Promise<Answer<ExtremePrice>> {
    const answer = await this.summaries(exchange, symbol, period);
    return answer.ok ? extremeAnswer(which, answer.value, symbol, period) : answer;
  }
}

function averageAnswer(
  { pairs, window }: Summaries,
  exchange: string | null,
  symbol: string,
  period: Period | null,
): Answer<AveragePrice> {
  if (pairs.length === 0) return noTick(symbol);
  const merged = emptyExtremes();
  for (const { summary } of pairs) mergeExtremes(merged, summary);
  return {
    ok: true,
    value: {
      exchange: exchange === null ? null : (pairs[0]?.exchange ?? null),
      symbol: symbol.toUpperCase(),
      price: meanWithin(merged, exactValue(merged) / merged.count),
      period: period?.text ?? null,
      ...bounds(window, merged),
      count: merged.count,
    },
  };
}

function extremeAnswer(
  which: Extreme,
  { pairs, window }: Summaries,
  symbol: string,
  period: Period | null,
): Answer<ExtremePrice> {
  const price = which === 'highest' ? 'high' : 'low';
  const at = which === 'highest' ? 'highAtMs' : 'lowAtMs';
  const merged = emptyExtremes();
  let best: PairSummary | undefined;
  for (const pair of pairs) {
    mergeExtremes(merged, pair.summary);
    const held = best?.summary;
    const ahead = held === undefined ? 1 : (pair.summary[price] - held[price]) * (which === 'highest' ? 1 : -1);
    if (held === undefined || ahead > 0 || (ahead === 0 && pair.summary[at] < held[at])) best = pair;
  }
  if (best === undefined) return noTick(symbol);
  return {
    ok: true,
    value: {
      exchange: best.exchange,
      symbol: symbol.toUpperCase(),
      price: best.summary[price],
      timestamp: best.summary[at],
      period: period?.text ?? null,
      ...bounds(window, merged),
      count: merged.count,
    },
  };
}

export function noTick(symbol: string): Failure {
  return failure('no_data', `no tick of ${symbol.toUpperCase()} in the window`);
}

export function failure(code: QueryFailure, detail: string): Failure {
  return { ok: false, failure: code, detail };
}

function bounds(window: Summaries['window'], merged: Extremes): { from: number; to: number } {
  return window === null
    ? { from: merged.firstAtMs, to: merged.lastAtMs + 1 }
    : { from: window.fromMs, to: window.toMs };
}
