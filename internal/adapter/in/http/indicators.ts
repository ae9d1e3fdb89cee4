import type { FastifyInstance } from 'fastify';
import type { IndicatorQueries, IndicatorQuestion } from '../../../application/port/in/candle-queries.ts';
import type { IndicatorName, IndicatorSpec } from '../../../application/port/out/indicators.ts';
import { intervalText } from '../../../domain/model/interval-text.ts';
import {
  INDICATOR_LIMIT,
  INDICATOR_NAMES,
  INDICATOR_PARAMETERS,
  indicatorPage,
  indicatorQuery,
} from './candle-schemas.ts';
import { HANDLER_TIMEOUT_MS } from './limits.ts';
import { STATUS, sendProblem } from './problem.ts';
import { QueryReader, type RawQuery } from './query-reader.ts';
import { EXCHANGE_PATTERN, exchangeSymbolParams, type RouteSchema } from './schemas.ts';

interface ByExchange {
  Params: { exchange: string; symbol: string };
  Querystring: RawQuery;
}

export const INDICATOR_COMPONENTS = [indicatorPage] as const;

export function addIndicatorRoutes(app: FastifyInstance, indicators: IndicatorQueries, nowMs: () => number): void {
  app.get<ByExchange>(
    '/v1/indicators/:exchange/:symbol',
    { schema: SCHEMA, handlerTimeout: HANDLER_TIMEOUT_MS },
    async (request, reply) => {
      const { exchange, symbol } = request.params;
      const reader = new QueryReader(request.query);
      const question = { ...readQuestion(reader, indicators.intervalsMs, nowMs()), exchange, symbol };
      if (reader.refusal !== null) {
        const { code, detail, extension } = reader.refusal;
        sendProblem(reply, code, detail, extension);
        return reply;
      }
      if (!EXCHANGE_PATTERN.test(exchange)) {
        sendProblem(reply, 'unknown_exchange');
        return reply;
      }
      const answer = await indicators.indicator(question);
      if (reply.sent) return reply;
      if (!answer.ok) {
        sendProblem(reply, answer.failure, answer.detail);
        return reply;
      }
      const { points, fromMs, toMs, ...rest } = answer.value;
      const { name, ...parameters } = question.spec;
      const { intervalMs, order } = question;
      const head = { ...rest, interval: intervalText(intervalMs), from: fromMs, to: toMs, order, name, parameters };
      const values = points.map(({ values: figures, ...point }) => ({ ...point, ...figures }));
      reply.header('cache-control', 'no-store').send({ ...head, values });
      return reply;
    },
  );
}

function readQuestion(
  reader: QueryReader,
  intervalsMs: readonly number[],
  nowMs: number,
): Omit<IndicatorQuestion, 'exchange' | 'symbol'> {
  const name = INDICATOR_NAMES.find((one) => one === reader.raw('name'));
  if (name === undefined) reader.refuse('invalid_parameter', `name is one of ${INDICATOR_NAMES.join(', ')}.`);
  const spec = readSpec(reader, name ?? 'sma');
  const intervalMs = reader.interval(intervalsMs);
  return {
    ...{ spec, intervalMs, ...reader.range(intervalMs, nowMs) },
    limit: reader.integer('limit', 1, INDICATOR_LIMIT.max, INDICATOR_LIMIT.usual, 'invalid_limit'),
    order: reader.choice('order', ['asc', 'desc'], 'asc'),
    mode: reader.mode(),
  };
}

function readSpec(reader: QueryReader, name: IndicatorName): IndicatorSpec {
  const own = Object.keys(INDICATOR_PARAMETERS[name]);
  for (const parameter of ['period', 'fast', 'slow', 'signal', 'deviations']) {
    if (reader.raw(parameter) === null || own.includes(parameter)) continue;
    reader.refuse('invalid_parameter', `${name} has no ${parameter}; it takes ${own.join(', ')}.`);
  }
  if (name === 'macd') {
    const { fast, slow, signal } = INDICATOR_PARAMETERS.macd;
    const spec = {
      name,
      fast: reader.integer('fast', ...fast),
      slow: reader.integer('slow', ...slow),
      signal: reader.integer('signal', ...signal),
    };
    if (spec.fast >= spec.slow) reader.refuse('invalid_parameter', 'fast is less than slow.');
    return spec;
  }
  const [min, max, usual] = INDICATOR_PARAMETERS[name].period;
  const period = reader.integer('period', min, max, usual);
  if (name !== 'bollinger') return { name, period };
  return { name, period, deviations: reader.decimal('deviations', ...INDICATOR_PARAMETERS.bollinger.deviations) };
}

const SCHEMA: RouteSchema = {
  summary: 'A technical indicator over the candles of one exchange',
  description:
    'Of closes, but atr: of highs, lows and closes; vwap: of the traded amounts of the newest period candles. Only candles that exist count: a bucket without ticks is passed over. Before its warm-up a history has no value. Enough earlier candles are read that it does not matter where the range begins. ema and macd begin with a simple average, rsi and atr are smoothed as Wilder did, bollinger is of the population deviation; without a loss rsi is 100. The newest value moves while its candle is forming.',
  tags: ['Candles'],
  params: exchangeSymbolParams,
  ...indicatorQuery,
  response: { [STATUS.ok]: { $ref: 'IndicatorValues#' } },
  'x-problems': [
    ...(['invalid_symbol', 'invalid_interval', 'invalid_range', 'invalid_limit', 'invalid_parameter'] as const),
    ...(['unknown_symbol', 'unknown_exchange', 'no_data', 'unavailable'] as const),
  ],
};
