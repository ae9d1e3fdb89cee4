import { type Bucket, type CandleState, emptyBucket, mergeBucket } from '../model/candle.ts';
import type { CandleRow } from '../model/checkpoint.ts';
import { NO_TRADE_ID } from '../model/tick-batch.ts';

/** One bucket over several exchanges. */
export interface MergedCandle {
  readonly openMs: number;
  readonly state: CandleState;
  /** Each of the candles is; that none is missing is for the caller to know. */
  readonly complete: boolean;
  readonly source: CandleRow['source'] | 'mixed';
  /** Sum of theirs. */
  readonly revision: number;
  /** Without trade ids: those of one exchange mean nothing at another. */
  readonly bucket: Bucket;
  /** Whose candles these are, in order of name. */
  readonly exchanges: readonly string[];
}

/**
 * Merges the candles that different exchanges have for the same bucket. Within an exchange open and close went by its
 * sequence; between exchanges they go by the event times of those ticks, of equal ones by the order of names.
 * At least one row.
 */
export function mergeCandles(rows: readonly CandleRow[]): MergedCandle {
  const sorted = [...rows].sort((a, b) => (a.exchange < b.exchange ? -1 : 1));
  const bucket = emptyBucket();
  for (const row of sorted) mergeBucket(bucket, { ...row.bucket, openId: NO_TRADE_ID, closeId: NO_TRADE_ID });
  const sources = new Set(sorted.map(({ source }) => source));
  const [source = 'mixed'] = sources;
  return {
    openMs: sorted[0]?.openMs ?? 0,
    state: mergedState(sorted),
    complete: sorted.every(({ complete }) => complete),
    source: sources.size === 1 ? source : 'mixed',
    revision: sorted.reduce((sum, row) => sum + row.revision, 0),
    bucket,
    exchanges: sorted.map(({ exchange }) => exchange),
  };
}

function mergedState(rows: readonly CandleRow[]): CandleState {
  if (rows.some(({ state }) => state === 'forming')) return 'forming';
  return rows.some(({ state }) => state === 'revised') ? 'revised' : 'final';
}
