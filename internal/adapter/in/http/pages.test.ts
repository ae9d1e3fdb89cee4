import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from './test-server.ts';

/** Anything that a browser would fetch or follow to another host. */
const EXTERNAL = /(?:https?:|["'(=\s])\/\/[a-z0-9]/i;

test('pages have a strict policy and nothing from another host', async (t) => {
  const { url } = await startServer(t, { readDashboardFile: () => null });
  for (const path of ['/', '/docs']) {
    const response = await fetch(`${url}${path}`);
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('referrer-policy'), 'no-referrer');
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    const html = await response.text();
    assert.doesNotMatch(html.replaceAll(/https?:\/\/localhost:\d+\//g, ''), EXTERNAL);
    assert.doesNotMatch(html, /<script|\son\w+=|\sstyle=|javascript:/i);
  }
});

test('the docs name every operation, parameter and problem, and links of problems lead somewhere', async (t) => {
  const { url, port } = await startServer(t);
  const html = await (await fetch(`${url}/docs`)).text();
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
  for (const path of Object.keys(document.paths)) assert.ok(html.includes(`<code>${path}</code>`), path);
  assert.ok(html.includes(`curl -s &#39;http://localhost:${port}/prices/highest/exchange1/BTCUSDT?period=10s&#39;`));
  assert.ok(html.includes(`curl -s -X POST &#39;http://localhost:${port}/mode/live&#39;`));
  const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
  for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.has(target), target);
  for (const code of ['invalid_symbol', 'internal', 'forbidden_origin']) assert.ok(ids.has(code), code);
  assert.doesNotMatch(html, /undefined|\[object/);
});
