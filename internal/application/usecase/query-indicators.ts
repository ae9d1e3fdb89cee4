import type {
  Candle,
  IndicatorPoint,
  IndicatorQueries,
  IndicatorQuestion,
  IndicatorSeries,
} from '../port/in/candle-queries.ts';
import type { Answer } from '../port/in/queries.ts';
import type { IndicatorSpec, Indicators } from '../port/out/indicators.ts';
import type { CandleScope, CandleSource } from './query-candles-source.ts';

/** Answers for indicators over candles: over those that exist, a bucket without ticks is passed over. */
export class QueryIndicators implements IndicatorQueries {
  private readonly source: CandleSource;
  private readonly indicators: Indicators;

  constructor(source: CandleSource, indicators: Indicators) {
    this.source = source;
    this.indicators = indicators;
  }

  get intervalsMs(): readonly number[] {
    return this.source.intervalsMs;
  }

  async indicator(question: IndicatorQuestion): Promise<Answer<IndicatorSeries>> {
    const found = this.source.scope(question);
    if (!found.ok) return found;
    const scope = found.value;
    const { spec, order, fromMs, limit } = question;
    const toMs = this.source.endMs(question.toMs);
    const answer = await this.source.answer(async () => {
      const { candles, more } = await this.page(scope, question, toMs);
      const points = await this.points(scope, spec, candles);
      return { candles, points, more };
    });
    if (!answer.ok) return answer;
    const { candles, points, more } = answer.value;
    if (spec.name === 'vwap' && candles.length > 0 && candles.every(({ volume }) => volume === null)) {
      const detail = `the feed of ${scope.exchange} has no quantities, and without volumes there is no vwap`;
      return { ok: false, failure: 'no_data', detail };
    }
    return {
      ok: true,
      value: {
        ...{ mode: scope.mode, exchange: question.exchange.toLowerCase(), symbol: scope.symbol, fromMs, toMs },
        warmUp: this.indicators.warmUpCandles(spec),
        points: (order === 'asc' ? points : points.reverse()).slice(0, limit),
        more,
      },
    };
  }

  /** The candles whose values are asked for, ascending. */
  private async page(
    scope: CandleScope,
    { fromMs, limit, order }: IndicatorQuestion,
    toMs: number,
  ): Promise<{ candles: readonly Candle[]; more: boolean }> {
    const isAscending = order === 'asc' && fromMs !== null;
    const span = { fromMs: fromMs ?? 0, toMs, limit: limit + 1, order: isAscending ? 'asc' : 'desc' } as const;
    const found = await this.source.read(scope, span);
    const candles = found.slice(0, limit);
    return {
      candles: isAscending ? candles : candles.reverse(),
      more: (isAscending || order === 'desc') && found.length > limit,
    };
  }

  /** The values of `candles`, ascending, those left out that are not defined. */
  private async points(scope: CandleScope, spec: IndicatorSpec, candles: readonly Candle[]): Promise<IndicatorPoint[]> {
    const [first] = candles;
    if (first === undefined) return [];
    const limit = this.indicators.warmUpCandles(spec) - 1 + this.indicators.settlingCandles(spec);
    const span = { fromMs: 0, toMs: first.openTime, limit, order: 'desc' } as const;
    const earlier = await this.source.read(scope, span);
    const next = this.indicators.open(spec);
    for (const candle of earlier.toReversed()) next(candle);
    const points: IndicatorPoint[] = [];
    for (const candle of candles) {
      const values = next(candle);
      if (values === null) continue;
      const { openTime, closeTime, state, complete } = candle;
      points.push({ openTime, closeTime, state, complete, values });
    }
    return points;
  }
}
