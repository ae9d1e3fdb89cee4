import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance } from 'fastify';
import type { CandleQueries, IndicatorQueries, TickQueries } from '../../../application/port/in/candle-queries.ts';
import type { MarketStream } from '../../../application/port/in/market-stream.ts';
import type { ModeControl, PriceQueries, SystemQueries } from '../../../application/port/in/queries.ts';
import { admit, type ObserveResponse } from './admit.ts';
import { addCandleRoutes, CANDLE_COMPONENTS } from './candles.ts';
import type { ReadFile } from './dashboard/assets.ts';
import { addDashboardRoutes } from './dashboard/routes.ts';
import { renderDocs } from './docs-page.ts';
import { faultHandler, type ReportFault } from './faults.ts';
import { addIndicatorRoutes, INDICATOR_COMPONENTS } from './indicators.ts';
import { CLOSE_GRACE_MS, cutStuckReaders, limitConnections, limitRate, SERVER_OPTIONS } from './limits.ts';
import { addModeRoutes, MODE_COMPONENTS } from './mode.ts';
import { type ApiDocument, OPENAPI_SCHEMA, openapiOptions } from './openapi.ts';
import { pageSchema, sendPage } from './page.ts';
import { addPriceRoutes, PRICE_COMPONENTS } from './prices.ts';
import { PROBLEMS, type ProblemCode, STATUS } from './problem.ts';
import { problem } from './schemas.ts';
import { addStreamRoutes } from './stream/routes.ts';
import { isStreamUpgrade, WEBSOCKET_PATH, WebSocketEndpoint } from './stream/websocket.ts';
import { addSystemRoutes, type MetricsText, SYSTEM_COMPONENTS } from './system.ts';
import { addTickRoutes, TICK_COMPONENTS } from './ticks.ts';
import { answerUnmatched, RouteTable, sendBadUrl } from './unmatched.ts';
import { answerOddRequests, clientErrorAnswer } from './wire-errors.ts';

/** Who is told of the answers of a route: a pattern of ours, `unmatched`, or `unparsed` where no request came about. */
export type ObserveRoute = (route: string, method: string) => ObserveResponse;

export interface HttpDependencies {
  readonly prices: PriceQueries;
  readonly candles: CandleQueries;
  readonly indicators: IndicatorQueries;
  /** Null: this process has no tick log. */
  readonly ticks: TickQueries | null;
  /** Null: this process sees no ticks. */
  readonly stream: MarketStream | null;
  readonly mode: ModeControl;
  readonly system: SystemQueries;
  readonly metricsText: MetricsText;
  readonly observeRoute: ObserveRoute;
  /** The causes behind every `internal` answer; without it they are lost. */
  readonly reportFault?: ReportFault;
  /** Of one client's address; null = no limit. */
  readonly requestsPerSecond: number | null;
  /** Default: the files that the build has made. */
  readonly readDashboardFile?: ReadFile;
  readonly version: string;
  readonly nowMs: () => number;
}

export interface HttpServer {
  /** Port 0: any free one. Rejects when the port is taken. */
  listen(host: string, port: number): Promise<{ url: string }>;
  /** Idle connections end at once, requests in progress have 0.7 s. */
  close(): Promise<void>;
}

const COMPONENTS = [
  problem,
  ...PRICE_COMPONENTS,
  ...CANDLE_COMPONENTS,
  ...INDICATOR_COMPONENTS,
  ...TICK_COMPONENTS,
  ...MODE_COMPONENTS,
  ...SYSTEM_COMPONENTS,
];

interface StaticTexts {
  openapiJson: string;
  docsHtml: string;
}

export function buildHttpServer(deps: HttpDependencies): HttpServer {
  const routes = new RouteTable();
  const texts: StaticTexts = { openapiJson: '', docsHtml: '' };
  const app = buildApp(deps, routes, texts);
  const sockets = deps.stream === null ? null : webSockets(app, deps, deps.stream);
  return {
    async listen(host, port) {
      await app.ready();
      const document = app.swagger() as unknown as ApiDocument;
      texts.openapiJson = JSON.stringify(document);
      // For `localhost` fastify opens a second server for ::1, without the limits of the first.
      await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port });
      const url = app.listeningOrigin;
      texts.docsHtml = renderDocs(document, Number(new URL(url).port));
      return { url };
    },
    async close() {
      deps.stream?.close();
      await sockets?.close();
      await closeApp(app);
    },
  };
}

function buildApp(deps: HttpDependencies, routes: RouteTable, texts: StaticTexts): FastifyInstance {
  const { observeRoute } = deps;
  const observeUnparsed = observeRoute('unparsed', 'unknown');
  const observeWire = (code: ProblemCode) => observeUnparsed(PROBLEMS[code].status, 0);
  const app = Fastify({
    ...SERVER_OPTIONS,
    // Node ≥ 24.9; before, upgrades that are none of ours are bad requests.
    http: { ...SERVER_OPTIONS.http, ...(deps.stream !== null && { shouldUpgradeCallback: isStreamUpgrade }) },
    clientErrorHandler: clientErrorAnswer(observeWire),
    frameworkErrors: (_error, request, reply) => {
      sendBadUrl(request, reply, routes);
      observeRoute('unmatched', request.method)(reply.statusCode, 0);
    },
  });
  limitConnections(app);
  cutStuckReaders(app.server);
  answerOddRequests(app.server, observeWire);
  for (const schema of COMPONENTS) app.addSchema(schema);
  app.setErrorHandler(faultHandler(deps.reportFault ?? (() => {})));
  acceptBodies(app);
  app.addHook('onRoute', (route) => {
    routes.add(route.url, route.method);
    const admitted = admit(observeRoute(route.url, String(route.method)));
    route.onRequest = [admitted, route.onRequest ?? []].flat();
  });
  app.register(swagger, openapiOptions(deps.version));
  if (deps.requestsPerSecond !== null) limitRate(app, deps.requestsPerSecond);
  app.register(async (scope) => addRoutes(scope, deps, texts));
  app.register(async (scope) => {
    scope.addHook('onRequest', (request, reply, done) => {
      admit(observeRoute('unmatched', request.method))(request, reply, done);
    });
    answerUnmatched(scope, routes);
  });
  return app;
}

function webSockets(
  app: FastifyInstance,
  { nowMs, observeRoute }: HttpDependencies,
  stream: MarketStream,
): WebSocketEndpoint {
  const observe = observeRoute(WEBSOCKET_PATH, 'GET');
  return new WebSocketEndpoint(app.server, {
    stream,
    nowMs,
    observeWire: (code) => observe(PROBLEMS[code].status, 0),
    observeUpgrade: () => observe(STATUS.switching, 0),
  });
}

function addRoutes(app: FastifyInstance, deps: HttpDependencies, texts: StaticTexts): void {
  addPriceRoutes(app, deps.prices);
  addCandleRoutes(app, deps.candles, deps.nowMs);
  addIndicatorRoutes(app, deps.indicators, deps.nowMs);
  addTickRoutes(app, deps.ticks);
  addModeRoutes(app, deps.mode);
  addSystemRoutes(app, deps.system, deps.metricsText);
  addStreamRoutes(app, deps.stream, deps.version);
  addDashboardRoutes(app, {
    intervalsMs: deps.candles.intervalsMs,
    version: deps.version,
    hasStream: deps.stream !== null,
    readFile: deps.readDashboardFile,
  });
  app.get('/docs', { schema: pageSchema('These pages') }, (_request, reply) => sendPage(reply, texts.docsHtml));
  app.get('/openapi.json', { schema: OPENAPI_SCHEMA }, (_request, reply) => {
    reply.header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-cache');
    reply.send(texts.openapiJson);
  });
}

/** No route needs a body: JSON is read, bounded, and not looked at; all else is refused, unless it is empty. */
function acceptBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
  app.addContentTypeParser('*', (request, _payload, done) => {
    if (request.headers['content-length'] === '0') done(null);
    else done(Object.assign(new Error('media type'), { code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE' }));
  });
}

/** A connection that carries a request is closed when that is answered, or after the grace time. */
async function closeApp(app: FastifyInstance): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), 20);
  const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(cut);
  }
}
