import { candleOpenMs } from '../../domain/model/candle.ts';
import type { Candle, ListOrder } from '../port/in/candle-queries.ts';

/** Puts a candle at the previous close into each bucket without ticks between two candles. */
export interface Filling {
  readonly intervalMs: number;
  readonly order: ListOrder;
  /** Nothing is filled that opens later. */
  readonly nowMs: number;
  /** At most so many candles come out. */
  readonly limit: number;
  /**
   * Where the page before ended, if there was one: the open time of its last candle, and the nearest candle with
   * ticks at or before that in the order. Buckets from there to the first candle of this page are filled too.
   */
  readonly after: { readonly openMs: number; readonly candle: Candle | null } | null;
}

/** `candles` in the order of the filling; so is the result. */
export function fillGaps(candles: readonly Candle[], filling: Filling): Candle[] {
  return filling.order === 'asc' ? fillForward(candles, filling) : fillBackward(candles, filling);
}

function fillForward(candles: readonly Candle[], { intervalMs, nowMs, limit, after }: Filling): Candle[] {
  const filled: Candle[] = [];
  let previous = after?.candle ?? null;
  let openMs = after === null ? Number.NaN : after.openMs + intervalMs;
  for (const candle of candles) {
    if (previous !== null) {
      for (; openMs < candle.openTime && openMs <= nowMs && filled.length < limit; openMs += intervalMs) {
        filled.push(fillOf(openMs, intervalMs, previous, candle));
      }
    }
    if (filled.length >= limit) break;
    filled.push(candle);
    previous = candle;
    openMs = candle.openTime + intervalMs;
  }
  return filled;
}

function fillBackward(candles: readonly Candle[], { intervalMs, nowMs, limit, after }: Filling): Candle[] {
  const filled: Candle[] = [];
  let later = after?.candle ?? null;
  let openMs = after === null ? Number.NaN : after.openMs - intervalMs;
  for (const candle of candles) {
    if (later !== null) {
      openMs = Math.min(openMs, candleOpenMs(nowMs, intervalMs));
      for (; openMs > candle.openTime && filled.length < limit; openMs -= intervalMs) {
        filled.push(fillOf(openMs, intervalMs, candle, later));
      }
    }
    if (filled.length >= limit) break;
    filled.push(candle);
    later = candle;
    openMs = candle.openTime - intervalMs;
  }
  return filled;
}

/** Closed once a later bucket is; whether the feed was up nobody has noted, so it is not said. */
function fillOf(openMs: number, intervalMs: number, previous: Candle, later: Candle): Candle {
  const { close } = previous;
  const volume = previous.volume === null ? null : 0;
  return {
    openTime: openMs,
    closeTime: openMs + intervalMs,
    ...{ open: close, high: close, low: close, close },
    ...{ volume, quoteVolume: volume, count: 0, average: null, vwap: null },
    ...{ firstTradeId: null, lastTradeId: null },
    state: later.state === 'forming' ? 'forming' : 'final',
    ...{ complete: false, source: 'fill', revision: 0 },
    ...(previous.exchanges === undefined ? {} : { exchanges: [] }),
  };
}
