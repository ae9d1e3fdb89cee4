import type { Candle, CandlePage, CandleQueries, CandleQuestion } from '../port/in/candle-queries.ts';
import type { Answer } from '../port/in/queries.ts';
import { fillGaps } from './query-candles-fill.ts';
import type { CandleScope, CandleSource } from './query-candles-source.ts';

/** A range with both ends, and where in it the page begins. */
interface Walk {
  readonly fromMs: number;
  readonly toMs: number;
  readonly afterOpenMs: number | null;
}

/** Answers for candles, a page at a time. */
export class QueryCandles implements CandleQueries {
  private readonly source: CandleSource;

  constructor(source: CandleSource) {
    this.source = source;
  }

  get intervalsMs(): readonly number[] {
    return this.source.intervalsMs;
  }

  async candles(question: CandleQuestion): Promise<Answer<CandlePage>> {
    const found = this.source.scope(question);
    if (!found.ok) return found;
    const scope = found.value;
    const { fromMs, afterOpenMs, limit, order } = question;
    const toMs = this.source.endMs(question.toMs);
    // Without a beginning the newest are meant, in whatever order: they are found from their end.
    const newest = fromMs === null && order === 'asc';
    const walk = { fromMs: fromMs ?? 0, toMs, afterOpenMs };
    return this.source.answer(async () => {
      // Asked before the candles are read: what is settled then can't change while they are.
      const settled = this.source.isSettled(scope, toMs);
      const found = await this.walk(scope, newest ? { ...question, order: 'desc' } : question, walk);
      const candles = found.slice(0, limit);
      if (newest) candles.reverse();
      return {
        ...{ mode: scope.mode, exchange: scope.exchange, symbol: scope.symbol, candles, fromMs, toMs },
        more: !newest && found.length > limit,
        settled: settled && candles.every(({ state }) => state !== 'forming'),
      };
    });
  }

  /** The candles of the page, and one more if there are more. */
  private async walk(scope: CandleScope, { order, limit, fill }: CandleQuestion, walk: Walk): Promise<Candle[]> {
    const { afterOpenMs, fromMs, toMs } = walk;
    const isAscending = order === 'asc';
    const span = {
      fromMs: isAscending && afterOpenMs !== null ? afterOpenMs + scope.intervalMs : fromMs,
      toMs: isAscending || afterOpenMs === null ? toMs : afterOpenMs,
      limit: limit + 1,
    };
    const candles = await this.source.read(scope, { ...span, order });
    if (fill === 'none') return [...candles];
    const after =
      afterOpenMs === null
        ? null
        : { openMs: afterOpenMs, candle: await this.neighbour(scope, order, afterOpenMs, walk) };
    const { intervalMs } = scope;
    return fillGaps(candles, { intervalMs, order, nowMs: this.source.nowMs(), limit: limit + 1, after });
  }

  /** The candle with ticks that the page before ended with, or had next to its end. */
  private async neighbour(
    scope: CandleScope,
    order: 'asc' | 'desc',
    openMs: number,
    { fromMs, toMs }: Walk,
  ): Promise<Candle | null> {
    const [candle] = await this.source.read(
      scope,
      order === 'asc'
        ? { fromMs, toMs: openMs + 1, limit: 1, order: 'desc' }
        : { fromMs: openMs, toMs, limit: 1, order: 'asc' },
    );
    return candle ?? null;
  }
}
