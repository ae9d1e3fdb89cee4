import type { FastifyInstance } from 'fastify';
import type { MarketStream } from '../../../../application/port/in/market-stream.ts';
import { pageSchema, sendPage } from '../page.ts';
import { STATUS, sendProblem } from '../problem.ts';
import { noQuery, type RouteSchema } from '../schemas.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { addEventRoute, NO_STREAM } from './sse.ts';
import { renderStreamPage } from './stream-page.ts';
import { WEBSOCKET_PATH } from './websocket.ts';

/** Without a stream, as in a process that only reads what another one has stored, all of them are unavailable. */
export function addStreamRoutes(app: FastifyInstance, stream: MarketStream | null, version: string): void {
  app.get(WEBSOCKET_PATH, { schema: WEBSOCKET_SCHEMA, exposeHeadRoute: false }, (_request, reply) => {
    if (stream === null) sendProblem(reply, 'unavailable', NO_STREAM);
    else sendProblem(reply.header('upgrade', 'websocket').header('connection', 'upgrade'), 'upgrade_required');
  });
  addEventRoute(app, stream);
  const page = stream === null ? null : renderStreamPage(stream.limits);
  app.get('/docs/streams', { schema: pageSchema('The messages of streams') }, (_request, reply) => {
    if (page === null) sendProblem(reply, 'unavailable', NO_STREAM);
    else sendPage(reply, page);
  });
  const json = stream === null ? null : JSON.stringify(asyncApiDocument(version, stream.limits));
  app.get('/asyncapi.json', { schema: ASYNCAPI_SCHEMA }, (_request, reply) => {
    if (json === null) sendProblem(reply, 'unavailable', NO_STREAM);
    else reply.header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-cache').send(json);
  });
}

const WEBSOCKET_SCHEMA: RouteSchema = {
  summary: 'The WebSocket',
  description: 'Subscriptions and their messages are described at /docs/streams and in /asyncapi.json.',
  tags: ['Streams'],
  querystring: noQuery,
  response: { [STATUS.switching]: { type: 'null', description: 'A WebSocket from here on.' } },
  'x-problems': ['upgrade_required', 'forbidden_origin', 'bad_request', 'unavailable'],
};

const ASYNCAPI_SCHEMA: RouteSchema = {
  summary: 'The messages of streams as AsyncAPI 3.0',
  tags: ['Pages'],
  querystring: noQuery,
  response: { [STATUS.ok]: { type: 'object', description: 'An AsyncAPI 3.0 document.' } },
  'x-problems': ['unavailable'],
};
