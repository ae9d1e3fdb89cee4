import type { FastifyReply } from 'fastify';
import type { QueryFailure } from '../../../application/port/in/queries.ts';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** What the client is told when nothing more precise is known; also the text of the API pages. */
  readonly detail: string;
}

/** Answers that are not problems. With `PROBLEMS` the only place that knows HTTP status numbers. */
export const STATUS = { switching: 101, ok: 200, noContent: 204, notModified: 304, down: 503 } as const;

/** RFC 9457 `code` → everything that is the same for all problems of that code. */
export const PROBLEMS = {
  bad_request: { status: 400, title: 'Bad request', detail: 'The request is not well-formed HTTP.' },
  invalid_url: { status: 400, title: 'Invalid URL', detail: 'The path has a % that does not start a UTF-8 escape.' },
  unknown_parameter: {
    status: 400,
    title: 'Unknown parameter',
    detail: 'The query has a parameter that this route does not know.',
  },
  invalid_symbol: {
    status: 400,
    title: 'Invalid symbol',
    detail: 'A symbol is 1 to 32 characters out of A-Z a-z 0-9 : _ - . /',
  },
  invalid_period: {
    status: 400,
    title: 'Invalid period',
    detail: 'A period is a whole number and a unit (ms, s, m, h or d), from 100ms to 365d, given once.',
  },
  unknown_channel: {
    status: 400,
    title: 'Unknown channel',
    detail: 'A channel is latest, ticks, health, or candles: and an interval that is kept, as in candles:1m.',
  },
  too_many_topics: { status: 400, title: 'Too many topics', detail: 'A client has a limited number of topics.' },
  invalid_interval: {
    status: 400,
    title: 'Invalid interval',
    detail: 'Candles of this length are not kept; the detail and the member intervals say which are.',
  },
  invalid_range: {
    status: 400,
    title: 'Invalid range',
    detail: 'from and to are Unix milliseconds, from before to, and at most 50000000 intervals apart, each given once.',
  },
  invalid_limit: {
    status: 400,
    title: 'Invalid limit',
    detail: 'A limit is a whole number, within bounds that the detail states, given once.',
  },
  invalid_cursor: {
    status: 400,
    title: 'Invalid cursor',
    detail: 'A cursor is the next of another answer, sent back unchanged beside the same other parameters.',
  },
  invalid_parameter: {
    status: 400,
    title: 'Invalid parameter',
    detail: 'A parameter has a value that it may not have, is missing, or comes twice; the detail says which.',
  },
  forbidden_origin: {
    status: 403,
    title: 'Forbidden origin',
    detail: 'Pages of another origin may not change the mode, and may not read streams.',
  },
  unknown_symbol: { status: 404, title: 'Unknown symbol', detail: 'This symbol is not known.' },
  unknown_exchange: {
    status: 404,
    title: 'Unknown exchange',
    detail: 'No exchange of the current mode has this name.',
  },
  no_data: { status: 404, title: 'No data', detail: 'The symbol is known, and there is no tick of it to answer with.' },
  not_found: { status: 404, title: 'Not found', detail: 'There is nothing at this path.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'The path does not know this method; the Allow header lists those that it knows.',
  },
  request_timeout: { status: 408, title: 'Request timeout', detail: 'The request did not arrive in time.' },
  body_too_large: { status: 413, title: 'Body too large', detail: 'The body is larger than 16 KiB.' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'A body, where there is one, is application/json.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    detail: 'The only expectation that is met is 100-continue.',
  },
  upgrade_required: {
    status: 426,
    title: 'Upgrade required',
    detail: 'This is a WebSocket: ask for the upgrade, or use /v1/stream/sse.',
  },
  too_many_requests: { status: 429, title: 'Too many requests', detail: 'Slow down and try again.' },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    detail: 'The URL and the headers together are too large.',
  },
  internal: { status: 500, title: 'Internal error', detail: 'Something went wrong on our side; it has been noted.' },
  unavailable: { status: 503, title: 'Unavailable', detail: 'This cannot be answered at the moment; try again.' },
} as const satisfies Record<string, ProblemKind> & Record<QueryFailure, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS) as readonly ProblemCode[];
export const PROBLEM_TYPE = 'application/problem+json';

/** Members that a problem has beyond the standard ones. */
type Extension = Readonly<Record<string, unknown>>;

export function problemBody(code: ProblemCode, detail?: string, extension?: Extension): Buffer {
  const kind = PROBLEMS[code];
  const document = {
    type: `/docs#${code}`,
    title: kind.title,
    status: kind.status,
    detail: detail ?? kind.detail,
    code,
    ...extension,
  };
  return Buffer.from(JSON.stringify(document));
}

/** As a buffer, because to a string of a JSON type fastify would add a charset, which problem+json does not have. */
export function sendProblem(reply: FastifyReply, code: ProblemCode, detail?: string, extension?: Extension): void {
  if (PROBLEMS[code].status === PROBLEMS.unavailable.status) reply.header('retry-after', '1');
  reply
    .code(PROBLEMS[code].status)
    .header('content-type', PROBLEM_TYPE)
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .send(problemBody(code, detail, extension));
}

/** A whole HTTP/1.1 response, for sockets on which there is no request to reply to. */
export function rawProblem(code: ProblemCode, headers: readonly string[] = [], detail?: string): Buffer {
  const body = problemBody(code, detail);
  const head = [
    `HTTP/1.1 ${PROBLEMS[code].status} ${PROBLEMS[code].title}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${body.byteLength}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}
