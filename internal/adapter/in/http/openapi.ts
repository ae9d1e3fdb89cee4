import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { isRateLimited } from './limits.ts';
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode, problemBody, STATUS } from './problem.ts';
import { type JsonSchema, noQuery, type Tag } from './schemas.ts';

/** What this service uses of an OpenAPI 3.1 document. */
export interface ApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export interface ApiOperation {
  summary?: string;
  description?: string;
  operationId?: string;
  tags?: readonly string[];
  parameters?: ApiParameter[];
  requestBody?: unknown;
  responses: Record<string, ApiResponse>;
  'x-problems'?: readonly ProblemCode[];
  'x-parameters'?: Readonly<Record<string, JsonSchema>>;
}

export interface ApiParameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly example?: unknown;
}

export interface ApiResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<
    Record<string, { readonly schema: object; readonly examples?: Readonly<Record<string, unknown>> }>
  >;
}

const TAGS: Readonly<Record<Tag, string>> = {
  Prices: 'Latest, highest, lowest and average prices. Times are Unix milliseconds.',
  Candles: 'Candles of many lengths, indicators over them, and single ticks. Times are Unix milliseconds.',
  Streams: 'Changes as they come: a WebSocket, or server-sent events. The messages are at /docs/streams.',
  Mode: 'Live or test data: the two never mix.',
  Health: 'Probes and metrics.',
  Books: 'What came, what became of it, and from where.',
  Pages: 'For people, and the document behind these pages.',
};

/** What any route may answer. */
const COMMON: readonly ProblemCode[] = ['unknown_parameter', 'method_not_allowed', 'headers_too_large', 'internal'];
/** Of routes that `server.rateLimit` is for. */
const LIMITED: readonly ProblemCode[] = ['too_many_requests'];

const PROBLEM_REFERENCE = { $ref: '#/components/schemas/Problem' };

export function openapiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'MarketFlow',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
        description: `Prices from many exchanges. Times are Unix milliseconds, prices and quantities numbers. Every 4xx and 5xx but that of /health is a problem document (RFC 9457) of the type ${PROBLEM_TYPE}.`,
      },
      servers: [{ url: '/', description: 'This service.' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    refResolver: { buildLocalReference: (schema, _base, _fragment, i) => String(schema.$id ?? `schema${i}`) },
    transformObject: (document) => {
      if ('openapiObject' in document) completeDocument(document.openapiObject as unknown as ApiDocument);
      return 'openapiObject' in document ? document.openapiObject : document.swaggerObject;
    },
  };
}

function completeDocument(document: ApiDocument): void {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) completeOperation(operation, method, path);
  }
}

function completeOperation(operation: ApiOperation, method: string, path: string): void {
  operation.operationId = `${method}${path.replace(/[^A-Za-z]+([A-Za-z]|$)/g, (_, next: string) => next.toUpperCase())}`;
  const common = isRateLimited(path) ? [...COMMON, ...LIMITED] : COMMON;
  const byStatus = Map.groupBy([...common, ...(operation['x-problems'] ?? [])], (code) => PROBLEMS[code].status);
  for (const [status, codes] of byStatus) operation.responses[status] ??= problemResponse(codes);
  delete operation['x-problems'];
  documentParameters(operation);
  if (method === 'post') {
    operation.requestBody = { required: false, content: { 'application/json': { schema: { type: 'object' } } } };
  }
}

/** The schema that the framework checks only says that values are text; readers are told what they may be. */
function documentParameters(operation: ApiOperation): void {
  const documented = operation['x-parameters'];
  delete operation['x-parameters'];
  operation.parameters =
    operation.parameters?.map((parameter) => {
      const schema = parameter.in === 'query' ? documented?.[parameter.name] : undefined;
      if (schema === undefined) return parameter;
      const { description, examples, ...rest } = schema;
      const [example] = Array.isArray(examples) ? examples : [];
      return {
        ...parameter,
        description: String(description),
        schema: rest,
        ...(example === undefined ? {} : { example }),
      };
    }) ?? [];
}

const ALLOW = { Allow: { description: 'The methods of this path.', schema: { type: 'string' } } };
const RETRY_AFTER = { 'Retry-After': { description: 'Seconds to wait for.', schema: { type: 'integer' } } };

/** Beside the document itself. */
const HEADERS: Partial<Record<ProblemCode, ApiResponse['headers']>> = {
  method_not_allowed: ALLOW,
  too_many_requests: RETRY_AFTER,
  unavailable: RETRY_AFTER,
};

function problemResponse(codes: readonly ProblemCode[]): ApiResponse {
  const headers = Object.assign({}, ...codes.map((code) => HEADERS[code])) as NonNullable<ApiResponse['headers']>;
  const examples = codes.map((code) => [code, { value: JSON.parse(problemBody(code).toString()) as unknown }]);
  return {
    description: codes.map((code) => `${code}: ${PROBLEMS[code].detail}`).join(' '),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    content: { [PROBLEM_TYPE]: { schema: PROBLEM_REFERENCE, examples: Object.fromEntries(examples) } },
  };
}

export const OPENAPI_SCHEMA = {
  summary: 'This document as OpenAPI 3.1',
  tags: ['Pages'],
  querystring: noQuery,
  response: { [STATUS.ok]: { type: 'object', description: 'An OpenAPI 3.1 document.' } },
} as const;
