import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { assertBalanced, rejectedOf } from '../harness/candle-check.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { LineFeed, lineOf } from '../harness/line-feed.ts';
import { type Service, startService } from '../harness/service.ts';
import { untilQuiet, waitUntil } from '../harness/wait.ts';

const MIB = 1024 * 1024;
const NOW_MS = Date.now();
const GOOD = lineOf({ symbol: 'BTCUSDT', price: 100, timestamp: NOW_MS });

async function startWithFeed(t: TestContext, environment: Readonly<Record<string, string>> = {}) {
  const feed = await LineFeed.listen(t);
  const live = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: `exchange1=tcp://127.0.0.1:${feed.port}` };
  const service = await startService(t, { dataDir: makeFolder(t), environment: { ...live, ...environment } });
  await feed.connected();
  return { feed, service };
}

/** The books after all of the feed has come; the connection is still the first one, and good ticks are counted. */
async function booksOf(service: Service, feed: LineFeed) {
  const received = await untilQuiet(async () => (await service.audit()).received);
  await feed.sendLines([GOOD, GOOD, GOOD]);
  await waitUntil('three more good ticks', async () => (await service.audit()).received >= received + 3);
  const audit = await service.audit();
  assertBalanced(audit);
  assert.equal(audit.received, received + 3);
  assert.equal(feed.connections, 1, 'the connection was lost');
  const [exchange] = audit.exchanges;
  return { received, counted: (exchange?.counted ?? 0) - 3, rejected: rejectedOf(audit) };
}

test('each odd frame lands under exactly one reason', async (t) => {
  const { feed, service } = await startWithFeed(t);
  const at = (timestamp: number) => lineOf({ symbol: 'BTCUSDT', price: 100, timestamp });
  const priced = (price: string) => `{"symbol":"BTCUSDT","price":${price},"timestamp":${NOW_MS}}`;
  const named = (symbol: string) => lineOf({ symbol, price: 1, timestamp: NOW_MS });
  const withTail = (tail: string) => `{"symbol":"BTCUSDT","price":1,"timestamp":${NOW_MS},${tail}}`;
  const padded = (bytes: number) => `${GOOD.slice(0, -1)},"note":"${'x'.repeat(bytes - GOOD.length - 10)}"}`;
  const frames: Readonly<Record<string, readonly (string | Buffer)[]>> = {
    frame_too_long: [padded(64 * 1024 + 1), padded(200_000), `${'x'.repeat(70_000)}`],
    bad_utf8: [Buffer.from([0x80]), Buffer.from(`${GOOD}\xff`, 'latin1'), Buffer.from([0xed, 0xa0, 0x80])],
    bad_json: ['\0', `${GOOD}\0`, priced('NaN'), priced('Infinity'), priced('01'), `${GOOD}${GOOD}`, GOOD.slice(0, 20)],
    bad_schema: [
      'null',
      '[]',
      '"BTCUSDT"',
      '{}',
      priced('"1"'),
      withTail('"tradeId":1.5'),
      withTail('"quantity":null'),
    ],
    bad_price: [priced('0'), priced('-1'), priced('1e400'), priced('-0')],
    bad_quantity: [withTail('"quantity":-1'), withTail('"quantity":1e999')],
    bad_time: [at(Math.floor(NOW_MS / 1_000)), at(NOW_MS * 1_000), at(0), at(86_400_000), at(NOW_MS + 0.5)],
    unknown_symbol: [named('__proto__'), named('constructor'), named('btcusdt'), named(''), named('B'.repeat(40_000))],
    future: [at(NOW_MS + 86_400_000), at(NOW_MS + 60_000)],
    late: [at(NOW_MS - 600_000), at(Date.UTC(2009, 0, 1))],
  };
  await feed.sendLines([GOOD]);
  let good = 1;
  for (const lines of Object.values(frames)) {
    for (const line of lines) {
      await feed.send(Buffer.concat([Buffer.from(line), Buffer.from(`\n${GOOD}\r\n`)]));
      good++;
    }
  }
  // Good ones of another look, and what is no frame at all.
  await feed.send(
    `\ufeff${GOOD}\n \t \n\n\r\n${padded(64 * 1024)}\n{"x":[{}],"timestamp":${NOW_MS},"price":1,"symbol":"BTCUSDT"}\n`,
  );
  good += 3;
  const books = await booksOf(service, feed);
  const expected = Object.fromEntries(Object.entries(frames).map(([reason, lines]) => [reason, lines.length]));
  assert.deepEqual(books.rejected, expected);
  assert.equal(books.counted, good);
});

test('lines that come one byte at a time are the same lines', async (t) => {
  const { feed, service } = await startWithFeed(t);
  const text = `${GOOD}\n{"symbol":"БТК","price":1,"timestamp":${NOW_MS}}\r\n\n${GOOD}\r\nnull\n`;
  for (const byte of Buffer.from(text)) {
    await feed.send(Buffer.of(byte));
    await nextTurn();
  }
  const books = await booksOf(service, feed);
  assert.deepEqual(books, { received: 4, counted: 2, rejected: { unknown_symbol: 1, bad_schema: 1 } });
});

test('a line of 100 MB is counted once and costs no memory', async (t) => {
  const { feed, service } = await startWithFeed(t);
  const block = Buffer.alloc(MIB, 'x');
  // What reading costs at all is not what a long line costs.
  for (let i = 0; i < 8; i++) await feed.send(Buffer.concat([block, Buffer.from(`\n${GOOD}\n`)]));
  await untilQuiet(async () => (await service.audit()).received);
  const before = service.rssBytes();
  let mostBytes = before;
  for (let i = 0; i < 100; i++) {
    await feed.send(block);
    mostBytes = Math.max(mostBytes, service.rssBytes());
  }
  await feed.send(`\n${GOOD}\n`);
  const { rejected, counted } = await booksOf(service, feed);
  assert.deepEqual([rejected, counted], [{ frame_too_long: 9 }, 9]);
  const growthMib = (mostBytes - before) / MIB;
  t.diagnostic(`RSS ${Math.round(before / MIB)} MiB, ${growthMib.toFixed(1)} MiB more during the line`);
  assert.ok(growthMib < 30, `RSS grew by ${growthMib} MiB`);
});

/** `count` lines of as many names, in a few writes. */
async function sendNames(feed: LineFeed, count: number): Promise<void> {
  for (let from = 0; from < count; from += 10_000) {
    const lines: string[] = [];
    for (let i = from; i < from + 10_000; i++) lines.push(lineOf({ symbol: `S${i}USDT`, price: 1, timestamp: NOW_MS }));
    await feed.sendLines(lines);
  }
}

test('a million unknown symbols are rejected and leave nothing behind', async (t) => {
  const { feed, service } = await startWithFeed(t);
  await sendNames(feed, 10_000);
  await untilQuiet(async () => (await service.audit()).received);
  const before = service.rssBytes();
  await sendNames(feed, 1_000_000);
  const books = await booksOf(service, feed);
  assert.deepEqual(books, { received: 1_010_000, counted: 0, rejected: { unknown_symbol: 1_010_000 } });
  const growthMib = (service.rssBytes() - before) / MIB;
  t.diagnostic(`RSS ${Math.round(before / MIB)} MiB, ${growthMib.toFixed(1)} MiB more`);
  assert.ok(growthMib < 60, `RSS grew by ${growthMib} MiB`);
  const metrics = await service.get('/metrics');
  assert.ok(!metrics.text.includes('S1USDT'));
});

test('with all symbols accepted the first 2,000 are taken and the rest are unknown', async (t) => {
  const { feed, service } = await startWithFeed(t, { MARKETFLOW_SYMBOLS: '*' });
  await feed.sendLines([GOOD]);
  await sendNames(feed, 200_000);
  const books = await booksOf(service, feed);
  assert.deepEqual(books, { received: 200_001, counted: 2_000, rejected: { unknown_symbol: 198_001 } });
  const { symbols } = (await service.get('/v1/symbols')).json();
  assert.equal(symbols.length, 2_000);
  assert.equal((await service.get('/prices/latest/S1998USDT')).status, 200);
  assert.equal((await service.get('/prices/latest/S1999USDT')).json().code, 'unknown_symbol');
  const rssMib = service.rssBytes() / MIB;
  t.diagnostic(`RSS ${Math.round(rssMib)} MiB`);
  assert.ok(rssMib < 300, `RSS is ${rssMib} MiB`);
});
