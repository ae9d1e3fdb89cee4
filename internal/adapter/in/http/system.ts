import type { FastifyInstance } from 'fastify';
import type { SystemQueries } from '../../../application/port/in/queries.ts';
import { HANDLER_TIMEOUT_MS } from './limits.ts';
import { STATUS, sendProblem } from './problem.ts';
import { noQuery, type RouteSchema, type Tag } from './schemas.ts';
import { auditReport, exchangeList, healthReport, liveness, readiness, symbolList } from './system-schemas.ts';

export type MetricsText = () => Promise<{ contentType: string; body: string }>;

export const SYSTEM_COMPONENTS = [healthReport, liveness, readiness, auditReport, symbolList, exchangeList] as const;

export function addSystemRoutes(app: FastifyInstance, system: SystemQueries, metricsText: MetricsText): void {
  addProbes(app, system);
  const audit: RouteSchema = { ...schemaOf('The books', 'Books', 'Audit'), 'x-problems': ['unavailable'] };
  app.get('/v1/audit', { schema: audit }, (_request, reply) => {
    reply.header('cache-control', 'no-store').send(system.audit());
  });
  app.get('/v1/symbols', { schema: schemaOf('Known symbols', 'Books', 'Symbols') }, (_request, reply) => {
    reply.header('cache-control', 'no-store').send({ symbols: system.symbols() });
  });
  app.get('/v1/exchanges', { schema: schemaOf('Known exchanges', 'Books', 'Exchanges') }, (_request, reply) => {
    reply.header('cache-control', 'no-store').send({ exchanges: system.exchanges() });
  });
  app.get('/metrics', { schema: METRICS_SCHEMA, handlerTimeout: HANDLER_TIMEOUT_MS }, async (_request, reply) => {
    const { contentType, body } = await metricsText();
    if (!reply.sent) reply.header('content-type', contentType).header('cache-control', 'no-store').send(body);
    return reply;
  });
}

function addProbes(app: FastifyInstance, system: SystemQueries): void {
  const report = { $ref: 'Health#' };
  const health: RouteSchema = {
    ...schemaOf('Health of all parts', 'Health', 'Health'),
    description: '503, with the same body, when the status is down.',
    response: { [STATUS.ok]: report, [STATUS.down]: report },
  };
  app.get('/health', { schema: health }, (_request, reply) => {
    const body = system.health();
    reply.code(body.status === 'down' ? STATUS.down : STATUS.ok);
    reply.header('cache-control', 'no-store').send(body);
  });
  app.get('/healthz', { schema: schemaOf('Liveness', 'Health', 'Liveness') }, (_request, reply) => {
    reply.header('cache-control', 'no-store').send({ status: 'ok' });
  });
  const ready: RouteSchema = {
    ...schemaOf('Readiness', 'Health', 'Readiness'),
    description: 'A source that is down does not matter here. The problem document has the reasons as `reasons`.',
    'x-problems': ['unavailable'],
  };
  app.get('/readyz', { schema: ready }, (_request, reply) => {
    const state = system.readiness();
    if (state.ready) reply.header('cache-control', 'no-store').send(state);
    else sendProblem(reply, 'unavailable', `Not ready: ${state.reasons.join('; ')}`, { ...state });
  });
}

function schemaOf(summary: string, tag: Tag, answer: string): RouteSchema {
  return { summary, tags: [tag], querystring: noQuery, response: { [STATUS.ok]: { $ref: `${answer}#` } } };
}

const METRICS_SCHEMA: RouteSchema = {
  summary: 'Metrics for Prometheus',
  tags: ['Health'],
  querystring: noQuery,
  produces: ['text/plain'],
  'x-problems': ['unavailable'],
  response: { [STATUS.ok]: { type: 'string', description: 'Prometheus text format.' } },
};
