import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Candle } from '../../internal/application/port/in/candle-queries.ts';
import { assertBalanced } from '../harness/candle-check.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { type FeedTick, LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

/**
 * Candles that exchanges, or others, have made of trades that we have, too: fed over TCP through the whole process, ours
 * are the same to the last digit. MarketFlow's rule: a candle is of the ticks of its own bucket, `open` is the first of
 * them, and a bucket without ticks is absent. Who fills empty buckets (Kraken) or opens at the close before (Bybit) is
 * converted here, at the edge.
 */
const FOLDER = join(process.env['MARKETFLOW_CAPTURES'] ?? '../shared/captures', 'candles');
const CHUNK_LINES = 2_000;

/** A candle as the oracle has it; volumes as text, with all digits. */
interface Oracle {
  readonly openTime: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: string;
  readonly quoteVolume?: string;
  readonly count?: number;
  readonly firstTradeId?: number;
  readonly lastTradeId?: number;
}

interface Trades {
  readonly symbol: string;
  readonly ticks: readonly FeedTick[];
}

/** Rows of a CSV file by column name. */
function readRows(file: string): Record<string, string>[] {
  const [head = '', ...lines] = readFileSync(join(FOLDER, file), 'utf8').trim().split(/\r?\n/);
  const names = head.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? '']));
  });
}

function hasCaptures(t: TestContext): boolean {
  if (existsSync(FOLDER)) return true;
  t.skip(`no captures in ${FOLDER}: set MARKETFLOW_CAPTURES`);
  return false;
}

/** A process that has been fed all the trades, every one of which counts. */
async function feed(t: TestContext, { symbol, ticks }: Trades): Promise<Service> {
  const exchange = await LineFeed.listen(t);
  const environment = {
    MARKETFLOW_MODE: 'live',
    MARKETFLOW_LIVE_SOURCES: sourcesOf({ oracle: exchange }),
    MARKETFLOW_SYMBOLS: symbol,
  };
  const service = await startService(t, { dataDir: makeFolder(t), environment });
  await exchange.connected();
  for (let at = 0; at < ticks.length; at += CHUNK_LINES) {
    await exchange.sendLines(ticks.slice(at, at + CHUNK_LINES).map(lineOf));
  }
  await waitUntil('all trades', async () => (await service.audit()).counted === ticks.length, 20_000);
  assertBalanced(await service.audit());
  return service;
}

/** All candles of an interval over REST, page by page. */
async function candlesOf(
  service: Service,
  symbol: string,
  interval: string,
  fromMs: number,
  toMs: number,
): Promise<Candle[]> {
  const candles: Candle[] = [];
  const path = `/v1/candles/oracle/${symbol}?interval=${interval}&from=${fromMs}&to=${toMs}&limit=250`;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const answer = await service.get(`${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    assert.equal(answer.status, 200, answer.text);
    const page = answer.json() as { candles: Candle[]; next: string | null };
    candles.push(...page.candles);
    cursor = page.next;
  }
  return candles;
}

/** True if the double is the one that is nearest to this decimal. */
const isSame = (value: number | null, decimal: string): boolean => value === Number(decimal);

/** What differs between ours and theirs, one line each. */
function differences(ours: readonly Candle[], theirs: readonly Oracle[]): string[] {
  const byTime = new Map(ours.map((candle) => [candle.openTime, candle]));
  const found = theirs.flatMap((oracle) => {
    const candle = byTime.get(oracle.openTime);
    byTime.delete(oracle.openTime);
    if (candle === undefined) return [`${oracle.openTime} is missing`];
    const wrong: string[] = [];
    for (const field of ['open', 'high', 'low', 'close', 'count', 'firstTradeId', 'lastTradeId'] as const) {
      const expected = oracle[field];
      if (expected !== undefined && candle[field] !== expected) wrong.push(`${field} ${candle[field]} ≠ ${expected}`);
    }
    if (!isSame(candle.volume, oracle.volume)) wrong.push(`volume ${candle.volume} ≠ ${oracle.volume}`);
    const { quoteVolume } = oracle;
    // Products of two decimals have more digits than a double: equal to a part in 10^15.
    if (quoteVolume !== undefined && Math.abs((candle.quoteVolume ?? 0) / Number(quoteVolume) - 1) > 1e-15) {
      wrong.push(`quoteVolume ${candle.quoteVolume} ≠ ${quoteVolume}`);
    }
    return wrong.map((one) => `${oracle.openTime}: ${one}`);
  });
  return [...found, ...[...byTime.keys()].map((openTime) => `${openTime} is not theirs`)];
}

async function compare(
  t: TestContext,
  service: Service,
  symbol: string,
  what: string,
  interval: string,
  theirs: readonly Oracle[],
): Promise<void> {
  const firstMs = theirs[0]?.openTime ?? 0;
  // A year on: candles of ours that they do not have would show.
  const ours = await candlesOf(service, symbol, interval, firstMs, firstMs + 365 * 86_400_000);
  const found = differences(ours, theirs);
  t.diagnostic(`${what} ${interval}: ${theirs.length} buckets compared, ${found.length} differences`);
  assert.deepEqual(found.slice(0, 10), []);
  assert.ok(theirs.length > 0);
}

const KRAKEN: () => Trades = () => ({
  symbol: 'XBTUSDT',
  ticks: readRows('kraken_xbtusdt_trades_a.csv').map((row) => ({
    symbol: 'XBTUSDT',
    price: Number(row['price']),
    // Fractions of a millisecond: the bucket is that of the whole millisecond before.
    timestamp: Math.floor(Number(row['time']) * 1_000),
    quantity: Number(row['volume']),
    tradeId: Number(row['trade_id']),
  })),
});

test('Kraken: its own one-minute candles of its own trades', async (t) => {
  if (!hasCaptures(t)) return;
  const trades = KRAKEN();
  const service = await feed(t, trades);
  const rows = readRows('kraken_xbtusdt_ohlc1m_a.csv').map((row) => ({
    openTime: Number(row['time']) * 1_000,
    ...{ open: Number(row['open']), high: Number(row['high']), low: Number(row['low']), close: Number(row['close']) },
    ...{ volume: row['volume'] ?? '', count: Number(row['count']) },
  }));
  const lastMs = Math.max(...trades.ticks.map(({ timestamp }) => timestamp));
  const covered = rows.filter(({ openTime }) => openTime <= lastMs);
  const traded = covered.filter(({ count }) => count > 0);
  await compare(t, service, 'XBTUSDT', 'Kraken', '1m', traded);

  // Kraken's empty minutes are there, at the close before: ours are, too, when they are asked for.
  const filled = await service.get(
    `/v1/candles/oracle/XBTUSDT?interval=1m&fill=previous&from=${covered[0]?.openTime}&limit=5000`,
  );
  const ours = (filled.json() as { candles: Candle[] }).candles;
  const lastTraded = traded.at(-1)?.openTime ?? 0;
  const expected = covered.filter(({ openTime }) => openTime <= lastTraded);
  const figures = ({ openTime, open, high, low, close, count }: Candle) => ({
    openTime,
    open,
    high,
    low,
    close,
    count,
  });
  assert.deepEqual(
    ours.map((candle) => ({ ...figures(candle), volume: candle.volume })),
    expected.map(({ volume, ...rest }) => ({ ...rest, volume: Number(volume) })),
  );
  const empty = ours.filter(({ count }) => count === 0);
  assert.ok(empty.every(({ complete, source }) => !complete && source === 'fill'));
  t.diagnostic(`Kraken 1m, filled: ${ours.length} buckets compared, ${empty.length} of them empty, 0 differences`);
});

test('Binance ETHUSDT: one second, one minute, five minutes, made of the trades with exact decimals', async (t) => {
  if (!hasCaptures(t)) return;
  const ticks = readRows('binance_ethusdt_trades_20240808_09.csv').map((row) => ({
    symbol: 'ETHUSDT',
    price: Number(row['price']),
    timestamp: Number(row['trade_time_ms']),
    quantity: Number(row['qty']),
    tradeId: Number(row['trade_id']),
  }));
  const service = await feed(t, { symbol: 'ETHUSDT', ticks });
  for (const interval of ['1s', '1m', '5m']) {
    const theirs = readRows(`binance_ethusdt_expected_${interval}_20240808_09.csv`).map((row) => ({
      openTime: Number(row['open_time_ms']),
      ...{ open: Number(row['open']), high: Number(row['high']), low: Number(row['low']), close: Number(row['close']) },
      ...{ volume: row['volume'] ?? '', quoteVolume: row['quote_volume'] ?? '', count: Number(row['trades']) },
      ...{ firstTradeId: Number(row['first_trade_id']), lastTradeId: Number(row['last_trade_id']) },
    }));
    await compare(t, service, 'ETHUSDT', 'Binance ETHUSDT', interval, theirs);
  }
});

test('Binance XRPETH: a day of one and five minutes, made by others', async (t) => {
  if (!hasCaptures(t)) return;
  const ticks = readRows('binance_xrpeth_aggtrades_20191011.csv').map((row) => ({
    symbol: 'XRPETH',
    price: Number(row['price']),
    timestamp: Number(row['time_ms']),
    quantity: Number(row['amount']),
    tradeId: Number(row['agg_trade_id']),
  }));
  const service = await feed(t, { symbol: 'XRPETH', ticks });
  for (const [interval, minutes] of [
    ['1m', 1],
    ['5m', 5],
  ] as const) {
    const counts = new Map<number, number>();
    for (const { timestamp } of ticks) {
      const openTime = timestamp - (timestamp % (minutes * 60_000));
      counts.set(openTime, (counts.get(openTime) ?? 0) + 1);
    }
    // The file has no counts: how many trades are in the bucket is plain.
    const theirs = readRows(`binance_xrpeth_ohlcv${interval}_20191011.csv`).map((row) => ({
      openTime: Number(row['open_time_ms']),
      ...{ open: Number(row['open']), high: Number(row['high']), low: Number(row['low']), close: Number(row['close']) },
      ...{ volume: row['volume'] ?? '', count: counts.get(Number(row['open_time_ms'])) ?? -1 },
    }));
    await compare(t, service, 'XRPETH', 'Binance XRPETH', interval, theirs);
  }
});
