import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Candle, CandlePage, CandleQueries, CandleQuestion } from '../../../application/port/in/candle-queries.ts';
import { intervalText } from '../../../domain/model/interval-text.ts';
import { MODES } from '../../../domain/model/mode.ts';
import { CANDLE_LIMIT, candlePage, candleQuery } from './candle-schemas.ts';
import { csvOf } from './csv.ts';
import { decodeCursor, encodeCursor, isWhole } from './cursor.ts';
import { HANDLER_TIMEOUT_MS } from './limits.ts';
import { matchesEtag, prefersCsv } from './negotiation.ts';
import { STATUS, sendProblem } from './problem.ts';
import { QueryReader, type RawQuery } from './query-reader.ts';
import { EXCHANGE_PATTERN, exchangeSymbolParams, type RouteSchema, symbolParams } from './schemas.ts';

interface ByExchange {
  Params: { exchange: string; symbol: string };
  Querystring: RawQuery;
}

interface BySymbol {
  Params: { symbol: string };
  Querystring: RawQuery;
}

type Format = 'json' | 'csv';

/** A settled range is asked for again after this; not longer, because candles may be backfilled from exchanges. */
const SETTLED_MAX_AGE_S = 3_600;

const MEDIA_TYPE: Readonly<Record<Format, string>> = {
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
};

export const CANDLE_COMPONENTS = [candlePage] as const;

export function addCandleRoutes(app: FastifyInstance, candles: CandleQueries, nowMs: () => number): void {
  const options = { handlerTimeout: HANDLER_TIMEOUT_MS };
  app.get<BySymbol>('/v1/candles/:symbol', { schema: MERGED_SCHEMA, ...options }, (request, reply) =>
    answer(request, reply, candles, null, request.params.symbol, nowMs()),
  );
  app.get<ByExchange>('/v1/candles/:exchange/:symbol', { schema: SCHEMA, ...options }, async (request, reply) => {
    const { exchange, symbol } = request.params;
    if (EXCHANGE_PATTERN.test(exchange)) return answer(request, reply, candles, exchange, symbol, nowMs());
    sendProblem(reply, 'unknown_exchange');
    return reply;
  });
}

async function answer(
  request: FastifyRequest<{ Querystring: RawQuery }>,
  reply: FastifyReply,
  candles: CandleQueries,
  exchange: string | null,
  symbol: string,
  nowMs: number,
): Promise<FastifyReply> {
  const reader = new QueryReader(request.query);
  const format = readFormat(reader, request.headers.accept);
  const { question, identity } = readQuestion(reader, candles.intervalsMs, exchange, symbol, nowMs);
  if (reader.refusal !== null) {
    const { code, detail, extension } = reader.refusal;
    sendProblem(reply, code, detail, extension);
    return reply;
  }
  const answer = await candles.candles(question);
  // Whoever waited too long has been answered already.
  if (reply.sent) return reply;
  if (!answer.ok) sendProblem(reply, answer.failure, answer.detail);
  else sendPage(request, reply, answer.value, question, identity, format);
  return reply;
}

function readFormat(reader: QueryReader, accept: string | undefined): Format {
  return reader.choice('format', ['json', 'csv'], prefersCsv(accept) ? 'csv' : 'json');
}

function readQuestion(
  reader: QueryReader,
  intervalsMs: readonly number[],
  exchange: string | null,
  symbol: string,
  nowMs: number,
): { question: CandleQuestion; identity: string } {
  const intervalMs = reader.interval(intervalsMs);
  const range = reader.range(intervalMs, nowMs);
  const max = exchange === null ? CANDLE_LIMIT.mergedMax : CANDLE_LIMIT.max;
  const limit = reader.integer('limit', 1, max, CANDLE_LIMIT.usual, 'invalid_limit');
  const order = reader.choice('order', ['asc', 'desc'], 'asc');
  const fill = reader.choice('fill', ['none', 'previous'], 'none');
  const mode = reader.mode();
  const names = [exchange?.toLowerCase() ?? null, symbol.toUpperCase()];
  const identity = JSON.stringify(['candles', ...names, intervalMs, range.fromMs, range.toMs, order, fill, mode]);
  const first = { mode, exchange, symbol, intervalMs, ...range, limit, order, fill, afterOpenMs: null };
  const cursor = reader.raw('cursor');
  if (cursor === null) return { question: first, identity };
  const [modeName, fromMs, toMs, afterOpenMs] = decodeCursor(identity, cursor) ?? [];
  const pinned = MODES.find((one) => one === modeName);
  if (pinned === undefined || !(fromMs === null || isWhole(fromMs)) || !isWhole(toMs) || !isWhole(afterOpenMs)) {
    reader.refuse('invalid_cursor', 'cursor is the next of another answer, beside the same other parameters.');
    return { question: first, identity };
  }
  // The mode and the end of the first page hold for all: neither a switch nor the time that passes tears the list.
  return { question: { ...first, mode: pinned, fromMs, toMs, afterOpenMs }, identity };
}

function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: CandlePage,
  question: CandleQuestion,
  identity: string,
  format: Format,
): void {
  const last = page.candles.at(-1);
  const place = [page.mode, page.fromMs, page.toMs, last?.openTime ?? 0];
  const next = page.more ? encodeCursor(identity, place) : null;
  reply.header('vary', 'accept').header('x-content-type-options', 'nosniff');
  if (next !== null) reply.header('link', `<${nextUrl(request.url, next)}>; rel="next"`);
  const body = Buffer.from(format === 'csv' ? csv(page) : json(page, question, next));
  reply.header('content-type', MEDIA_TYPE[format]);
  if (page.candles.some(({ state }) => state === 'forming')) {
    reply.header('cache-control', 'no-store').send(body);
    return;
  }
  // An address without a mode means another one after a switch: it may be kept, but has to be asked for each time.
  const isFixed = page.settled && new URL(request.url, 'http://localhost').searchParams.has('mode');
  reply.header('cache-control', isFixed ? `public, max-age=${SETTLED_MAX_AGE_S}` : 'no-cache');
  const etag = `"${createHash('sha256').update(format).update(body).digest('base64url').slice(0, 27)}"`;
  reply.header('etag', etag);
  if (matchesEtag(request.headers['if-none-match'], etag)) {
    reply.removeHeader('content-type').code(STATUS.notModified).send();
  } else reply.send(body);
}

function nextUrl(url: string, cursor: string): string {
  const at = url.indexOf('?');
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  query.set('cursor', cursor);
  return `${at < 0 ? url : url.slice(0, at)}?${query}`;
}

function json(page: CandlePage, { intervalMs, order }: CandleQuestion, next: string | null): string {
  const { exchange, symbol, mode, fromMs, toMs, candles } = page;
  const interval = intervalText(intervalMs);
  return JSON.stringify({ exchange, symbol, mode, interval, from: fromMs, to: toMs, order, candles, next });
}

const COLUMNS = [
  ...(['openTime', 'closeTime', 'open', 'high', 'low', 'close', 'volume', 'quoteVolume', 'count', 'average'] as const),
  ...(['vwap', 'firstTradeId', 'lastTradeId', 'state', 'complete', 'source', 'revision'] as const),
];

function csv({ exchange, candles }: CandlePage): string {
  const columns = Object.fromEntries(COLUMNS.map((name) => [name, (candle: Candle) => candle[name]]));
  const merged = { ...columns, exchanges: (candle: Candle) => candle.exchanges?.join(' ') ?? null };
  return csvOf(exchange === null ? merged : columns, candles);
}

const SCHEMA: RouteSchema = {
  summary: 'Candles of one exchange',
  description:
    'Candles exist for buckets with ticks; one without is absent, and stands as count 0 at the close before with fill=previous. open and close are the first and last tick of the bucket itself: never a close carried over. A page is never cached while a candle of it is forming; else it has an ETag, and in a range that no tick can reach any more, asked for with its mode, it may be kept for an hour. Paging is by next, also as Link header.',
  tags: ['Candles'],
  params: exchangeSymbolParams,
  ...candleQuery,
  response: {
    [STATUS.ok]: {
      description: 'A page of candles.',
      content: {
        'application/json': { schema: { $ref: 'Candles#' } },
        'text/csv': { schema: { type: 'string', description: 'RFC 4180, with a header line.' } },
      },
    },
    [STATUS.notModified]: { description: 'The page has the ETag that was sent as If-None-Match.', type: 'null' },
  },
  'x-problems': [
    ...(['invalid_symbol', 'invalid_interval', 'invalid_range', 'invalid_limit', 'invalid_parameter'] as const),
    ...(['invalid_cursor', 'unknown_symbol', 'unknown_exchange', 'unavailable'] as const),
  ],
};

const MERGED_SCHEMA: RouteSchema = {
  ...SCHEMA,
  summary: 'Candles merged over all exchanges of the mode',
  description:
    'One candle for each bucket in which any exchange has one: the highest high, the lowest low, sums and counts added up exactly; open and close are those of the exchanges whose first and last tick came first and last by event time. forming if any of them is; complete only if each exchange that had the pair by then has a candle there and all are complete; revision is the sum. Volumes are those of the feeds that have quantities. exchanges says whose ticks are in it.',
  params: symbolParams,
};
