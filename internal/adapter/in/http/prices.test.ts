import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, LatestPrice, QueryFailure } from '../../../application/port/in/queries.ts';
import { LATEST, problemOf, rawExchange, rawProblemOf, rawStatus, STUBS, startServer } from './test-server.ts';

test('latest answers with the shape of the contract and is not cached', async (t) => {
  const { url, observed } = await startServer(t);
  const response = await fetch(`${url}/prices/latest/BTCUSDT`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  assert.deepEqual(await response.json(), LATEST);
  const atExchange = await (await fetch(`${url}/prices/latest/exchange2/BTCUSDT`)).json();
  assert.deepEqual(atExchange, { ...LATEST, exchange: 'exchange2' });
  assert.deepEqual(observed, ['/prices/latest/:symbol GET 200', '/prices/latest/:exchange/:symbol GET 200']);
});

test('a latest price that has to be fetched is sent when it comes; a fault on the way is internal', async (t) => {
  const { url, faults } = await startServer(t, {
    prices: {
      ...STUBS.prices,
      latest: async (exchange, symbol): Promise<Answer<LatestPrice>> => {
        if (symbol === 'FAULT') throw new Error('a fault');
        if (symbol === 'NONE') return { ok: false, failure: 'no_data', detail: 'none' };
        return { ok: true, value: { ...LATEST, symbol, exchange: exchange ?? LATEST.exchange } };
      },
    },
  });
  const statusOf = async (path: string) => (await fetch(`${url}/prices/latest/${path}`)).status;
  assert.deepEqual(await (await fetch(`${url}/prices/latest/BTCUSDT`)).json(), LATEST);
  const paths = ['exchange2/BTCUSDT', 'NONE', 'exchange2/NONE', 'FAULT', '!/BTCUSDT'];
  assert.deepEqual(await Promise.all(paths.map(statusOf)), [200, 404, 404, 500, 404]);
  assert.equal(faults.length, 1);
});

test('window figures pass the period on, with and without exchange', async (t) => {
  const { url } = await startServer(t);
  const get = async (path: string) => (await fetch(`${url}${path}`)).json();
  const window = { from: 1_000, to: 11_000, count: 3 };
  const base = { symbol: 'BTCUSDT', ...window };
  assert.deepEqual(await get('/prices/highest/BTCUSDT'), {
    ...base,
    exchange: 'best',
    price: 3,
    timestamp: 2_000,
    period: null,
  });
  assert.deepEqual(await get('/prices/lowest/x1/BTCUSDT?period=10s'), {
    ...base,
    exchange: 'x1',
    price: 1,
    timestamp: 3_000,
    period: '10s',
  });
  assert.deepEqual(await get('/prices/average/BTCUSDT?period=1m'), { ...base, exchange: null, price: 2, period: '1m' });
  assert.deepEqual(await get('/prices/average/x1/BTCUSDT'), { ...base, exchange: 'x1', price: 2, period: null });
});

test('names reach the port as they came, decoded', async (t) => {
  const asked: unknown[] = [];
  const latest = (exchange: string | null, symbol: string) => {
    asked.push([exchange, symbol]);
    return { ok: true, value: LATEST } as const;
  };
  const { url, port } = await startServer(t, { prices: { ...STUBS.prices, latest } });
  await fetch(`${url}/prices/latest/btcUSDT`);
  await fetch(`${url}/prices/latest/BTC%2FUSDT`);
  await fetch(`${url}/prices/latest/Exchange1/BTC%2fUSDT:PERP`);
  await fetch(`${url}/prices/latest/${'A'.repeat(32)}`);
  await rawExchange(port, ['GET /prices/latest/.. HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n']);
  assert.deepEqual(asked, [
    [null, 'btcUSDT'],
    [null, 'BTC/USDT'],
    ['Exchange1', 'BTC/USDT:PERP'],
    [null, 'A'.repeat(32)],
    [null, '..'],
  ]);
});

test('a symbol that cannot be one is invalid_symbol', async (t) => {
  const { url, port } = await startServer(t);
  const long = ['A'.repeat(33), 'A'.repeat(200), 'A'.repeat(10_000)];
  const odd = ['', '%20', 'BTC%00', 'BTC%0A', 'BTC USDT', 'ЖЖЖ', '%F0%9F%98%80', 'a%2Cb', 'BTC*', '%25', 'a;b', "'--"];
  for (const symbol of [...odd, ...long]) {
    for (const path of [`latest/${symbol}`, `latest/x1/${symbol}`, `highest/${symbol}?period=nonsense`]) {
      const response = await fetch(`${url}/prices/${path}`);
      assert.equal(response.status, 400, path);
      assert.equal((await problemOf(response)).code, 'invalid_symbol', path);
    }
  }
  for (const symbol of ['%ZZ', '%', '%E0%A4', '%FF']) {
    const text = await rawExchange(port, [
      `GET /prices/latest/${symbol} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    ]);
    assert.equal(rawStatus(text), 400);
    assert.equal(rawProblemOf(text).code, 'invalid_symbol');
  }
});

test('a period that is none, or comes twice, is invalid_period', async (t) => {
  const { url } = await startServer(t);
  const queries = ['', '10', '0s', '99ms', '366d', '10S', '-1s', '1.5s', '%20', '%ZZ', '10s&period=10s', '10s&period='];
  for (const query of queries) {
    for (const figure of ['highest', 'lowest', 'average']) {
      for (const name of ['BTCUSDT', 'x1/BTCUSDT', 'x%20y/BTCUSDT']) {
        const response = await fetch(`${url}/prices/${figure}/${name}?period=${query}`);
        assert.equal(response.status, 400, query);
        assert.equal((await problemOf(response)).code, 'invalid_period', query);
      }
    }
  }
});

test('an unknown parameter is told first, and named', async (t) => {
  const { url } = await startServer(t);
  for (const path of [
    'latest/!!?x=1',
    'latest/BTCUSDT?period=10s',
    'highest/!!?period=zz&x=1',
    'average/BTCUSDT?Period=10s',
  ]) {
    const response = await fetch(`${url}/prices/${path}`);
    assert.equal(response.status, 400, path);
    assert.equal((await problemOf(response)).code, 'unknown_parameter', path);
  }
  const named = await problemOf(await fetch(`${url}/prices/latest/BTCUSDT?limit=1`));
  assert.match(named.detail, /"limit"/);
});

test('an exchange name that cannot be one is just unknown, and the port is not asked', async (t) => {
  const asked: unknown[] = [];
  const refuse = (...names: unknown[]): never => {
    asked.push(names);
    throw new Error('asked');
  };
  const { url } = await startServer(t, {
    prices: { latest: refuse, highest: refuse, lowest: refuse, average: refuse },
  });
  for (const figure of ['latest', 'highest', 'lowest', 'average']) {
    for (const exchange of ['', '%20', 'a%2Fb', '%00', 'x'.repeat(65), '%3Cb%3E']) {
      const response = await fetch(`${url}/prices/${figure}/${exchange}/BTCUSDT`);
      assert.equal(response.status, 404, exchange);
      assert.equal((await problemOf(response)).code, 'unknown_exchange');
    }
  }
  assert.deepEqual(asked, []);
});

test('failures of the queries become their problems, with their detail', async (t) => {
  const statuses: Record<QueryFailure, number> = {
    unknown_symbol: 404,
    unknown_exchange: 404,
    no_data: 404,
    unavailable: 503,
  };
  for (const [failure, status] of Object.entries(statuses) as [QueryFailure, number][]) {
    const answer: Answer<never> = { ok: false, failure, detail: `the ${failure} of this test` };
    const fail = async () => answer;
    const { url } = await startServer(t, {
      prices: { latest: () => answer, highest: fail, lowest: fail, average: fail },
    });
    for (const figure of ['latest', 'highest', 'lowest', 'average']) {
      const response = await fetch(`${url}/prices/${figure}/BTCUSDT`);
      assert.equal(response.status, status);
      assert.equal(response.headers.get('retry-after'), failure === 'unavailable' ? '1' : null);
      const document = await problemOf(response);
      assert.equal(document.code, failure);
      assert.equal(document.detail, answer.detail);
    }
  }
});

test('a query that throws is a 500 that says nothing of the cause, and the cause is reported', async (t) => {
  const cause = Object.assign(new Error('secret password in /etc/path'), { statusCode: 418, code: 'E_SECRET' });
  const fail = () => {
    throw cause;
  };
  const reject = () => Promise.reject(cause);
  const { url, faults, observed } = await startServer(t, {
    prices: { latest: fail, highest: reject, lowest: reject, average: reject },
  });
  for (const figure of ['latest', 'highest', 'lowest', 'average']) {
    const response = await fetch(`${url}/prices/${figure}/BTCUSDT`);
    assert.equal(response.status, 500);
    const document = await problemOf(response);
    assert.equal(document.code, 'internal');
    assert.doesNotMatch(JSON.stringify(document), /secret|etc|418|E_SECRET/i);
  }
  assert.deepEqual(faults, [cause, cause, cause, cause]);
  assert.ok(observed.every((line) => line.endsWith('GET 500')));
});

test('a value that cannot be written as JSON is a 500', async (t) => {
  const latest = () => ({ ok: true, value: { ...LATEST, price: Number.NaN } }) as const;
  const { url, faults } = await startServer(t, { prices: { ...STUBS.prices, latest } });
  const response = await fetch(`${url}/prices/latest/BTCUSDT`);
  assert.equal(response.status, 500);
  assert.equal((await problemOf(response)).code, 'internal');
  assert.equal(faults.length, 1);
});

test('a query that does not come back is unavailable after its deadline', async (t) => {
  const { url } = await startServer(t, { prices: { ...STUBS.prices, average: () => new Promise(() => {}) } });
  const response = await fetch(`${url}/prices/average/BTCUSDT`);
  assert.equal(response.status, 503);
  assert.equal((await problemOf(response)).code, 'unavailable');
});

test('HEAD is GET without the body', async (t) => {
  const { url } = await startServer(t);
  for (const [path, status] of [
    ['BTCUSDT', 200],
    ['%20', 400],
    ['BTCUSDT?x=1', 400],
  ] as const) {
    const get = await fetch(`${url}/prices/latest/${path}`);
    const head = await fetch(`${url}/prices/latest/${path}`, { method: 'HEAD' });
    assert.equal(head.status, status);
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'));
    assert.equal(Number(head.headers.get('content-length')), (await get.arrayBuffer()).byteLength);
    assert.equal(await head.text(), '');
  }
});
