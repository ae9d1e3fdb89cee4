import assert from 'node:assert/strict';
import type { Audit } from '../../internal/application/port/in/queries.ts';
import { REJECTION_REASONS } from '../../internal/domain/model/rejection.ts';
import { NO_TRADE_ID } from '../../internal/domain/model/tick-batch.ts';
import type { StoredCandle } from './data-folder.ts';
import { type LogOracle, type OracleCandle, UNITS } from './log-oracle.ts';

/** Every stored candle, of all intervals, says what the oracle says, and there is no other. Returns how many there are. */
export function assertCandlesEqual(stored: readonly StoredCandle[], oracle: LogOracle): number {
  const seen = new Set<string>();
  for (const row of stored) {
    const key = `${row.mode} ${row.exchange} ${row.symbol} ${row.interval} ${row.open_time}`;
    const expected = oracle.candles.get(key);
    assert.ok(expected !== undefined, `${key} has no tick in the log`);
    assert.ok(!seen.has(key), `${key} is there twice`);
    seen.add(key);
    assert.deepEqual(exactPart(row), expectedPart(expected), key);
    assertNear(row.sum_hi + row.sum_lo, Number(expected.sum) / UNITS, `sum of ${key}`);
    if (expected.quantityCount === 0) {
      assert.deepEqual([row.volume, row.quote_volume], [null, null], key);
      continue;
    }
    assertNear(row.volume ?? Number.NaN, Number(expected.volume) / UNITS, `volume of ${key}`);
    assertNear(row.quote_volume ?? Number.NaN, expected.quoteVolume, `quote volume of ${key}`, 1e-9);
  }
  const missing = [...oracle.candles.keys()].filter((key) => !seen.has(key));
  assert.deepEqual(missing, [], 'candles that are not stored');
  return stored.length;
}

function exactPart(row: StoredCandle) {
  const { open, high, low, close, count, open_at, close_at, high_at, low_at, first_at, last_at } = row;
  const ids = [row.first_trade_id, row.last_trade_id];
  const times = { open_at, close_at, high_at, low_at, first_at, last_at };
  return { open, high, low, close, count, ids, ...times, quantities: row.quantity_count };
}

function expectedPart(candle: OracleCandle) {
  const { open, high, low, close, count } = candle;
  return {
    open,
    high,
    low,
    close,
    count,
    ids: [candle.openId, candle.closeId].map((id) => (id === NO_TRADE_ID ? null : id)),
    open_at: candle.openAtMs,
    close_at: candle.closeAtMs,
    high_at: candle.highAtMs,
    low_at: candle.lowAtMs,
    first_at: candle.firstAtMs,
    last_at: candle.lastAtMs,
    quantities: candle.quantityCount,
  };
}

function assertNear(actual: number, expected: number, what: string, share = 1e-13): void {
  const allowed = Math.abs(expected) * share;
  assert.ok(Math.abs(actual - expected) <= allowed, `${what}: ${actual} is not ${expected}`);
}

/** The equations of the contract hold. */
export function assertBalanced(audit: Audit): void {
  const rejected = Object.values(audit.rejected).reduce((sum, count) => sum + count, 0);
  const books = JSON.stringify(audit);
  assert.equal(audit.received, audit.accepted + rejected, books);
  assert.equal(audit.accepted, audit.counted + audit.open, books);
  assert.equal(audit.counted, audit.inCandles, books);
  assert.equal(audit.balanced, true, books);
}

/** The books are those that the log, read from its beginning, leads to. */
export function assertAuditEqual(audit: Audit, oracle: LogOracle): void {
  assertBalanced(audit);
  const rejected = Object.fromEntries(REJECTION_REASONS.map((name, reason) => [name, oracle.rejected[reason]]));
  assert.deepEqual(
    { received: audit.received, counted: audit.counted, rejected: audit.rejected },
    { received: oracle.frames, counted: oracle.counted, rejected },
  );
}

/** Reasons that were counted, without the zeros. */
export function rejectedOf(audit: Pick<Audit, 'rejected'>): Record<string, number> {
  return Object.fromEntries(Object.entries(audit.rejected).filter(([, count]) => count > 0));
}
