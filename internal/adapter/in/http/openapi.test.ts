import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiDocument } from './openapi.ts';
import { PROBLEM_CODES, PROBLEMS } from './problem.ts';
import { startServer } from './test-server.ts';

const PRICE_PATHS = ['latest', 'highest', 'lowest', 'average'].flatMap((name) => [
  `get /prices/${name}/{symbol}`,
  `get /prices/${name}/{exchange}/{symbol}`,
]);
/** Query parameters of the lists. */
const LIST_PATHS: Readonly<Record<string, readonly string[]>> = {
  'get /v1/candles/{symbol}': ['interval', 'from', 'to', 'limit', 'order', 'fill', 'format', 'mode', 'cursor'],
  'get /v1/candles/{exchange}/{symbol}': [
    'interval',
    'from',
    'to',
    'limit',
    'order',
    'fill',
    'format',
    'mode',
    'cursor',
  ],
  'get /v1/stream/sse': ['channel', 'exchanges', 'symbols'],
  'get /v1/ticks/{exchange}/{symbol}': ['from', 'to', 'limit', 'order', 'mode', 'cursor'],
  'get /v1/indicators/{exchange}/{symbol}': [
    ...['name', 'interval', 'period', 'fast', 'slow', 'signal', 'deviations', 'from', 'to', 'limit', 'order', 'mode'],
  ],
};
const OTHER_PATHS = [
  'mode',
  'health',
  'healthz',
  'readyz',
  'metrics',
  'v1/audit',
  'v1/symbols',
  'v1/exchanges',
  '',
  'docs',
  'docs/streams',
  'openapi.json',
  'asyncapi.json',
  'v1/stream',
];
const EXPECTED = [
  ...PRICE_PATHS,
  ...Object.keys(LIST_PATHS),
  ...OTHER_PATHS.map((path) => `get /${path}`),
  'post /mode/live',
  'post /mode/test',
].sort();

const SCHEMA_TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

test('the document is OpenAPI 3.1 and has every route of the service, and no other', async (t) => {
  const document = await openApi(t);
  assert.equal(document.openapi, '3.1.0');
  assert.deepEqual([document.info.title, document.info.version], ['MarketFlow', '0.1.0']);
  assert.deepEqual(
    operationsOf(document)
      .map(({ key }) => key)
      .sort(),
    EXPECTED,
  );
});

test('every operation is described, and its parameters are those of its path', async (t) => {
  const document = await openApi(t);
  const operations = operationsOf(document);
  assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length);
  const tags = new Set(document.tags.map(({ name }) => name));
  for (const { key, path, operation } of operations) {
    assert.match(operation.operationId ?? '', /^(get|post)[A-Za-z0-9]*$/, key);
    assert.ok((operation.summary ?? '').length > 0, key);
    assert.ok(operation.tags?.length === 1 && tags.has(operation.tags[0] ?? ''), key);
    assert.equal(Object.hasOwn(operation, 'x-problems'), false);
    const parameters = operation.parameters ?? [];
    const inPath = parameters.filter((parameter) => parameter.in === 'path');
    assert.deepEqual(
      inPath.map(({ name }) => `{${name}}`),
      path.match(/\{\w+\}/g) ?? [],
      key,
    );
    assert.ok(
      inPath.every(({ required }) => required === true),
      key,
    );
    for (const { description, schema } of parameters) {
      assert.ok((description ?? '').length > 0, key);
      checkSchema(schema, document, key);
    }
    const windowed = LIST_PATHS[key] ?? (/highest|lowest|average/.test(path) ? ['period'] : []);
    assert.deepEqual(
      parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      windowed,
      key,
    );
  }
});

test('every response has a description and valid content; problems come as problem documents', async (t) => {
  const document = await openApi(t);
  for (const { key, path, operation } of operationsOf(document)) {
    for (const status of [path === '/v1/stream' ? '101' : '200', '400', '405', '431', '500'])
      assert.ok(operation.responses[status], `${key} ${status}`);
    if (path.startsWith('/prices/')) assert.ok(operation.responses['404'] && operation.responses['503'], key);
    if (key.startsWith('post')) assert.ok(operation.responses['413'] && operation.responses['415'], key);
    for (const [status, response] of Object.entries(operation.responses)) {
      assert.match(status, /^[1-5]\d\d$/);
      assert.ok(response.description.length > 0 && response.description !== 'Default Response', `${key} ${status}`);
      const content = Object.entries(response.content ?? {});
      const types = ['101', '304'].includes(status) ? 0 : key.includes('/v1/candles/') && status === '200' ? 2 : 1;
      assert.equal(content.length, types, `${key} ${status}`);
      for (const [type, { schema }] of content) {
        const isReport = path === '/health' && status === '503';
        assert.equal(type === 'application/problem+json', Number(status) >= 400 && !isReport, `${key} ${status}`);
        checkSchema(schema, document, `${key} ${status}`);
      }
    }
  }
});

test('too many requests is told of where it may be answered, and when to come again; metrics may be unavailable', async (t) => {
  const UNLIMITED = ['get /healthz', 'get /readyz', 'get /metrics'];
  for (const { key, operation } of operationsOf(await openApi(t))) {
    const { 429: refused, 503: unavailable } = operation.responses;
    assert.equal(refused === undefined, UNLIMITED.includes(key), key);
    if (refused !== undefined) assert.deepEqual(Object.keys(refused.headers ?? {}), ['Retry-After'], key);
    if (key === 'get /metrics') assert.deepEqual(Object.keys(unavailable?.headers ?? {}), ['Retry-After']);
  }
});

test('components are schemas with described examples, and know every code', async (t) => {
  const { components, ...rest } = await openApi(t);
  for (const [name, schema] of Object.entries(components.schemas)) checkSchema(schema, { components, ...rest }, name);
  const { properties } = components.schemas['Problem'] as { properties: { code: { enum: string[] } } };
  assert.deepEqual(properties.code.enum, PROBLEM_CODES);
  assert.equal(PROBLEMS.invalid_symbol.status, 400);
});

async function openApi(t: Parameters<typeof startServer>[0]): Promise<ApiDocument> {
  const { url } = await startServer(t);
  const response = await fetch(`${url}/openapi.json`);
  assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  return (await response.json()) as ApiDocument;
}

function operationsOf({ paths }: ApiDocument) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ key: `${method} ${path}`, path, operation })),
  );
}

/** The part of JSON Schema 2020-12 that is in use; references must lead somewhere. */
function checkSchema(schema: unknown, document: ApiDocument, where: string): void {
  assert.ok(typeof schema === 'object' && schema !== null, where);
  const { $ref, type, properties, items, anyOf, required } = schema as Record<string, unknown>;
  if ($ref !== undefined) {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(String($ref))?.[1] ?? '';
    assert.ok(document.components.schemas[name], `${where}: ${String($ref)}`);
    return;
  }
  for (const name of [type ?? []].flat()) assert.ok(SCHEMA_TYPES.includes(String(name)), `${where}: ${String(name)}`);
  assert.ok(type !== undefined || anyOf !== undefined, where);
  assert.equal(Object.hasOwn(schema, 'nullable') || Object.hasOwn(schema, '$id'), false, where);
  const parts = Object.entries((properties ?? {}) as Record<string, unknown>);
  for (const name of (required ?? []) as string[])
    assert.ok(
      parts.some(([part]) => part === name),
      `${where}: ${name}`,
    );
  for (const [name, part] of parts) checkSchema(part, document, `${where}.${name}`);
  if (items !== undefined) checkSchema(items, document, `${where}[]`);
  for (const branch of (anyOf ?? []) as unknown[]) checkSchema(branch, document, where);
}
