import assert from 'node:assert/strict';
import { get } from 'node:http';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { problemOf, startServer } from '../test-server.ts';

/** Anything that a browser would fetch or follow to another host. */
const EXTERNAL = /(?:https?:|["'(=\s])\/\/[a-z0-9]/i;
const SCRIPT = 'console.log(1)';
const FILES: Readonly<Record<string, Buffer>> = {
  'manifest.json': Buffer.from('{"script":"main-AAAA.js","style":"style-BBBB.css"}'),
  'main-AAAA.js': Buffer.from(SCRIPT),
  'main-AAAA.js.br': brotliCompressSync(SCRIPT),
  'main-AAAA.js.gz': gzipSync(SCRIPT),
  'style-BBBB.css': Buffer.from('body{}'),
  'style-BBBB.css.br': brotliCompressSync('body{}'),
  'style-BBBB.css.gz': gzipSync('body{}'),
};
const FOREVER = 'public, max-age=31536000, immutable';

async function start(t: TestContext) {
  const read: string[] = [];
  const readDashboardFile = (name: string): Buffer | null => {
    read.push(name);
    return FILES[name] ?? null;
  };
  const { url } = await startServer(t, { readDashboardFile });
  return { url, read };
}

/** Without what `fetch` adds and takes away. */
function ask(url: string, headers: Record<string, string>) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    get(url, { headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    }).on('error', reject);
  });
}

test('the page names its files, allows nothing but them, and is asked for again each time', async (t) => {
  const { url, read } = await start(t);
  assert.deepEqual(read, [], 'nothing is read before it is asked for');
  const { status, headers, body } = await ask(`${url}/`, {});
  assert.equal(status, 200);
  const html = body.toString();
  assert.match(html, /src="\/assets\/main-AAAA\.js"/);
  assert.match(html, /href="\/assets\/style-BBBB\.css"/);
  assert.match(html, /data-intervals="1s 1m 5m 1w"/);
  assert.doesNotMatch(html, EXTERNAL);
  assert.doesNotMatch(html, /<style|\sstyle=|<script>|\son\w+=/);
  assert.equal(headers['cache-control'], 'no-cache');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  const policy = String(headers['content-security-policy']);
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
  assert.match(policy, /frame-ancestors 'none'; base-uri 'none'; form-action 'none'$/);
  assert.doesNotMatch(policy, /unsafe|\*|http/);
  const again = await ask(`${url}/`, { 'if-none-match': String(headers['etag']) });
  assert.deepEqual([again.status, again.body.length], [304, 0]);
});

test('files come in the best encoding that is accepted, each with its own strong ETag, and for ever', async (t) => {
  const { url, read } = await start(t);
  const etags = new Set<unknown>();
  const decoders = { br: brotliDecompressSync, gzip: gunzipSync, '': (bytes: Buffer) => bytes };
  for (const [accepted, encoding] of [
    ['gzip, deflate, br', 'br'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['identity', ''],
  ] as const) {
    const { status, headers, body } = await ask(`${url}/assets/main-AAAA.js`, { 'accept-encoding': accepted });
    assert.equal(status, 200);
    assert.equal(headers['content-encoding'] ?? '', encoding);
    assert.equal(decoders[encoding](body).toString(), SCRIPT);
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(headers['cache-control'], FOREVER);
    assert.equal(headers['vary'], 'accept-encoding');
    assert.match(String(headers['etag']), /^"[\w-]+"$/);
    etags.add(headers['etag']);
    const again = await ask(`${url}/assets/main-AAAA.js`, {
      'accept-encoding': accepted,
      'if-none-match': String(headers['etag']),
    });
    assert.deepEqual([again.status, again.body.length, again.headers['content-encoding']], [304, 0, undefined]);
  }
  assert.equal(etags.size, 3);
  assert.equal(read.filter((name) => name === 'main-AAAA.js.br').length, 1, 'a file is read once');
  const style = await ask(`${url}/assets/style-BBBB.css`, {});
  assert.equal(style.headers['content-type'], 'text/css; charset=utf-8');
});

test('only files of the manifest are files', async (t) => {
  const { url } = await start(t);
  for (const name of ['manifest.json', 'main-AAAA.js.br', 'main-OLD.js', '..%2F..%2Fpackage.json']) {
    const response = await fetch(`${url}/assets/${name}`);
    assert.equal(response.status, 404, name);
    assert.equal((await problemOf(response)).code, 'not_found');
  }
});

test('where nothing is built the page says how, and is there once it is', async (t) => {
  let isBuilt = false;
  const { url } = await startServer(t, { readDashboardFile: (name) => (isBuilt ? (FILES[name] ?? null) : null) });
  const html = await (await fetch(`${url}/`)).text();
  assert.match(html, /<code>make dashboard<\/code>/);
  assert.match(html, /href="\/docs"/);
  assert.equal((await fetch(`${url}/assets/main-AAAA.js`)).status, 404);
  isBuilt = true;
  assert.match(await (await fetch(`${url}/`)).text(), /main-AAAA/);
});
