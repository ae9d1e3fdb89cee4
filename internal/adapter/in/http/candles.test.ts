import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Candle, CandlePage, CandleQueries, CandleQuestion } from '../../../application/port/in/candle-queries.ts';
import { CANDLE, INTERVALS_MS, problemOf, STUBS, startServer } from './test-server.ts';

/** Candles that note what they are asked, and answer with so many. */
function candlesOf(page: Partial<CandlePage> = {}) {
  const asked: CandleQuestion[] = [];
  const candles: CandleQueries = {
    intervalsMs: INTERVALS_MS,
    candles: async (question) => {
      asked.push(question);
      const { mode, exchange, symbol, fromMs, toMs } = question;
      const names = { mode: mode ?? 'test', exchange, symbol } as const;
      const range = { fromMs, toMs: toMs ?? 1_740_411_245_000 };
      return { ok: true, value: { ...names, ...range, candles: [CANDLE], more: false, settled: false, ...page } };
    },
  };
  return { asked, candles };
}

const MERGED: Candle = { ...CANDLE, firstTradeId: null, lastTradeId: null, exchanges: ['exchange1', 'exchange2'] };

test('the question is what the address says; without parameters it is what the document says', async (t) => {
  const { asked, candles } = candlesOf();
  const { url, observed } = await startServer(t, { candles });
  assert.equal((await fetch(`${url}/v1/candles/Exchange1/btcusdt`)).status, 200);
  const query = 'interval=60s&from=1000&to=2000&limit=7&order=desc&fill=previous&mode=live&format=json';
  assert.equal((await fetch(`${url}/v1/candles/BTC%2FUSDT?${query}`)).status, 200);
  assert.equal((await fetch(`${url}/v1/candles/x/BTC?interval=1w`)).status, 200);
  assert.deepEqual(asked, [
    {
      ...{ mode: null, exchange: 'Exchange1', symbol: 'btcusdt', intervalMs: 60_000, fromMs: null, toMs: null },
      ...{ limit: 500, order: 'asc', fill: 'none', afterOpenMs: null },
    },
    {
      ...{ mode: 'live', exchange: null, symbol: 'BTC/USDT', intervalMs: 60_000, fromMs: 1_000, toMs: 2_000 },
      ...{ limit: 7, order: 'desc', fill: 'previous', afterOpenMs: null },
    },
    {
      ...{ mode: null, exchange: 'x', symbol: 'BTC', intervalMs: 604_800_000, fromMs: null, toMs: null },
      ...{ limit: 500, order: 'asc', fill: 'none', afterOpenMs: null },
    },
  ]);
  assert.deepEqual(observed.slice(0, 2), ['/v1/candles/:exchange/:symbol GET 200', '/v1/candles/:symbol GET 200']);
});

test('JSON: the page with its range, the candles with every field', async (t) => {
  const { url } = await startServer(t, candlesOf());
  const response = await fetch(`${url}/v1/candles/exchange1/BTCUSDT?from=1740000000000`);
  assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.deepEqual(await response.json(), {
    ...{
      exchange: 'exchange1',
      symbol: 'BTCUSDT',
      mode: 'test',
      interval: '1m',
      from: 1_740_000_000_000,
      to: 1_740_411_245_000,
    },
    ...{ order: 'asc', candles: [CANDLE], next: null },
  });
  assert.equal(response.headers.get('link'), null);
});

test('CSV: by Accept or by format, which goes before; a header line, CRLF, empty fields for null', async (t) => {
  const quiet: Candle = {
    ...CANDLE,
    volume: null,
    quoteVolume: null,
    vwap: null,
    firstTradeId: null,
    lastTradeId: null,
  };
  const { url } = await startServer(t, candlesOf({ candles: [CANDLE, quiet] }));
  const get = (query: string, accept?: string) =>
    fetch(`${url}/v1/candles/exchange1/BTCUSDT${query}`, accept === undefined ? {} : { headers: { accept } });
  const response = await get('?format=csv');
  assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8; header=present');
  assert.equal(response.headers.get('vary'), 'accept');
  const head =
    'openTime,closeTime,open,high,low,close,volume,quoteVolume,count,average,vwap,firstTradeId,lastTradeId,state,complete,source,revision';
  const body = [
    head,
    '1740411180000,1740411240000,67300,67350.5,67290,67321.5,1.25,84146,112,67318,67316.8,5000,5111,final,true,ticks,0',
    '1740411180000,1740411240000,67300,67350.5,67290,67321.5,,,112,67318,,,,final,true,ticks,0',
    '',
  ].join('\r\n');
  assert.equal(await response.text(), body);
  for (const [query, accept, type] of [
    ['', 'text/csv', 'text/csv'],
    ['', 'text/csv;q=0.5, application/json', 'application/json'],
    ['', 'application/json;q=0.1, text/*', 'text/csv'],
    ['', 'text/html', 'application/json'],
    ['', '*/*', 'application/json'],
    ['', 'text/csv;q=0', 'application/json'],
    ['?format=json', 'text/csv', 'application/json'],
    ['?format=csv', 'application/json', 'text/csv'],
  ] as const) {
    const type_ = (await get(query, accept)).headers.get('content-type') ?? '';
    assert.ok(type_.startsWith(type), `${query} ${accept}: ${type_}`);
  }
});

test('CSV of merged candles names the exchanges', async (t) => {
  const { url } = await startServer(t, candlesOf({ exchange: null, candles: [MERGED] }));
  const lines = (await (await fetch(`${url}/v1/candles/BTCUSDT?format=csv`)).text()).split('\r\n');
  assert.ok(lines[0]?.endsWith(',revision,exchanges'));
  assert.ok(lines[1]?.endsWith(',0,exchange1 exchange2'));
});

test('paging: next and the Link lead to the page behind, whatever time it is and whichever mode is in force', async (t) => {
  const { asked, candles } = candlesOf({ more: true });
  const { url } = await startServer(t, { candles });
  const path = '/v1/candles/exchange1/BTCUSDT?limit=1&fill=previous&order=desc';
  const first = await fetch(`${url}${path}`);
  const { next } = (await first.json()) as { next: string };
  assert.match(next, /^[A-Za-z0-9_-]+$/);
  const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
  assert.equal(new URL(link, url).searchParams.get('cursor'), next);
  assert.equal((await fetch(new URL(link, url))).status, 200);
  assert.equal((await fetch(`${url}${path}&cursor=${next}`)).status, 200);
  const csv = await fetch(new URL(`${link}&format=csv`, url));
  assert.equal(csv.status, 200);
  const [, ...later] = asked;
  for (const question of later) {
    assert.deepEqual(question, {
      ...{ mode: 'test', exchange: 'exchange1', symbol: 'BTCUSDT', intervalMs: 60_000 },
      ...{ fromMs: null, toMs: 1_740_411_245_000, limit: 1, order: 'desc', fill: 'previous' },
      afterOpenMs: CANDLE.openTime,
    });
  }
  // Another limit is no other list.
  assert.equal((await fetch(`${url}${path.replace('limit=1', 'limit=2')}&cursor=${next}`)).status, 200);
});

test('a cursor that is none, or of another question, is invalid_cursor', async (t) => {
  const { asked, candles } = candlesOf({ more: true });
  const { url } = await startServer(t, { candles });
  const path = '/v1/candles/exchange1/BTCUSDT';
  const { next } = (await (await fetch(`${url}${path}`)).json()) as { next: string };
  asked.length = 0;
  const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const [version, sum, mode, from, to, at] = JSON.parse(Buffer.from(next, 'base64url').toString());
  for (const cursor of [
    ...['', 'x', '%20', next.slice(1), `${next}A`, 'A'.repeat(300), `${next}&cursor=${next}`],
    ...[forged({}), forged([]), forged([2, sum, mode, from, to, at]), forged([version, sum + 1, mode, from, to, at])],
    ...[forged([version, sum, 'other', from, to, at]), forged([version, sum, mode, -1, to, at])],
    ...[forged([version, sum, mode, from, null, at]), forged([version, sum, mode, from, to, 1.5])],
    ...[forged([version, sum, mode, from, to]), forged([version, sum, mode, from, to, 1e300])],
  ]) {
    const response = await fetch(`${url}${path}?cursor=${cursor}`);
    assert.equal(response.status, 400, cursor);
    assert.equal((await problemOf(response)).code, 'invalid_cursor', cursor);
  }
  for (const other of [
    ...['/v1/candles/exchange2/BTCUSDT?', '/v1/candles/exchange1/ETHUSDT?', '/v1/candles/BTCUSDT?'],
    ...['interval=5m', 'order=desc', 'fill=previous', 'from=1740000000000', 'to=9', 'mode=test'].map(
      (one) => `${path}?${one}&`,
    ),
  ]) {
    const response = await fetch(`${url}${other}cursor=${next}`);
    assert.equal((await problemOf(response)).code, 'invalid_cursor', other);
  }
  assert.deepEqual(asked, []);
});

test('parameters out of their bounds are refused with a code and the bounds, before anything is asked', async (t) => {
  const { asked, candles } = candlesOf();
  const { url } = await startServer(t, { candles });
  const cases: readonly (readonly [query: string, code: string, detail: RegExp])[] = [
    ['interval=2m', 'invalid_interval', /1s, 1m, 5m, 1w/],
    ['interval=1M', 'invalid_interval', /1s, 1m, 5m, 1w/],
    ['interval=', 'invalid_interval', /1s, 1m, 5m, 1w/],
    ['interval=1m&interval=1m', 'invalid_interval', /more than once/],
    ['from=-1', 'invalid_range', /from .* 0 to 4102444800000/],
    ['from=1.5', 'invalid_range', /Unix milliseconds/],
    ['to=2025-01-01', 'invalid_range', /to .* Unix milliseconds/],
    ['to=9999999999999', 'invalid_range', /4102444800000/],
    ['to=1&to=2', 'invalid_range', /to comes more than once/],
    ['from=5&to=5', 'invalid_range', /from is before to/],
    ['interval=1s&from=0', 'invalid_range', /50000000 intervals, here 50000000000 ms/],
    ['interval=1s&from=0&to=50000000001', 'invalid_range', /50000000 intervals/],
    ['limit=0', 'invalid_limit', /from 1 to 5000/],
    ['limit=5001', 'invalid_limit', /from 1 to 5000/],
    ['limit=1e3', 'invalid_limit', /from 1 to 5000/],
    ['limit=', 'invalid_limit', /from 1 to 5000/],
    ['order=up', 'invalid_parameter', /order is one of asc, desc/],
    ['fill=zero', 'invalid_parameter', /fill is one of none, previous/],
    ['format=xml', 'invalid_parameter', /format is one of json, csv/],
    ['mode=demo', 'invalid_parameter', /mode is one of live, test/],
    ['mode=live&mode=live', 'invalid_parameter', /mode comes more than once/],
    ['period=5', 'unknown_parameter', /period/],
    ['Limit=5', 'unknown_parameter', /Limit/],
  ];
  for (const [query, code, detail] of cases) {
    const response = await fetch(`${url}/v1/candles/exchange1/BTCUSDT?${query}`);
    assert.equal(response.status, 400, query);
    const problem = await problemOf(response);
    assert.equal(problem.code, code, query);
    assert.match(problem.detail, detail, query);
  }
  const interval = await problemOf(await fetch(`${url}/v1/candles/exchange1/BTCUSDT?interval=7m`));
  assert.deepEqual(interval['intervals'], ['1s', '1m', '5m', '1w']);
  const merged = await problemOf(await fetch(`${url}/v1/candles/BTCUSDT?limit=1001`));
  assert.match(merged.detail, /from 1 to 1000/);
  assert.equal((await problemOf(await fetch(`${url}/v1/candles/exchange1/B%20C`))).code, 'invalid_symbol');
  assert.equal((await problemOf(await fetch(`${url}/v1/candles/a%20b/BTC`))).code, 'unknown_exchange');
  assert.deepEqual(asked, []);
  assert.equal((await fetch(`${url}/v1/candles/exchange1/BTCUSDT?interval=1s&from=0&to=50000000000`)).status, 200);
});

test('what is forming is not kept; what may change is asked for again; what is settled may be kept with its mode', async (t) => {
  const forming = await startServer(t, candlesOf({ candles: [CANDLE, { ...CANDLE, state: 'forming' }] }));
  const open = await fetch(`${forming.url}/v1/candles/x/BTC?mode=live`);
  assert.deepEqual([open.headers.get('cache-control'), open.headers.get('etag')], ['no-store', null]);

  const recent = await startServer(t, candlesOf());
  const closed = await fetch(`${recent.url}/v1/candles/x/BTC?mode=live`);
  assert.equal(closed.headers.get('cache-control'), 'no-cache');
  assert.match(closed.headers.get('etag') ?? '', /^"[A-Za-z0-9_-]{27}"$/);

  const settled = await startServer(t, candlesOf({ settled: true }));
  const fixed = await fetch(`${settled.url}/v1/candles/x/BTC?mode=live`);
  assert.equal(fixed.headers.get('cache-control'), 'public, max-age=3600');
  const moving = await fetch(`${settled.url}/v1/candles/x/BTC`);
  assert.equal(moving.headers.get('cache-control'), 'no-cache');
});

test('If-None-Match: 304 without a body for the same page, by its tag, a list of tags, or *; else the page', async (t) => {
  const { url, observed } = await startServer(t, candlesOf());
  const path = `${url}/v1/candles/x/BTC`;
  const first = await fetch(path);
  const etag = first.headers.get('etag') ?? '';
  const asked = (value: string, more = '') => fetch(`${path}${more}`, { headers: { 'if-none-match': value } });
  for (const value of [etag, `W/${etag}`, `"a", ${etag}`, '*']) {
    const response = await asked(value);
    assert.equal(response.status, 304, value);
    assert.equal(await response.text(), '');
    assert.equal(response.headers.get('etag'), etag);
    assert.equal(response.headers.get('cache-control'), 'no-cache');
    assert.equal(response.headers.get('vary'), 'accept');
  }
  assert.equal((await asked('"other"')).status, 200);
  assert.equal((await asked(etag, '?format=csv')).status, 200);
  const other = await startServer(t, candlesOf({ candles: [{ ...CANDLE, revision: 1 }] }));
  const response = await fetch(`${other.url}/v1/candles/x/BTC`, { headers: { 'if-none-match': etag } });
  assert.equal(response.status, 200);
  assert.ok(observed.includes('/v1/candles/:exchange/:symbol GET 304'));
});

test('HEAD is GET without the body; failures of the queries are problems', async (t) => {
  const { url } = await startServer(t, candlesOf());
  const get = await fetch(`${url}/v1/candles/x/BTC`);
  const head = await fetch(`${url}/v1/candles/x/BTC`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(Number(head.headers.get('content-length')), (await get.arrayBuffer()).byteLength);
  assert.equal(head.headers.get('etag'), get.headers.get('etag'));
  const failing = {
    ...STUBS.candles,
    candles: async () => ({ ok: false, failure: 'unavailable', detail: 'the store is away' }) as const,
  };
  const down = await startServer(t, { candles: failing });
  const response = await fetch(`${down.url}/v1/candles/BTC`);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('retry-after'), '1');
  assert.equal((await problemOf(response)).detail, 'the store is away');
});
