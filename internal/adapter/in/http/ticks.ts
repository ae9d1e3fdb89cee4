import type { FastifyInstance } from 'fastify';
import type { TickPlace, TickQueries } from '../../../application/port/in/candle-queries.ts';
import { MODES } from '../../../domain/model/mode.ts';
import { TICK_LIMIT, tickPage, tickQuery } from './candle-schemas.ts';
import { decodeCursor, encodeCursor, isWhole } from './cursor.ts';
import { HANDLER_TIMEOUT_MS } from './limits.ts';
import { STATUS, sendProblem } from './problem.ts';
import { QueryReader, type RawQuery } from './query-reader.ts';
import { EXCHANGE_PATTERN, exchangeSymbolParams, type RouteSchema } from './schemas.ts';

interface ByExchange {
  Params: { exchange: string; symbol: string };
  Querystring: RawQuery;
}

export const TICK_COMPONENTS = [tickPage] as const;

/** `ticks` null: this process has no tick log. */
export function addTickRoutes(app: FastifyInstance, ticks: TickQueries | null): void {
  app.get<ByExchange>(
    '/v1/ticks/:exchange/:symbol',
    { schema: SCHEMA, handlerTimeout: HANDLER_TIMEOUT_MS },
    async (request, reply) => {
      const { exchange, symbol } = request.params;
      const reader = new QueryReader(request.query);
      const { fromMs, toMs } = reader.range(null, 0);
      const limit = reader.integer('limit', 1, TICK_LIMIT.max, TICK_LIMIT.usual, 'invalid_limit');
      const order = reader.choice('order', ['desc', 'asc'], 'desc');
      const asked = reader.mode();
      const names = [exchange.toLowerCase(), symbol.toUpperCase()];
      const identity = JSON.stringify(['ticks', ...names, fromMs, toMs, order, asked]);
      const { mode, after } = readPlace(reader, identity) ?? { mode: asked, after: null };
      if (reader.refusal !== null) {
        sendProblem(reply, reader.refusal.code, reader.refusal.detail);
      } else if (!EXCHANGE_PATTERN.test(exchange)) {
        sendProblem(reply, 'unknown_exchange');
      } else if (ticks === null) {
        sendProblem(reply, 'unavailable', 'This process has no tick log: ask one that receives ticks.');
      } else {
        const answer = await ticks.ticks({ mode, exchange, symbol, fromMs, toMs, limit, order, after });
        if (reply.sent) return reply;
        if (!answer.ok) {
          sendProblem(reply, answer.failure, answer.detail);
          return reply;
        }
        const { next, availableFromMs, ...page } = answer.value;
        reply.header('cache-control', 'no-store').send({
          ...page,
          order,
          availableFrom: availableFromMs,
          next: next === null ? null : encodeCursor(identity, [page.mode, next.position, next.row]),
        });
      }
      return reply;
    },
  );
}

function readPlace(
  reader: QueryReader,
  identity: string,
): { mode: (typeof MODES)[number]; after: TickPlace | null } | null {
  const cursor = reader.raw('cursor');
  if (cursor === null) return null;
  const [modeName, position, row] = decodeCursor(identity, cursor) ?? [];
  const mode = MODES.find((one) => one === modeName);
  if (mode !== undefined && isWhole(position) && isWhole(row)) return { mode, after: { position, row } };
  reader.refuse('invalid_cursor', 'cursor is the next of another answer, beside the same other parameters.');
  return null;
}

const SCHEMA: RouteSchema = {
  summary: 'Single ticks, as far back as the log reaches',
  description:
    'The ticks of one pair as they were accepted into the log, in that order: those that were later judged late, duplicate or of a mode that had ended are among them. The log keeps a stretch by age and size (tickLog.retention, tickLog.maxBytes), and in memory only what the next checkpoint needs; availableFrom says from when on. An answer costs a bounded search: it may end early, or be empty, with a next that goes on. One search runs at a time, eight may wait; beyond that, or after three seconds, 503.',
  tags: ['Candles'],
  params: exchangeSymbolParams,
  ...tickQuery,
  response: { [STATUS.ok]: { $ref: 'Ticks#' } },
  'x-problems': [
    ...(['invalid_symbol', 'invalid_range', 'invalid_limit', 'invalid_parameter', 'invalid_cursor'] as const),
    ...(['unknown_symbol', 'unknown_exchange', 'unavailable'] as const),
  ],
};
