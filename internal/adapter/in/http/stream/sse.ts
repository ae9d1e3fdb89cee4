import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type {
  MarketStream,
  StreamErrorCode,
  StreamMessage,
  SubscribeRequest,
} from '../../../../application/port/in/market-stream.ts';
import { isOwnOrigin } from '../origin.ts';
import { type ProblemCode, STATUS, sendProblem } from '../problem.ts';
import { jsonSchema, type RouteSchema } from '../schemas.ts';
import { Encoder, sseEvent } from './encode.ts';
import { SseClient } from './sse-client.ts';

interface SseQuery {
  Querystring: { channel?: string; exchanges?: string; symbols?: string };
}

const PROBLEM_OF: Readonly<Record<StreamErrorCode, ProblemCode>> = {
  unknown_channel: 'unknown_channel',
  unknown_exchange: 'unknown_exchange',
  unknown_symbol: 'unknown_symbol',
  too_many_topics: 'too_many_topics',
  too_many_wildcards: 'too_many_topics',
};

const SSE_QUERY = jsonSchema(
  z.strictObject({
    channel: z
      .string()
      .optional()
      .meta({
        description: 'latest (without it), ticks, health, or candles: and an interval.',
        examples: ['latest'],
      }),
    exchanges: z
      .string()
      .optional()
      .meta({ description: 'Names with commas, or * for all; without it, all.', examples: ['*'] }),
    symbols: z
      .string()
      .optional()
      .meta({ description: 'Names with commas, or * for all; without it, all.', examples: ['BTCUSDT'] }),
  }),
);

export function addEventRoute(app: FastifyInstance, stream: MarketStream | null): void {
  const encoder = new Encoder<StreamMessage>((message) => Buffer.from(sseEvent(message)));
  app.get<SseQuery>('/v1/stream/sse', { schema: SSE_SCHEMA, exposeHeadRoute: false }, (request, reply) => {
    if (stream === null) sendProblem(reply, 'unavailable', NO_STREAM);
    else if (!isOwnOrigin(request.raw)) sendProblem(reply, 'forbidden_origin');
    else openEvents(request, reply, stream, encoder);
  });
}

function openEvents(
  request: FastifyRequest<SseQuery>,
  reply: FastifyReply,
  stream: MarketStream,
  encoder: Encoder<StreamMessage>,
): void {
  const client = new SseClient(reply.raw, encoder, () => reply.hijack());
  const refusal = client.open(stream, requestOf(request));
  if (refusal === 'unavailable') sendProblem(reply, 'unavailable', 'There are as many clients as there may be.');
  else if (refusal !== null) sendProblem(reply, PROBLEM_OF[refusal.code], `${refusal.detail}.`);
}

function requestOf({ query, headers }: FastifyRequest<SseQuery>): SubscribeRequest {
  const { channel = 'latest', exchanges = '*', symbols = '*' } = query;
  return {
    id: null,
    channel,
    exchanges: exchanges.split(','),
    symbols: symbols.split(','),
    resume: lastEvent(headers['last-event-id']),
  };
}

/** `topic@seq`, as in the ids of events; anything else resumes nothing. */
function lastEvent(id: string | string[] | undefined): ReadonlyMap<string, number> {
  const [, topic = '', seq = ''] = /^([^@]{1,128})@(\d{1,16})$/.exec(String(id ?? '')) ?? [];
  return topic === '' ? new Map() : new Map([[topic, Number(seq)]]);
}

export const NO_STREAM = 'This process has no stream: ask the one that runs the pipeline.';

const SSE_SCHEMA: RouteSchema = {
  summary: 'One subscription as server-sent events',
  description:
    'Goes on until the client leaves. The messages are those of the WebSocket, the event is named after their type; Last-Event-ID resumes the topic of the last event.',
  tags: ['Streams'],
  querystring: SSE_QUERY,
  produces: ['text/event-stream'],
  response: { [STATUS.ok]: { type: 'string', description: 'Events, see /docs/streams.' } },
  'x-problems': [
    'unknown_channel',
    'unknown_exchange',
    'unknown_symbol',
    'too_many_topics',
    'forbidden_origin',
    'unavailable',
  ],
};
