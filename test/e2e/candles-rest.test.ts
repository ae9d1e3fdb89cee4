import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Candle } from '../../internal/application/port/in/candle-queries.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A Sunday evening of long ago: at midnight a week ends, too. */
const START_MS = Date.UTC(2025, 2, 9, 23);

interface Page {
  readonly exchange: string | null;
  readonly interval: string;
  readonly from: number | null;
  readonly to: number;
  readonly candles: readonly Candle[];
  readonly next: string | null;
}

/** A process with two feeds whose ticks come when the test sends them. */
class Market {
  readonly feeds: Readonly<Record<string, LineFeed>>;
  readonly dataDir: string;
  private readonly t: TestContext;
  private readonly environment: Readonly<Record<string, string>>;
  service!: Service;
  private sent = 0;

  private constructor(t: TestContext, feeds: Readonly<Record<string, LineFeed>>) {
    this.t = t;
    this.feeds = feeds;
    this.dataDir = makeFolder(t);
    this.environment = {
      MARKETFLOW_MODE: 'live',
      MARKETFLOW_LIVE_SOURCES: sourcesOf(feeds),
      MARKETFLOW_CANDLES_FLUSH_INTERVAL: '100ms',
      MARKETFLOW_FEEDS_BACKOFF_MIN: '10ms',
      MARKETFLOW_FEEDS_BACKOFF_MAX: '20ms',
    };
  }

  static async open(t: TestContext): Promise<Market> {
    const market = new Market(t, { alpha: await LineFeed.listen(t), beta: await LineFeed.listen(t) });
    await market.start(1);
    return market;
  }

  async start(connections: number): Promise<void> {
    this.service = await startService(this.t, { dataDir: this.dataDir, environment: this.environment });
    for (const feed of Object.values(this.feeds)) await feed.connected(connections);
  }

  /** Ticks of BTCUSDT, by seconds from the start; resolves when they are folded in. */
  async send(exchange: 'alpha' | 'beta', ...ticks: readonly [second: number, price: number, quantity?: number][]) {
    const lines = ticks.map(([second, price, quantity]) =>
      lineOf({
        ...{ symbol: 'BTCUSDT', price, timestamp: START_MS + Math.round(second * 1_000) },
        ...(quantity === undefined ? {} : { quantity }),
      }),
    );
    await this.feeds[exchange]?.sendLines(lines);
    this.sent += ticks.length;
    await waitUntil(`tick ${this.sent}`, async () => (await this.service.audit()).received === this.sent, 20_000, 5);
  }

  async page(path: string): Promise<Page> {
    const answer = await this.service.get(path);
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as Page;
  }

  /** What memory has, and what a checkpoint has put into the store, have to look alike. */
  async checkpoint(): Promise<void> {
    const { folded } = (await this.service.audit()).position;
    await waitUntil('a checkpoint', async () => (await this.service.audit()).position.checkpoint >= folded, 20_000);
  }
}

const minuteOf = ({ openTime }: Candle): number => (openTime - START_MS) / MINUTE_MS;

test('a candle over REST, from its first tick to its last revision, over an outage and a kill -9', async (t) => {
  const market = await Market.open(t);
  const path = `/v1/candles/alpha/BTCUSDT?from=${START_MS}`;
  const rows = async () => {
    const { candles } = await market.page(path);
    return candles.map((one) => [
      minuteOf(one),
      one.state,
      one.complete,
      one.revision,
      one.count,
      one.close,
      one.volume,
    ]);
  };
  await market.send('alpha', [10, 100, 1], [70, 101, 0.5], [119, 102, 0.25], [130, 103, 1]);
  const expected = [
    [0, 'final', false, 0, 1, 100, 1],
    [1, 'final', true, 0, 2, 102, 0.75],
    [2, 'forming', false, 0, 1, 103, 1],
  ];
  assert.deepEqual(await rows(), expected);
  const forming = await market.service.get(path);
  assert.deepEqual([forming.headers['cache-control'], forming.headers['etag']], ['no-store', undefined]);
  await market.checkpoint();
  assert.deepEqual(await rows(), expected);

  // A late tick revises; a restart continues what was forming.
  await market.send('alpha', [100, 90, 0.1]);
  await market.service.kill();
  await market.start(2);
  await market.send('alpha', [150, 104, 1], [305, 105, 1], [370, 106, 1], [430, 107, 1]);
  assert.deepEqual(await rows(), [
    [0, 'final', false, 0, 1, 100, 1],
    [1, 'revised', true, 1, 3, 102, 0.85],
    [2, 'final', false, 0, 2, 104, 2],
    [5, 'final', true, 0, 1, 105, 1],
    [6, 'final', true, 0, 1, 106, 1],
    [7, 'forming', false, 0, 1, 107, 1],
  ]);
  const filled = await market.page(`${path}&fill=previous&limit=5`);
  assert.deepEqual(
    filled.candles.map((one) => [minuteOf(one), one.source, one.complete, one.count, one.open, one.volume]),
    [
      [0, 'ticks', false, 1, 100, 1],
      [1, 'ticks', true, 3, 101, 0.85],
      [2, 'ticks', false, 2, 103, 2],
      [3, 'fill', false, 0, 104, 0],
      [4, 'fill', false, 0, 104, 0],
    ],
  );
  const rest = await market.page(`${path}&fill=previous&limit=5&cursor=${filled.next}`);
  assert.deepEqual([rest.candles.map(minuteOf), rest.next], [[5, 6, 7], null]);

  // Of a range that no tick can reach any more, a copy may be kept for as long as the mode is said.
  const closed = `/v1/candles/alpha/BTCUSDT?from=${START_MS}&to=${START_MS + 4 * MINUTE_MS}&mode=live`;
  // What is stored leaves memory with the checkpoint after.
  await market.checkpoint();
  await market.send('alpha', [431, 107, 1]);
  await waitUntil('the range is settled', async () => {
    const answer = await market.service.get(closed);
    return answer.headers['cache-control'] === 'public, max-age=3600';
  });
  const first = await market.service.get(closed);
  const etag = String(first.headers['etag']);
  const again = await market.service.request('GET', closed, { 'if-none-match': etag });
  assert.deepEqual([again.status, again.text], [304, '']);
  const csv = await market.service.request('GET', closed, { accept: 'text/csv' });
  assert.equal(csv.headers['content-type'], 'text/csv; charset=utf-8; header=present');
  assert.equal(csv.text.split('\r\n').length, 1 + 3 + 1);
});

test('longer candles are those of their minutes, weeks open on Monday, and exchanges merge', async (t) => {
  const market = await Market.open(t);
  // Half an hour before Monday to an hour after, a tick every ten seconds, at two exchanges, one of them without quantities.
  const seconds = Array.from({ length: 540 }, (_, i) => 1_800 + i * 10);
  await market.send(
    'alpha',
    ...seconds.map((second): [number, number, number] => [second, 1_000 + (second % 701), 0.1]),
  );
  await market.send('beta', ...seconds.map((second): [number, number] => [second + 5, 1_000 + (second % 487)]));
  const list = async (what: string, interval: string) =>
    (
      await market.page(
        `/v1/candles/${what}?interval=${interval}&from=${START_MS - 8 * 24 * HOUR_MS}&to=${START_MS + 48 * HOUR_MS}&limit=1000`,
      )
    ).candles;
  const minutes = await list('alpha/BTCUSDT', '1m');
  for (const interval of ['5m', '15m', '30m', '1h', '4h', '1d', '1w']) {
    const longer = await list('alpha/BTCUSDT', interval);
    for (const candle of longer) {
      const parts = minutes.filter(({ openTime }) => openTime >= candle.openTime && openTime < candle.closeTime);
      assert.deepEqual(
        [candle.open, candle.close, candle.high, candle.low, candle.count],
        [
          parts[0]?.open,
          parts.at(-1)?.close,
          Math.max(...parts.map(({ high }) => high)),
          Math.min(...parts.map(({ low }) => low)),
          parts.reduce((sum, { count }) => sum + count, 0),
        ],
        interval,
      );
      assert.equal(candle.volume, Number((candle.count * 0.1).toFixed(1)), interval);
    }
    assert.equal(
      longer.reduce((sum, { count }) => sum + count, 0),
      seconds.length,
      interval,
    );
  }
  const weeks = await list('alpha/BTCUSDT', '1w');
  assert.deepEqual(
    weeks.map(({ openTime }) => new Date(openTime).toISOString()),
    ['2025-03-03T00:00:00.000Z', '2025-03-10T00:00:00.000Z'],
  );

  const merged = await list('BTCUSDT', '1h');
  const ofAlpha = await list('alpha/BTCUSDT', '1h');
  const ofBeta = await list('beta/BTCUSDT', '1h');
  assert.deepEqual(
    ofBeta.map(({ volume, vwap }) => [volume, vwap]),
    [
      [null, null],
      [null, null],
    ],
  );
  for (const [i, candle] of merged.entries()) {
    const [a, b] = [ofAlpha[i], ofBeta[i]];
    assert.ok(a !== undefined && b !== undefined);
    assert.deepEqual(
      [candle.open, candle.close, candle.high, candle.low, candle.count, candle.volume, candle.exchanges],
      [
        a.open,
        b.close,
        Math.max(a.high, b.high),
        Math.min(a.low, b.low),
        a.count + b.count,
        a.volume,
        ['alpha', 'beta'],
      ],
    );
    assert.equal(candle.state, a.state === 'forming' || b.state === 'forming' ? 'forming' : 'final');
    assert.equal(candle.complete, a.complete && b.complete);
  }
  assert.equal(merged.length, 2);
});

test('ticks come back out of the log as they were accepted, page by page, also after a restart', async (t) => {
  const market = await Market.open(t);
  const sent = Array.from({ length: 60 }, (_, i): [number, number, number] => [i, 100 + i, 0.5]);
  await market.send('alpha', ...sent.slice(0, 30));
  await market.send('beta', [3, 1]);
  await market.send('alpha', ...sent.slice(30), [1, 5, 0.5]);
  const prices = async (query: string) => {
    const found: number[] = [];
    let cursor = '';
    do {
      const answer = await market.service.get(`/v1/ticks/alpha/BTCUSDT?limit=7${query}${cursor}`);
      assert.equal(answer.status, 200, answer.text);
      const page = answer.json();
      assert.ok(page.availableFrom <= Date.now());
      found.push(...page.ticks.map((tick: { price: number }) => tick.price));
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
    return found;
  };
  const all = [...sent.map(([, price]) => price), 5];
  assert.deepEqual(await prices(''), all.toReversed());
  assert.deepEqual(await prices('&order=asc'), all);
  assert.deepEqual(await prices(`&from=${START_MS + 1_000}&to=${START_MS + 4_000}`), [5, 103, 102, 101]);
  await market.service.kill();
  await market.start(2);
  assert.deepEqual(await prices(''), all.toReversed());
  const [tick] = (await market.service.get('/v1/ticks/beta/BTCUSDT')).json().ticks;
  assert.deepEqual([tick.price, tick.quantity, tick.tradeId, tick.timestamp], [1, null, null, START_MS + 3_000]);
});

test('indicators over the candles of a process; unknown names and wrong parameters are told', async (t) => {
  const market = await Market.open(t);
  const closes = [10, 11, 12, 11, 13, 14, 12, 15, 16, 15];
  await market.send('alpha', ...closes.map((close, minute): [number, number, number] => [minute * 60 + 1, close, 2]));
  const values = async (query: string) => {
    const answer = await market.service.get(`/v1/indicators/alpha/BTCUSDT?${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  };
  const sma = await values('name=sma&period=4');
  assert.deepEqual(
    sma.values.map(({ value }: { value: number }) => value),
    closes.slice(3).map((_, i) => closes.slice(i, i + 4).reduce((sum, close) => sum + close, 0) / 4),
  );
  assert.deepEqual([sma.warmUp, sma.parameters, sma.values.at(-1).state], [4, { period: 4 }, 'forming']);
  assert.deepEqual((await values('name=vwap&period=2&limit=1')).values[0].value, 15.5);
  assert.deepEqual((await values('name=macd')).values, []);
  const codeOf = async (path: string) => (await market.service.get(path)).json().code;
  assert.equal(await codeOf('/v1/indicators/gamma/BTCUSDT?name=sma'), 'unknown_exchange');
  assert.equal(await codeOf('/v1/indicators/alpha/NOPE?name=sma'), 'unknown_symbol');
  assert.equal(await codeOf('/v1/indicators/alpha/BTCUSDT?name=sma&period=0'), 'invalid_parameter');
  assert.equal(await codeOf('/v1/candles/alpha/BTCUSDT?interval=3m'), 'invalid_interval');
  assert.equal(await codeOf('/v1/candles/NOPE'), 'unknown_symbol');
  assert.equal(await codeOf('/v1/ticks/alpha/NOPE'), 'unknown_symbol');
  assert.deepEqual((await market.page('/v1/candles/beta/BTCUSDT')).candles, []);
  assert.deepEqual((await market.page('/v1/candles/alpha/ETHUSDT')).candles, []);
});
