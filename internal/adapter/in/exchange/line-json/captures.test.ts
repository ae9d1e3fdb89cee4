import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RejectionReason } from '../../../../domain/model/rejection.ts';
import { decode, referenceDecode } from './decode.test-kit.ts';

const ROOT = new URL('../../../../../', import.meta.url).pathname;
const CAPTURES = join(ROOT, process.env.MARKETFLOW_CAPTURES ?? '../shared/captures', 'derived');

/** Skips the test, with a word, where the captures are not at hand. */
function capture(t: TestContext, name: string): string[] | null {
  const path = join(CAPTURES, name);
  if (existsSync(path)) return readFileSync(path, 'latin1').split('\n').slice(0, -1);
  t.skip(`no captures at ${CAPTURES}: set MARKETFLOW_CAPTURES`);
  return null;
}

/** Outcome of each line of the capture of odd lines, in its order. */
const ODD: readonly (RejectionReason | 'blank' | 'tick')[] = [
  'blank', // nothing
  'blank', // spaces
  'bad_json', // {
  'bad_json', // cut off
  'bad_schema', // null
  'bad_schema', // []
  'bad_schema', // 42
  'bad_schema', // "BTCUSDT"
  'bad_schema', // price "65140.5"
  'bad_schema', // price null
  'bad_price', // 0
  'bad_price', // -1
  'bad_price', // 1e309
  'bad_json', // NaN
  'unknown_symbol', // btcusdt
  'unknown_symbol', // XXXUSDT
  'bad_schema', // no timestamp
  'bad_schema', // no symbol
  'bad_time', // seconds
  'bad_time', // microseconds
  'bad_schema', // timestamp "1786310819000"
  'tick', // keys that nobody knows
  'bad_json', // two objects
  'tick', // CRLF
];

test('each odd line of the capture ends in the one place that the contract implies', (t) => {
  const lines = capture(t, 'marketflow_feed_odd.ndjson');
  if (lines === null) return;
  const outcomes = lines.map((line) => {
    const { frames, ticks, rejected } = decode(Buffer.from(`${line}\n`, 'latin1'));
    if (frames === 0) return 'blank';
    return ticks.length === 1 ? 'tick' : Object.keys(rejected).join(' and ');
  });
  assert.deepEqual(outcomes, ODD);
});

test('every good line of the capture is a tick, with the values that JSON.parse reads', (t) => {
  const lines = capture(t, 'marketflow_feed_good.ndjson');
  if (lines === null) return;
  const text = Buffer.from(`${lines.join('\n')}\n`, 'latin1');
  const { ticks, rejected } = decode(text);
  assert.deepEqual(rejected, {});
  assert.deepEqual(
    ticks.map(({ symbol, price, timestamp }) => ({ symbol, price, timestamp })),
    lines.map((line) => JSON.parse(line)),
  );
  assert.deepEqual(ticks, referenceDecode(text).ticks);
});
