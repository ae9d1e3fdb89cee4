import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemOf, rawExchange, rawStatus, startServer } from './test-server.ts';

const GET_PATHS = [
  ...['latest', 'highest', 'lowest', 'average'].flatMap((name) => [
    `/prices/${name}/BTCUSDT`,
    `/prices/${name}/x1/BTCUSDT`,
  ]),
  ...['/mode', '/health', '/healthz', '/readyz', '/metrics', '/v1/audit', '/v1/symbols', '/v1/exchanges'],
  ...['/', '/docs', '/openapi.json'],
];
const POST_PATHS = ['/mode/test', '/mode/live'];

test('every route answers, refuses unknown parameters, and knows its methods', async (t) => {
  const { url } = await startServer(t);
  for (const [paths, method, allow] of [
    [GET_PATHS, 'GET', 'GET, HEAD, OPTIONS'],
    [POST_PATHS, 'POST', 'OPTIONS, POST'],
  ] as const) {
    for (const path of paths) {
      assert.equal((await fetch(`${url}${path}`, { method })).status, 200, path);
      const unknown = await fetch(`${url}${path}?nonsense=1`, { method });
      assert.equal(unknown.status, 400, path);
      assert.equal((await problemOf(unknown)).code, 'unknown_parameter', path);
      const options = await fetch(`${url}${path}`, { method: 'OPTIONS' });
      assert.equal(options.status, 204);
      assert.equal(options.headers.get('allow'), allow, path);
      for (const wrong of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'].filter(
        (m) => !allow.includes(m),
      )) {
        const response = await fetch(`${url}${path}`, { method: wrong });
        assert.equal(response.status, 405, `${wrong} ${path}`);
        assert.equal(response.headers.get('allow'), allow);
        if (wrong !== 'HEAD') assert.equal((await problemOf(response)).code, 'method_not_allowed');
      }
    }
  }
});

test('a wrong method with a body is 405, whatever the body is', async (t) => {
  const { url } = await startServer(t);
  const request = { method: 'PUT', body: 'a=b', headers: { 'content-type': 'text/plain' } };
  assert.equal((await problemOf(await fetch(`${url}/mode/live`, request))).code, 'method_not_allowed');
});

test('what is not there is not_found, for every method', async (t) => {
  const { url, observed } = await startServer(t);
  const paths = [
    '/nothing',
    '/health/',
    '/Health',
    '/prices',
    '/prices/latest',
    '/prices/latest/a/b/c',
    '/mode/demo',
    '/v1',
    '/docs.css',
  ];
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
      const response = await fetch(`${url}${path}?x=1`, { method, ...(method === 'POST' ? { body: 'x' } : {}) });
      assert.equal(response.status, 404, path);
      assert.equal((await problemOf(response)).code, 'not_found', path);
    }
  }
  assert.equal(observed.length, paths.length * 4);
  assert.ok(observed.every((line) => /^unmatched [A-Z]+ 404$/.test(line)));
});

test('OPTIONS * lists all methods', async (t) => {
  const { port } = await startServer(t);
  const text = await rawExchange(port, ['OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n']);
  assert.equal(rawStatus(text), 204);
  assert.match(text, /allow: GET, HEAD, OPTIONS, POST\r\n/i);
});
