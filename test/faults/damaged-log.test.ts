import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  AlignedBytes,
  emptyHeader,
  HEADER_BYTES,
  KIND_CODE,
  type RecordHeader,
  readRecordHeader,
} from '../../internal/adapter/out/wal/record-layout.ts';
import { assertBalanced } from '../harness/candle-check.ts';
import { makeFolder, queryRows, readCandles } from '../harness/data-folder.ts';
import { LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { startService } from '../harness/service.ts';
import { tickLogFolder } from '../harness/tick-log-files.ts';
import { waitUntil } from '../harness/wait.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = Date.UTC(2025, 3, 4, 5);
const TICKS_PER_MINUTE = 3;

interface PlacedRecord {
  readonly path: string;
  readonly offset: number;
  readonly header: RecordHeader;
}

/** The batches of ticks behind the checkpoint, oldest first. */
function openBatches(dataDir: string): PlacedRecord[] {
  const [checkpoint] = queryRows<{ position: number }>(dataDir, 'SELECT position FROM checkpoint');
  const records: PlacedRecord[] = [];
  for (const name of readdirSync(tickLogFolder(dataDir)).sort()) {
    const path = join(tickLogFolder(dataDir), name);
    const bytes = readFileSync(path);
    let offset = HEADER_BYTES;
    while (offset + HEADER_BYTES <= bytes.length) {
      const aligned = new AlignedBytes(HEADER_BYTES);
      aligned.bytes.set(bytes.subarray(offset, offset + HEADER_BYTES));
      const header = emptyHeader();
      assert.ok(readRecordHeader(aligned, header), `no record at ${offset} of ${name}`);
      records.push({ path, offset, header });
      offset += HEADER_BYTES + header.payloadBytes;
    }
  }
  return records.filter(
    ({ header }) => header.kindCode === KIND_CODE.ticks && header.position > (checkpoint?.position ?? 0),
  );
}

function flipByte({ path, offset }: PlacedRecord, at: number): void {
  const place = offset + at;
  const byte = readFileSync(path)[place] ?? 0;
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.of(byte ^ 0x10), 0, 1, place);
  closeSync(file);
}

/** A feed whose minutes 0 … 9 are in the log, one batch each, and a process that was killed before its checkpoint. */
async function crashBeforeCheckpoint(t: TestContext) {
  const feed = await LineFeed.listen(t);
  const dataDir = makeFolder(t);
  const options = {
    dataDir,
    environment: { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sourcesOf({ exchange1: feed }) },
  };
  let service = await startService(t, options);
  await feed.connected(1);
  // Stopped once, so that names and the mode are in the checkpoint; minutes that close would bring another one.
  await service.stop();
  service = await startService(t, {
    ...options,
    environment: { ...options.environment, MARKETFLOW_CANDLES_FLUSH_INTERVAL: '1m', MARKETFLOW_CANDLES_SLACK: '1h' },
  });
  await feed.connected(2);
  for (let minute = 0; minute < 10; minute++) {
    await feed.sendLines(minuteLines(minute));
    const count = (minute + 1) * TICKS_PER_MINUTE;
    await waitUntil(`tick ${count}`, async () => (await service.audit()).received === count, 10_000, 5);
  }
  await service.kill();
  const batches = openBatches(dataDir);
  assert.equal(batches.length, 10, 'each minute is a batch of its own, and none is in the checkpoint');
  return { feed, options, batches };
}

function minuteLines(minute: number): string[] {
  const times = [0, 30, 59].map((second) => HOUR_MS + minute * MINUTE_MS + second * 1_000);
  return times.map((timestamp, i) => lineOf({ symbol: 'BTCUSDT', price: 100 + minute + i / 10, timestamp }));
}

/** Starts again, lets minute 12 close the others, stops; returns the books before that, and minute → complete. */
async function recovered(t: TestContext, { feed, options }: Awaited<ReturnType<typeof crashBeforeCheckpoint>>) {
  const service = await startService(t, options);
  const audit = await service.audit();
  assertBalanced(audit);
  await feed.connected(3);
  await feed.sendLines(minuteLines(12));
  await waitUntil('new ticks', async () => (await service.audit()).received === audit.received + TICKS_PER_MINUTE);
  assertBalanced(await service.audit());
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  const rows = readCandles(options.dataDir);
  const complete = rows.map((row) => [(row.open_time - HOUR_MS) / MINUTE_MS, row.complete]);
  const again = await startService(t, options);
  assert.deepEqual((await again.audit()).damaged, audit.damaged, 'damage is counted once');
  await again.stop();
  return { service, audit, complete: Object.fromEntries(complete) as Record<string, number> };
}

const UNHURT = { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1 };

test('a batch that is damaged in the middle is skipped, counted, and its minute is not complete', async (t) => {
  const crash = await crashBeforeCheckpoint(t);
  flipByte(crash.batches[5]!, HEADER_BYTES + 9);
  const { audit, complete, service } = await recovered(t, crash);
  assert.deepEqual(audit.damaged, { batches: 1, ticks: TICKS_PER_MINUTE });
  assert.equal(audit.counted, 9 * TICKS_PER_MINUTE);
  const { 0: _first, 9: _last, 12: _new, ...middle } = complete;
  const { 5: _lost, ...others } = UNHURT;
  assert.deepEqual(middle, others);
  assert.ok(service.logLine('tick log is damaged; the minutes concerned are marked incomplete') !== undefined);
});

test('damage of a record’s header leaves the rest, with every minute that it may have hit marked incomplete', async (t) => {
  const crash = await crashBeforeCheckpoint(t);
  // The header itself: how many ticks were behind it is not known any more, only where about.
  flipByte(crash.batches[4]!, 33);
  const { audit, complete } = await recovered(t, crash);
  assert.deepEqual(audit.damaged, { batches: 1, ticks: 0 });
  assert.equal(audit.counted, 9 * TICKS_PER_MINUTE);
  // From the lateness (2 minutes) before the newest tick before, in minute 3, to the first ones behind, in minute 5.
  const { 0: _first, 9: _last, 12: _new, ...middle } = complete;
  const { 4: _lost, ...others } = { ...UNHURT, 1: 0, 2: 0, 3: 0, 5: 0 };
  assert.deepEqual(middle, others);
});

test('a torn tail is cut at the last whole batch', async (t) => {
  for (const keptBytes of [1, 40, HEADER_BYTES, HEADER_BYTES + 11]) {
    const crash = await crashBeforeCheckpoint(t);
    const last = crash.batches[9]!;
    truncateSync(last.path, last.offset + keptBytes);
    const { audit } = await recovered(t, crash);
    assert.deepEqual(audit.damaged, { batches: 0, ticks: 0 });
    assert.equal(audit.counted, 9 * TICKS_PER_MINUTE);
  }
});

test('without its log a stopped process goes on from the checkpoint', async (t) => {
  const crash = await crashBeforeCheckpoint(t);
  const before = await startService(t, crash.options);
  const audit = await before.audit();
  await before.stop();
  rmSync(tickLogFolder(crash.options.dataDir), { recursive: true });
  const after = await startService(t, crash.options);
  const { received, counted, damaged, balanced } = await after.audit();
  assert.deepEqual(
    { received, counted, damaged, balanced },
    { received: audit.received, counted: audit.counted, damaged: { batches: 0, ticks: 0 }, balanced: true },
  );
  await after.kill();
  const again = await startService(t, crash.options);
  assertBalanced(await again.audit());
  assert.equal((await again.audit()).counted, audit.counted);
});
