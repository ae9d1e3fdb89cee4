import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeFolder } from '../harness/data-folder.ts';
import { type FeedTick, LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { type HttpAnswer, type Service, startService } from '../harness/service.ts';
import { untilQuiet } from '../harness/wait.ts';

interface SentTick extends FeedTick {
  readonly exchange: string;
}

const PATHS = [
  ...['latest', 'highest', 'lowest', 'average'].flatMap((figure) => [
    `/prices/${figure}/{symbol}`,
    `/prices/${figure}/{exchange}/{symbol}`,
  ]),
  ...['/mode', '/mode/test', '/mode/live', '/health', '/healthz', '/readyz', '/metrics', '/v1/audit'],
  ...['/v1/symbols', '/v1/exchanges', '/', '/docs', '/openapi.json'],
  ...['/v1/candles/{symbol}', '/v1/candles/{exchange}/{symbol}'],
  ...['/v1/indicators/{exchange}/{symbol}', '/v1/ticks/{exchange}/{symbol}'],
  ...['/v1/stream', '/v1/stream/sse', '/docs/streams', '/asyncapi.json'],
];

/** Ticks on the edges of every kind of window: each 100 ms of the last 70 s, each second of the last 12 min, each minute of 3 h. */
function history(exchange: string, nowMs: number, priceOffset: number): SentTick[] {
  const edgeMs = nowMs - (nowMs % 60_000);
  const times = new Set<number>();
  for (let atMs = edgeMs - 180 * 60_000; atMs <= nowMs; atMs += 60_000) times.add(atMs);
  for (let atMs = edgeMs - 12 * 60_000; atMs <= nowMs; atMs += 1_000) times.add(atMs);
  for (let atMs = edgeMs - 70_000; atMs <= nowMs; atMs += 100) times.add(atMs);
  // A stride that is prime to the modulus: neighbours differ, prices repeat, extremes lie anywhere.
  return [...times]
    .sort((a, b) => a - b)
    .map((timestamp, i) => ({ exchange, symbol: 'BTCUSDT', price: 1_000 + priceOffset + ((i * 37) % 101), timestamp }));
}

describe('every answer of the contract, against a feed of known ticks', () => {
  const cleanUps: (() => Promise<void> | void)[] = [];
  const cleanUp = { after: (step: () => Promise<void> | void) => cleanUps.push(step) };
  let service: Service;
  let sent: SentTick[] = [];

  before(async () => {
    const feeds = { exchange1: await LineFeed.listen(cleanUp), exchange2: await LineFeed.listen(cleanUp) };
    service = await startService(cleanUp, {
      dataDir: makeFolder(cleanUp),
      environment: { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sourcesOf(feeds) },
    });
    await Promise.all([feeds.exchange1.connected(), feeds.exchange2.connected()]);
    const nowMs = Date.now();
    const ofFirst = history('exchange1', nowMs, 0);
    const ofSecond = history('exchange2', nowMs - 50, 0.5);
    const eth = { exchange: 'exchange2', symbol: 'ETHUSDT', price: 1922.6, timestamp: nowMs };
    sent = [...ofFirst, ...ofSecond, eth];
    await feeds.exchange1.sendLines(ofFirst.map(({ exchange: _, ...tick }) => lineOf(tick)));
    await feeds.exchange2.sendLines([...ofSecond, eth].map(({ exchange: _, ...tick }) => lineOf(tick)));
    await feeds.exchange1.sendLines([lineOf({ symbol: 'EVILCOIN', price: 1, timestamp: nowMs })]);
    const received = await untilQuiet(async () => (await service.audit()).received);
    assert.equal(received, sent.length + 1);
  });

  after(async () => {
    for (const step of cleanUps.reverse()) await step();
  });

  const ticksOf = (exchange: string | null, fromMs = 0, toMs = Number.POSITIVE_INFINITY): SentTick[] =>
    sent.filter(
      (tick) =>
        tick.symbol === 'BTCUSDT' &&
        (exchange === null || tick.exchange === exchange) &&
        tick.timestamp >= fromMs &&
        tick.timestamp < toMs,
    );

  const pathOf = (figure: string, exchange: string | null): string =>
    `/prices/${figure}/${exchange === null ? '' : `${exchange}/`}BTCUSDT`;

  test('latest: of one exchange, and the newest by timestamp of all', async () => {
    for (const exchange of ['exchange1', 'exchange2', null]) {
      const answer = (await service.get(pathOf('latest', exchange))).json();
      const newestMs = Math.max(...ticksOf(exchange).map((tick) => tick.timestamp));
      const newest = ticksOf(exchange).find((tick) => tick.timestamp === newestMs);
      const { receivedAt, ageMs, ...rest } = answer;
      assert.deepEqual(rest, { ...newest, status: 'live' });
      assert.ok(receivedAt <= Date.now() && receivedAt > Date.now() - 60_000, `received at ${receivedAt}`);
      assert.ok(ageMs >= 0 && ageMs < 60_000, `age ${ageMs}`);
    }
  });

  test('highest, lowest and average are exact for the window that they state', async () => {
    for (const exchange of ['exchange1', 'exchange2', null]) {
      for (const period of ['900ms', '10s', '60s', '1m', '61s', '599s', '10m', '601s', '61m', '3h', '365d']) {
        for (const figure of ['highest', 'lowest', 'average'] as const) {
          const beforeMs = Date.now();
          const answer = (await service.get(`${pathOf(figure, exchange)}?period=${period}`)).json();
          if (answer.code === 'no_data') {
            assert.ok(period === '900ms' || period === '10s', `${period}: ${JSON.stringify(answer)}`);
            continue;
          }
          assertEdges(answer, period, beforeMs, Date.now());
          assertFigure(figure, answer, exchange, period, ticksOf(exchange, answer.from, answer.to));
        }
      }
    }
  });

  test('without a period: all of the history, the open minute included', async () => {
    for (const exchange of ['exchange1', 'exchange2', null]) {
      for (const figure of ['highest', 'lowest', 'average'] as const) {
        const answer = (await service.get(pathOf(figure, exchange))).json();
        const ticks = ticksOf(exchange);
        const times = ticks.map((tick) => tick.timestamp);
        assert.deepEqual([answer.from, answer.to], [Math.min(...times), Math.max(...times) + 1]);
        assertFigure(figure, answer, exchange, null, ticks);
      }
    }
  });

  test('names are case-insensitive', async () => {
    for (const path of [
      '/prices/latest/btcusdt',
      '/prices/latest/EXCHANGE1/BtcUsdt',
      '/prices/highest/eXchange2/ethusdt',
    ]) {
      const answer = await service.get(path);
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.json().symbol, /^(BTC|ETH)USDT$/);
      assert.match(answer.json().exchange, /^exchange[12]$/);
    }
  });

  test('errors are problem documents with the codes of the contract', async () => {
    const cases: readonly (readonly [string, number, string])[] = [
      ['/prices/latest/BTC%20USDT', 400, 'invalid_symbol'],
      [`/prices/latest/${'A'.repeat(33)}`, 400, 'invalid_symbol'],
      ['/prices/highest/BTC%00', 400, 'invalid_symbol'],
      ...['', '0s', '01s', '5', '1w', '99ms', '366d', '1.5s', '-1s', '1e3s', '10S'].map(
        (period) => [`/prices/average/BTCUSDT?period=${period}`, 400, 'invalid_period'] as const,
      ),
      ['/prices/lowest/BTCUSDT?period=1s&period=2s', 400, 'invalid_period'],
      ['/prices/latest/BTCUSDT?period=1s', 400, 'unknown_parameter'],
      ['/prices/highest/BTCUSDT?perod=1s', 400, 'unknown_parameter'],
      ['/v1/audit?x=1', 400, 'unknown_parameter'],
      ['/prices/latest/NOPE', 404, 'unknown_symbol'],
      ['/prices/latest/EVILCOIN', 404, 'unknown_symbol'],
      ['/prices/average/exchange1/__proto__', 404, 'unknown_symbol'],
      ['/prices/latest/nope/BTCUSDT', 404, 'unknown_exchange'],
      ['/prices/latest/exchange3/BTCUSDT', 404, 'unknown_exchange'],
      ['/prices/latest/DOGEUSDT', 404, 'no_data'],
      ['/prices/latest/exchange1/ETHUSDT', 404, 'no_data'],
      ['/prices/highest/DOGEUSDT?period=1h', 404, 'no_data'],
      ['/prices', 404, 'not_found'],
      ['/v2/audit', 404, 'not_found'],
    ];
    for (const [path, status, code] of cases) assertProblem(await service.get(path), status, code, path);
    const wrongMethod = await service.request('DELETE', '/mode');
    assertProblem(wrongMethod, 405, 'method_not_allowed', 'DELETE /mode');
    assert.match(String(wrongMethod.headers['allow']), /GET/);
    assertProblem(await service.get('/mode/live'), 405, 'method_not_allowed', 'GET /mode/live');
    const text = { 'content-type': 'text/plain' };
    assertProblem(await service.request('POST', '/mode/live', text, 'live'), 415, 'unsupported_media_type', 'text');
    const json = { 'content-type': 'application/json' };
    const large = JSON.stringify('x'.repeat(20_000));
    assertProblem(await service.request('POST', '/mode/live', json, large), 413, 'body_too_large', 'large body');
  });

  test('symbols and exchanges', async () => {
    const { symbols } = (await service.get('/v1/symbols')).json();
    const names = symbols.map((entry: { symbol: string }) => entry.symbol).sort();
    assert.deepEqual(names, ['BTCUSDT', 'DOGEUSDT', 'ETHUSDT', 'SOLUSDT', 'TONUSDT']);
    const btc = symbols.find((entry: { symbol: string }) => entry.symbol === 'BTCUSDT');
    assert.equal(btc.status, 'live');
    assert.equal(btc.exchanges.length, 2);
    const { exchanges } = (await service.get('/v1/exchanges')).json();
    const states = exchanges.map((e: Record<string, unknown>) => [e['exchange'], e['mode'], e['state'], e['symbols']]);
    assert.deepEqual(states, [
      ['exchange1', 'live', 'live', ['BTCUSDT']],
      ['exchange2', 'live', 'live', ['BTCUSDT', 'ETHUSDT']],
    ]);
  });

  test('health, probes and the mode', async () => {
    const health = await service.get('/health');
    const report = health.json();
    assert.equal(health.status, 200);
    assert.deepEqual([report.status, report.mode, report.role], ['ok', 'live', 'all']);
    assert.deepEqual(
      [report.storage, report.cache],
      [
        { kind: 'sqlite', status: 'ok' },
        { kind: 'memory', status: 'ok' },
      ],
    );
    const sources = report.sources.map((source: Record<string, unknown>) => [source['exchange'], source['state']]);
    assert.deepEqual(sources, [
      ['exchange1', 'live'],
      ['exchange2', 'live'],
    ]);
    for (const path of ['/healthz', '/readyz']) assert.equal((await service.get(path)).status, 200, path);
    const mode = (await service.get('/mode')).json();
    assert.deepEqual(Object.keys(mode).sort(), ['epoch', 'mode', 'since']);
    assert.equal(mode.mode, 'live');
  });

  test('the books', async () => {
    const audit = await service.audit();
    assert.equal(audit.received, sent.length + 1);
    assert.equal(audit.counted, sent.length);
    assert.equal(audit.rejected.unknown_symbol, 1);
    assert.equal(audit.balanced, true);
  });

  test('metrics: names of the contract, and no symbol that came from outside', async () => {
    const { text, headers, status } = await service.get('/metrics');
    assert.equal(status, 200);
    assert.match(String(headers['content-type']), /^text\/plain/);
    const names = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]));
    const expected = ['ticks_received_total', 'ticks_accepted_total', 'ticks_rejected_total', 'feed_state'];
    expected.push(
      'feed_reconnects_total',
      'queue_depth',
      'accept_lag_seconds',
      'tick_log_bytes',
      'checkpoint_seconds',
      'tick_log_write_seconds',
    );
    for (const name of expected) assert.ok(names.has(`marketflow_${name}`), `${name} is not among the metrics`);
    assert.ok(names.has('nodejs_eventloop_lag_seconds'));
    assert.ok(!text.includes('EVILCOIN'));
    assert.match(text, /marketflow_ticks_rejected_total\{mode="live",exchange="exchange1",reason="unknown_symbol"\} 1/);
    assert.match(text, /marketflow_audit_balanced 1/);
  });

  test('the API document lists every path, and the pages name no foreign host', async () => {
    const document = (await service.get('/openapi.json')).json();
    assert.match(document.openapi, /^3\.1\./);
    assert.deepEqual(Object.keys(document.paths).sort(), [...PATHS].sort());
    for (const path of ['/docs', '/']) {
      const page = await service.get(path);
      assert.equal(page.status, 200);
      assert.match(String(page.headers['content-type']), /^text\/html/);
      const hosts = [...page.text.matchAll(/(?:https?:)?\/\/([a-z0-9.-]+\.[a-z]{2,}|\d+\.\d+\.\d+\.\d+)/gi)];
      const foreign = hosts.map((match) => match[1]).filter((host) => host !== '127.0.0.1');
      assert.deepEqual(foreign, [], path);
    }
  });
});

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `from` and `to` follow from the period and a moment between `beforeMs` and `afterMs`. */
function assertEdges(answer: { from: number; to: number }, period: string, beforeMs: number, afterMs: number): void {
  const [, count = '', unit = ''] = /^(\d+)(\D+)$/.exec(period) ?? [];
  const periodMs = Number(count) * (UNIT_MS[unit] ?? 0);
  const stepMs = periodMs <= 60_000 ? 100 : periodMs <= 600_000 ? 1_000 : 60_000;
  const from = (nowMs: number) => Math.floor((nowMs - periodMs) / stepMs) * stepMs;
  const to = (nowMs: number) => Math.floor(nowMs / stepMs) * stepMs + stepMs;
  const stated = `${period}: [${answer.from}, ${answer.to})`;
  assert.equal(answer.from % stepMs, 0, stated);
  assert.equal(answer.to % stepMs, 0, stated);
  assert.ok(answer.from >= from(beforeMs) && answer.from <= from(afterMs), stated);
  assert.ok(answer.to >= to(beforeMs) && answer.to <= to(afterMs), stated);
}

function assertFigure(
  figure: 'highest' | 'lowest' | 'average',
  // biome-ignore lint/suspicious/noExplicitAny: an answer as it came
  answer: any,
  exchange: string | null,
  period: string | null,
  ticks: readonly SentTick[],
): void {
  const where = `${figure} ${exchange} ${period}`;
  assert.deepEqual([answer.symbol, answer.period, answer.count], ['BTCUSDT', period, ticks.length], where);
  if (figure === 'average') {
    const mean = ticks.reduce((sum, tick) => sum + tick.price, 0) / ticks.length;
    assert.equal(answer.exchange, exchange, where);
    assert.ok(Math.abs(answer.price - mean) < mean * 1e-14, `${where}: ${answer.price} is not ${mean}`);
    return;
  }
  const prices = ticks.map((tick) => tick.price);
  const price = figure === 'highest' ? Math.max(...prices) : Math.min(...prices);
  const [first] = ticks.filter((tick) => tick.price === price).sort((a, b) => a.timestamp - b.timestamp);
  assert.deepEqual(
    { exchange: answer.exchange, price: answer.price, timestamp: answer.timestamp },
    { exchange: first?.exchange, price, timestamp: first?.timestamp },
    where,
  );
}

function assertProblem(answer: HttpAnswer, status: number, code: string, what: string): void {
  assert.deepEqual([answer.status, answer.headers['content-type']], [status, 'application/problem+json'], what);
  const { type, title, detail, ...rest } = answer.json();
  assert.deepEqual(rest, { status, code }, what);
  for (const text of [type, title, detail]) assert.ok(typeof text === 'string' && text.length > 0, what);
}
