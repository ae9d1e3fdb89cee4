import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Answer, Period, PriceQueries } from '../../../application/port/in/queries.ts';
import { HANDLER_TIMEOUT_MS } from './limits.ts';
import { parsePeriod } from './period.ts';
import { checkSymbolOnly } from './plain-validators.ts';
import { STATUS, sendProblem } from './problem.ts';
import {
  averagePrice,
  EXCHANGE_PATTERN,
  exchangeSymbolParams,
  extremePrice,
  type JsonSchema,
  latestPrice,
  noQuery,
  periodQuery,
  type RouteSchema,
  symbolParams,
} from './schemas.ts';

interface BySymbol {
  Params: { symbol: string };
  Querystring: { period?: string };
}

interface ByExchange {
  Params: { exchange: string; symbol: string };
  Querystring: { period?: string };
}

type WindowFigure = 'highest' | 'lowest' | 'average';

export const PRICE_COMPONENTS = [latestPrice, extremePrice, averagePrice] as const;

export function addPriceRoutes(app: FastifyInstance, prices: PriceQueries): void {
  addLatest(app, prices);
  addWindow(app, prices, 'highest', 'ExtremePrice#');
  addWindow(app, prices, 'lowest', 'ExtremePrice#');
  addWindow(app, prices, 'average', 'AveragePrice#');
}

/** Hot: no promise, no hook but that of all routes, no ajv. `make bench` puts it beside a bare Fastify route. */
function addLatest(app: FastifyInstance, prices: PriceQueries): void {
  const answer = { $ref: 'LatestPrice#' };
  app.get<BySymbol>(
    '/prices/latest/:symbol',
    { schema: anySchema('Latest price over all exchanges', answer, noQuery), validatorCompiler: checkSymbolOnly },
    (request, reply) => sendLatest(reply, prices.latest(null, request.params.symbol)),
  );
  app.get<ByExchange>(
    '/prices/latest/:exchange/:symbol',
    { schema: oneSchema('Latest price at one exchange', answer, noQuery), validatorCompiler: checkSymbolOnly },
    (request, reply) => {
      const { exchange, symbol } = request.params;
      if (EXCHANGE_PATTERN.test(exchange)) return sendLatest(reply, prices.latest(exchange, symbol));
      sendProblem(reply, 'unknown_exchange');
      return undefined;
    },
  );
}

/** At once where the answer is there, and without a promise. */
function sendLatest(
  reply: FastifyReply,
  answer: ReturnType<PriceQueries['latest']>,
): Promise<FastifyReply> | undefined {
  if (answer instanceof Promise) {
    return answer.then((late) => {
      sendAnswer(reply, late);
      return reply;
    });
  }
  sendAnswer(reply, answer);
  return undefined;
}

function addWindow(app: FastifyInstance, prices: PriceQueries, figure: WindowFigure, $ref: string): void {
  const title = `${figure.charAt(0).toUpperCase()}${figure.slice(1)} price of a window`;
  app.get<BySymbol>(
    `/prices/${figure}/:symbol`,
    { schema: anySchema(`${title}, over all exchanges`, { $ref }, periodQuery), handlerTimeout: HANDLER_TIMEOUT_MS },
    async (request, reply) => {
      const period = readPeriod(request.query.period);
      if (period === 'invalid') sendProblem(reply, 'invalid_period');
      else sendAnswer(reply, await prices[figure](null, request.params.symbol, period));
      return reply;
    },
  );
  app.get<ByExchange>(
    `/prices/${figure}/:exchange/:symbol`,
    { schema: oneSchema(`${title}, at one exchange`, { $ref }, periodQuery), handlerTimeout: HANDLER_TIMEOUT_MS },
    async (request, reply) => {
      const { exchange, symbol } = request.params;
      const period = readPeriod(request.query.period);
      if (period === 'invalid') sendProblem(reply, 'invalid_period');
      else if (!EXCHANGE_PATTERN.test(exchange)) sendProblem(reply, 'unknown_exchange');
      else sendAnswer(reply, await prices[figure](exchange, symbol, period));
      return reply;
    },
  );
}

function readPeriod(text: string | undefined): Period | null | 'invalid' {
  return text === undefined ? null : (parsePeriod(text) ?? 'invalid');
}

function sendAnswer(reply: FastifyReply, answer: Answer<object>): void {
  // Whoever waited too long has been answered already.
  if (reply.sent) return;
  if (answer.ok) reply.header('cache-control', 'no-store').send(answer.value);
  else sendProblem(reply, answer.failure, answer.detail);
}

function anySchema(summary: string, answer: JsonSchema, querystring: JsonSchema): RouteSchema {
  const period = querystring === periodQuery ? (['invalid_period'] as const) : [];
  return {
    summary,
    tags: ['Prices'],
    params: symbolParams,
    querystring,
    response: { [STATUS.ok]: answer },
    'x-problems': ['invalid_symbol', ...period, 'unknown_symbol', 'no_data', 'unavailable'],
  };
}

function oneSchema(summary: string, answer: JsonSchema, querystring: JsonSchema): RouteSchema {
  const any = anySchema(summary, answer, querystring);
  return { ...any, params: exchangeSymbolParams, 'x-problems': [...(any['x-problems'] ?? []), 'unknown_exchange'] };
}
