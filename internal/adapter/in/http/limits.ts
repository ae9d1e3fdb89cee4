import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyHttpOptions, FastifyInstance } from 'fastify';
import { PROBLEMS } from './problem.ts';

export const BODY_MAX_BYTES = 16 * 1024;
/** Time for the headers, and for the whole request; looked at every `CHECK_INTERVAL_MS`. */
const HEADERS_TIMEOUT_MS = 4_000;
const REQUEST_TIMEOUT_MS = 5_000;
const CHECK_INTERVAL_MS = 1_000;
/** A connection without a request is closed after this; the client is told by `Keep-Alive: timeout=20`. */
const KEEP_ALIVE_MS = 20_000;
/** A client that takes nothing of its response for twice this is cut off; looked for every `STUCK_CHECK_MS`. */
const STUCK_MS = 15_000;
const STUCK_CHECK_MS = 5_000;
/** More are dropped at once, without an answer. */
export const CONNECTIONS_MAX = 2_048;
/** As long as a URL can be: a symbol that is too long is an invalid symbol and not an unknown path. */
const PATH_PARAMETER_MAX_CHARS = 16 * 1024;
/** A handler that takes longer is answered for with `unavailable`. */
export const HANDLER_TIMEOUT_MS = 4_000;
/** Counts from the headers on: longer than `REQUEST_TIMEOUT_MS`, so that a slow body is the client's fault. */
export const MODE_SWITCH_TIMEOUT_MS = 8_000;
/** Requests in progress have this long when the server closes. */
export const CLOSE_GRACE_MS = 700;

export const SERVER_OPTIONS = {
  logger: false,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  maxRequestsPerSocket: 0,
  bodyLimit: BODY_MAX_BYTES,
  // While closing, requests that have arrived are still answered.
  return503OnClosing: false,
  routerOptions: { maxParamLength: PATH_PARAMETER_MAX_CHARS },
  http: {
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    // Looked at by `requireHost`, which answers with a problem document.
    requireHostHeader: false,
  },
  ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: false } },
} as const satisfies FastifyHttpOptions<Server>;

/** Addresses whose rate is remembered; the one that was heard longest ago goes first. */
const CLIENTS_MAX = 10_000;

/** Asked by those who watch the process: busy clients behind the same address must not make it look dead. */
const UNLIMITED_PATHS: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

/** `path` is the pattern of a route. */
export function isRateLimited(path: string | undefined): boolean {
  return !UNLIMITED_PATHS.has(path);
}

/** Requests beyond this rate, by address of the client and second, get 429 `too_many_requests` with Retry-After. */
export function limitRate(app: FastifyInstance, requestsPerSecond: number): void {
  // Loaded only where it is used: it takes time at the start.
  app.register(import('@fastify/rate-limit'), {
    max: requestsPerSecond,
    timeWindow: 1_000,
    cache: CLIENTS_MAX,
    allowList: ({ routeOptions }) => !isRateLimited(routeOptions.url),
    errorResponseBuilder: () =>
      Object.assign(new Error('rate'), { code: 'too_many_requests', statusCode: PROBLEMS.too_many_requests.status }),
  });
}

/**
 * A socket that has bytes waiting gets Node's own timeout, which looks twice whether any of them went. `connectionTimeout`
 * would give it to all sockets, anew for each request; without, and without `onResponse`, `/prices/latest` went from 83 to 88 %
 * of a bare route (`make bench`).
 */
export function cutStuckReaders(server: Server, stuckMs = STUCK_MS, checkMs = STUCK_CHECK_MS): void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const timer = setInterval(() => {
    for (const socket of sockets) if (socket.writableLength > 0 && !socket.timeout) socket.setTimeout(stuckMs);
  }, checkMs);
  timer.unref();
  server.once('close', () => clearInterval(timer));
}

export function limitConnections(app: FastifyInstance): void {
  app.server.maxConnections = CONNECTIONS_MAX;
}
