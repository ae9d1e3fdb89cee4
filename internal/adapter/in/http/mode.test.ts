import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemOf, rawExchange, rawProblemOf, rawStatus, STUBS, startServer } from './test-server.ts';

test('the mode is told and switched, without a body or with one that is not looked at', async (t) => {
  const { url } = await startServer(t);
  assert.deepEqual(await (await fetch(`${url}/mode`)).json(), { mode: 'test', epoch: 1, since: 1_000 });
  const json = { 'content-type': 'application/json; charset=utf-8' };
  const requests: RequestInit[] = [
    {},
    { body: '' },
    { body: '{"a":1}', headers: json },
    { headers: json },
    { body: '{', headers: json },
  ];
  for (const request of requests) {
    for (const mode of ['live', 'test']) {
      const response = await fetch(`${url}/mode/${mode}`, { method: 'POST', ...request });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('cache-control'), 'no-store');
      assert.deepEqual(await response.json(), { mode, epoch: 2, since: 2_000 });
    }
  }
});

test('an empty form body is no body', async (t) => {
  const { url } = await startServer(t);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal((await fetch(`${url}/mode/live`, { method: 'POST', headers, body: '' })).status, 200);
});

test('a body of another type is 415, one that is too large 413', async (t) => {
  const { url, port } = await startServer(t);
  const post = (body: string, type: string) =>
    fetch(`${url}/mode/live`, { method: 'POST', body, headers: { 'content-type': type } });
  for (const type of ['text/plain', 'application/xml', 'nonsense', 'multipart/form-data; boundary=x']) {
    const response = await post('a=b', type);
    assert.equal(response.status, 415, type);
    assert.equal((await problemOf(response)).code, 'unsupported_media_type');
  }
  const untyped = await rawExchange(port, ['POST /mode/live HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}']);
  assert.equal(rawProblemOf(untyped).code, 'unsupported_media_type');
  assert.equal((await post(' '.repeat(16 * 1024), 'application/json')).status, 200);
  const large = await post(' '.repeat(16 * 1024 + 1), 'application/json');
  assert.equal(large.status, 413);
  assert.equal((await problemOf(large)).code, 'body_too_large');
});

test('a large chunked body is cut off', async (t) => {
  const { port } = await startServer(t);
  const head =
    'POST /mode/live HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = `1000\r\n${' '.repeat(0x1000)}\r\n`;
  const text = await rawExchange(port, [head, ...Array<string>(8).fill(chunk)]);
  assert.equal(rawStatus(text), 413);
  assert.equal(rawProblemOf(text).code, 'body_too_large');
});

test('pages of another origin may not switch', async (t) => {
  const asked: string[] = [];
  const switchTo = async (mode: 'live' | 'test') => {
    asked.push(mode);
    return { mode, epoch: 2, sinceMs: 0, switched: true };
  };
  const { url, port } = await startServer(t, { mode: { ...STUBS.mode, switchTo } });
  const origins = ['http://evil.example', 'null', `http://127.0.0.1:${port + 1}`, 'http://127.0.0.1', 'file://', 'x'];
  for (const origin of origins) {
    const response = await fetch(`${url}/mode/live`, { method: 'POST', headers: { origin } });
    assert.equal(response.status, 403, origin);
    assert.equal((await problemOf(response)).code, 'forbidden_origin');
  }
  assert.deepEqual(asked, []);
  assert.equal((await fetch(`${url}/mode/live`, { method: 'POST', headers: { origin: url } })).status, 200);
  const named = `POST /mode/test HTTP/1.1\r\nHost: Market.example:80\r\nOrigin: http://market.example\r\nConnection: close\r\n\r\n`;
  assert.equal(rawStatus(await rawExchange(port, [named])), 200);
  assert.deepEqual(asked, ['live', 'test']);
});

test('a name that was turned to a loopback address may not switch; localhost, addresses and proxies may', async (t) => {
  const { port } = await startServer(t);
  const statusOf = async (origin: string): Promise<number> => {
    const host = origin.replace(/^https?:\/\//, '');
    const head = `POST /mode/live HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`;
    return rawStatus(await rawExchange(port, [head]));
  };
  const turned = ['evil.example', '127.0.0.1.evil.example', 'evillocalhost', 'localhost.evil.example'];
  for (const name of turned) assert.equal(await statusOf(`http://${name}:${port}`), 403, name);
  const own = ['localhost', 'localhost.', 'market.localhost', '127.0.0.1', '[::1]', '192.168.0.7'];
  for (const name of own) assert.equal(await statusOf(`http://${name}:${port}`), 200, name);
  for (const origin of ['http://market.example', 'https://market.example', `https://market.example:${port}`]) {
    assert.equal(await statusOf(origin), 200, origin);
  }
});

test('a switch that fails is a 500, a parameter is unknown', async (t) => {
  const { url } = await startServer(t, { mode: { ...STUBS.mode, switchTo: () => Promise.reject(new Error('no')) } });
  assert.equal((await problemOf(await fetch(`${url}/mode/live`, { method: 'POST' }))).code, 'internal');
  const unknown = await fetch(`${url}/mode/live?force=1`, { method: 'POST' });
  assert.equal((await problemOf(unknown)).code, 'unknown_parameter');
});
