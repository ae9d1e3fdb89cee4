import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEALTH, problemOf, STUBS, startServer } from './test-server.ts';

test('health is 200 for ok and degraded, 503 for down, always with the report', async (t) => {
  for (const [status, expected] of [
    ['ok', 200],
    ['degraded', 200],
    ['down', 503],
  ] as const) {
    const report = { ...HEALTH, status };
    const { url } = await startServer(t, { system: { ...STUBS.system, health: () => report } });
    const response = await fetch(`${url}/health`);
    assert.equal(response.status, expected);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.deepEqual(await response.json(), report);
  }
});

test('liveness and readiness', async (t) => {
  const { url } = await startServer(t);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  const ready = await fetch(`${url}/readyz`);
  assert.equal(ready.status, 200);
  assert.deepEqual(await ready.json(), { ready: true, reasons: [] });
});

test('not ready is a problem that has the reasons', async (t) => {
  const reasons = ['replaying', 'storage is down'];
  const { url } = await startServer(t, {
    system: { ...STUBS.system, readiness: () => ({ ready: false, reasons }) },
  });
  const response = await fetch(`${url}/readyz`);
  assert.equal(response.status, 503);
  const document = await problemOf(response);
  assert.equal(document.code, 'unavailable');
  assert.equal(document['ready'], false);
  assert.deepEqual(document['reasons'], reasons);
});

test('metrics are passed through', async (t) => {
  const { url } = await startServer(t);
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(await response.text(), 'up 1\n');
  const broken = await startServer(t, { metricsText: () => Promise.reject(new Error('no')) });
  assert.equal((await problemOf(await fetch(`${broken.url}/metrics`))).code, 'internal');
});

test('the books, symbols and exchanges are whole', async (t) => {
  const { url } = await startServer(t);
  const get = async (path: string) => (await fetch(`${url}${path}`)).json();
  assert.deepEqual(await get('/v1/audit'), STUBS.system.audit());
  assert.deepEqual(await get('/v1/symbols'), { symbols: STUBS.system.symbols() });
  assert.deepEqual(await get('/v1/exchanges'), { exchanges: STUBS.system.exchanges() });
});
