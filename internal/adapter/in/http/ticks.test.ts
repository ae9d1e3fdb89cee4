import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TickPage, TickQuestion } from '../../../application/port/in/candle-queries.ts';
import { problemOf, startServer } from './test-server.ts';

const TICK = { price: 2.5, quantity: 0.1, tradeId: 7, timestamp: 1_000, receivedAt: 1_010 };

function ticksOf(page: Partial<TickPage> = {}) {
  const asked: TickQuestion[] = [];
  const ticks = {
    ticks: async (question: TickQuestion) => {
      asked.push(question);
      const { mode, exchange, symbol } = question;
      const names = { mode: mode ?? 'test', exchange, symbol } as const;
      return { ok: true, value: { ...names, ticks: [TICK], availableFromMs: 500, next: null, ...page } } as const;
    },
  };
  return { asked, ticks };
}

test('the answer has the ticks, how far back the log reaches, and is not kept', async (t) => {
  const { asked, ticks } = ticksOf();
  const { url } = await startServer(t, { ticks });
  const response = await fetch(`${url}/v1/ticks/exchange1/BTCUSDT`);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.deepEqual(await response.json(), {
    ...{ exchange: 'exchange1', symbol: 'BTCUSDT', mode: 'test', order: 'desc', availableFrom: 500 },
    ...{ ticks: [TICK], next: null },
  });
  await fetch(`${url}/v1/ticks/Exchange1/btcusdt?from=5&to=9&limit=5000&order=asc&mode=live`);
  assert.deepEqual(asked, [
    {
      ...{ mode: null, exchange: 'exchange1', symbol: 'BTCUSDT', fromMs: null, toMs: null },
      ...{ limit: 500, order: 'desc', after: null },
    },
    {
      ...{ mode: 'live', exchange: 'Exchange1', symbol: 'btcusdt', fromMs: 5, toMs: 9 },
      ...{ limit: 5_000, order: 'asc', after: null },
    },
  ]);
});

test('next leads to the page behind, in the mode of the first; not for another question', async (t) => {
  const { asked, ticks } = ticksOf({ next: { position: 77, row: Number.MAX_SAFE_INTEGER } });
  const { url } = await startServer(t, { ticks });
  const path = `${url}/v1/ticks/exchange1/BTCUSDT`;
  const { next } = (await (await fetch(path)).json()) as { next: string };
  await fetch(`${path}?cursor=${next}`);
  assert.deepEqual([asked[1]?.after, asked[1]?.mode], [{ position: 77, row: Number.MAX_SAFE_INTEGER }, 'test']);
  for (const query of ['order=asc', 'from=1', 'to=5', 'mode=live']) {
    const response = await fetch(`${path}?${query}&cursor=${next}`);
    assert.equal((await problemOf(response)).code, 'invalid_cursor', query);
  }
  assert.equal((await problemOf(await fetch(`${path}?cursor=abc`))).code, 'invalid_cursor');
});

test('bounds are told; a process without a log is unavailable', async (t) => {
  const { url } = await startServer(t);
  const cases = [
    ['limit=5001', 'invalid_limit', /from 1 to 5000/],
    ['from=x', 'invalid_range', /Unix milliseconds/],
    ['from=6&to=5', 'invalid_range', /from is before to/],
    ['order=newest', 'invalid_parameter', /desc, asc/],
    ['interval=1m', 'unknown_parameter', /interval/],
  ] as const;
  for (const [query, code, detail] of cases) {
    const response = await fetch(`${url}/v1/ticks/exchange1/BTCUSDT?${query}`);
    assert.equal(response.status, 400);
    const problem = await problemOf(response);
    assert.equal(problem.code, code);
    assert.match(problem.detail, detail);
  }
  assert.equal((await fetch(`${url}/v1/ticks/exchange1/BTCUSDT?from=0`)).status, 200);
  assert.equal((await problemOf(await fetch(`${url}/v1/ticks/a%20b/BTC`))).code, 'unknown_exchange');
  const api = await startServer(t, { ticks: null });
  const response = await fetch(`${api.url}/v1/ticks/exchange1/BTCUSDT`);
  assert.equal(response.status, 503);
  assert.match((await problemOf(response)).detail, /no tick log/);
});
