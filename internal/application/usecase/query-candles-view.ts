import { type Bucket, meanWithin } from '../../domain/model/candle.ts';
import type { CandleRow } from '../../domain/model/checkpoint.ts';
import { NO_TRADE_ID } from '../../domain/model/tick-batch.ts';
import { exactValue } from '../../domain/service/exact-sum.ts';
import type { MergedCandle } from '../../domain/service/merge-candles.ts';
import type { Candle } from '../port/in/candle-queries.ts';

/** What doubles that stand for decimals may be off by, of the whole, when they are added up exactly; of products, more. */
const SUM_ERROR = 2 ** -52;
const PRODUCT_ERROR = 2 ** -51;

export function candleOf(row: CandleRow): Candle {
  const { openMs, intervalMs, state, complete, source, revision, bucket } = row;
  return { ...figures(openMs, intervalMs, bucket), state, complete, source, revision };
}

/** `lacksSome`: an exchange that had the pair by then has no candle here. */
export function candleOfMerged(candle: MergedCandle, intervalMs: number, lacksSome: boolean): Candle {
  const { openMs, state, source, revision, exchanges, bucket } = candle;
  const complete = candle.complete && !lacksSome;
  return { ...figures(openMs, intervalMs, bucket), state, complete, source, revision, exchanges };
}

function figures(openMs: number, intervalMs: number, bucket: Bucket) {
  const hasQuantity = bucket.quantityCount > 0;
  const { volumeHi, volumeLo, quoteVolumeHi, quoteVolumeLo } = bucket;
  const volume = hasQuantity ? decimalOf(exactValue({ sumHi: volumeHi, sumLo: volumeLo }), SUM_ERROR) : null;
  const quoteVolume = hasQuantity
    ? decimalOf(exactValue({ sumHi: quoteVolumeHi, sumLo: quoteVolumeLo }), PRODUCT_ERROR)
    : null;
  return {
    openTime: openMs,
    closeTime: openMs + intervalMs,
    ...{ open: bucket.open, high: bucket.high, low: bucket.low, close: bucket.close },
    ...{ volume, quoteVolume, count: bucket.count },
    average: meanWithin(bucket, exactValue(bucket) / bucket.count),
    vwap: volume === null || quoteVolume === null ? null : finite(meanWithin(bucket, quoteVolume / volume)),
    firstTradeId: tradeId(bucket.openId),
    lastTradeId: tradeId(bucket.closeId),
  };
}

/**
 * A sum of quantities as its exchange would write it. Quantities are decimals, and their doubles are a little off: the
 * exact sum of these is 0.20853481999999998 where that of the decimals is 0.20853482. If there is a decimal of up to 15
 * digits so near that the doubles can't tell it from their sum, it is that.
 */
export function decimalOf(sum: number, error: number): number {
  const decimal = Number(sum.toPrecision(15));
  return Math.abs(decimal - sum) <= sum * error ? decimal : sum;
}

function tradeId(id: number): number | null {
  return id === NO_TRADE_ID ? null : id;
}

/** Trades of nothing have no average price. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
