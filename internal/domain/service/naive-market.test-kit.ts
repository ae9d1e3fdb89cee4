import { candleOpenMs, MINUTE_MS } from '../model/candle.ts';
import type { LogRecord } from '../model/log-record.ts';
import { NO_TRADE_ID } from '../model/tick-batch.ts';
import type { Tick } from './market.test-kit.ts';

/** A tick that counts, with the order in which it came. */
export interface CountedTick extends Tick {
  readonly source: number;
}

export interface NaiveOutcome {
  readonly counted: CountedTick[];
  late: number;
  duplicate: number;
  stale: number;
}

/** Reads a log tick by tick with plain lists: which ticks count, and why the others do not. */
export function naiveMarket(records: readonly LogRecord[], latenessMs: number): NaiveOutcome {
  const outcome: NaiveOutcome = { counted: [], late: 0, duplicate: 0, stale: 0 };
  const watermarkMs = new Map<number, number>();
  const seen = new Map<string, number[]>();
  let epoch = 0;
  for (const record of records) {
    if (record.kind === 'mode') epoch = record.epoch;
    if (record.kind !== 'ticks') continue;
    const { batch } = record;
    for (let row = 0; row < batch.count; row++) {
      const { source } = batch;
      const [symbol, price, atMs] = [batch.symbol[row]!, batch.price[row]!, batch.eventAtMs[row]!];
      const tradeId = batch.hasTradeId ? batch.tradeId[row]! : NO_TRADE_ID;
      const known = seen.get(`${source} ${symbol}`) ?? [];
      seen.set(`${source} ${symbol}`, known);
      const newest = known.toSorted((a, b) => b - a).slice(0, 1_024);
      const isOld = newest.length === 1_024 && tradeId < newest.at(-1)!;
      if (batch.epoch !== epoch) outcome.stale++;
      else if (tradeId !== NO_TRADE_ID && (isOld || newest.includes(tradeId))) outcome.duplicate++;
      else if (atMs < (watermarkMs.get(source) ?? Number.NEGATIVE_INFINITY) - latenessMs) outcome.late++;
      else {
        const quantity = batch.hasQuantity && !Number.isNaN(batch.quantity[row]!) ? batch.quantity[row]! : undefined;
        outcome.counted.push({ source, symbol, price, atMs, quantity, tradeId });
        watermarkMs.set(source, Math.max(atMs, watermarkMs.get(source) ?? atMs));
        if (tradeId !== NO_TRADE_ID) known.push(tradeId);
      }
    }
  }
  return outcome;
}

/** Figures of each candle, by `source symbol minute`, from lists of its ticks. */
export function naiveCandles(ticks: readonly CountedTick[], intervalMs = MINUTE_MS): Map<string, object> {
  const openMs = (atMs: number) => candleOpenMs(atMs, intervalMs);
  const groups = Map.groupBy(ticks, (tick) => `${tick.source} ${tick.symbol} ${openMs(tick.atMs)}`);
  return new Map(
    [...groups].map(([key, group]) => {
      const inOrder = group.toSorted((a, b) => (a.tradeId ?? -1) - (b.tradeId ?? -1) || a.atMs - b.atMs);
      const times = group.map((tick) => tick.atMs);
      // Of ticks that are alike in time and id the one that came first opens, and the one that came last closes.
      const prices = group.map((tick) => tick.price);
      const high = Math.max(...prices);
      const low = Math.min(...prices);
      const atOf = (wanted: number) =>
        Math.min(...group.filter((tick) => tick.price === wanted).map((tick) => tick.atMs));
      const sized = group.flatMap((tick) =>
        tick.quantity === undefined ? [] : [{ ...tick, quantity: tick.quantity }],
      );
      const figures = {
        count: group.length,
        open: inOrder[0]!.price,
        close: inOrder.at(-1)!.price,
        high,
        highAtMs: atOf(high),
        low,
        lowAtMs: atOf(low),
        firstAtMs: Math.min(...times),
        lastAtMs: Math.max(...times),
        sum: exactSumOf(prices),
        quantityCount: sized.length,
        volume: exactSumOf(sized.map((tick) => tick.quantity)),
        quoteVolume: exactSumOf(sized.map((tick) => tick.price * tick.quantity)),
      };
      return [key, figures];
    }),
  );
}

const SCALE_BITS = 1_074n;

/** A finite double as an integer number of 2^-1074. */
export function toBigInt(value: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(value).buffer)[0]!;
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n);
  return bits >> 63n ? -magnitude : magnitude;
}

/** The sum as the double that is nearest to it. */
export function exactSumOf(values: readonly number[]): number {
  const total = values.reduce((sum, value) => sum + toBigInt(value), 0n);
  return fromBigInt(total);
}

function fromBigInt(total: bigint): number {
  const isNegative = total < 0n;
  const magnitude = isNegative ? -total : total;
  const excess = BigInt(Math.max(0, magnitude.toString(2).length - 64));
  // The 64 leading bits, and one that says whether anything was cut off: enough to round by.
  const sticky = magnitude & ((1n << excess) - 1n) ? 1n : 0n;
  const value = Number(((magnitude >> excess) << 1n) | sticky);
  const exponent = Number(excess - 1n - SCALE_BITS);
  // In two steps: 2^-1074 itself is below what a factor can be without loss.
  const half = Math.trunc(exponent / 2);
  const result = value * 2 ** half * 2 ** (exponent - half);
  return isNegative ? -result : result;
}
