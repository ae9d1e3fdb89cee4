import { Reason } from '../../../../domain/model/rejection.ts';
import { NO_TRADE_ID } from '../../../../domain/model/tick-batch.ts';

/**
 * One line of the feed, newline-delimited JSON (contract.md, "The exchange TCP feed"):
 *
 *     {"symbol":"BTCUSDT","price":67321.5,"timestamp":1740411234567}
 *     {"symbol":"BTCUSDT","price":67321.5,"timestamp":1740411234567,"quantity":0.25,"tradeId":81211}
 *
 * Keys come in any order, unknown ones are ignored. `quantity` (base units) and `tradeId` are optional.
 */
export interface WireTick {
  symbol: string;
  price: number;
  /** Unix ms. */
  timestamp: number;
  /** NaN when absent. */
  quantity: number;
  /** `NO_TRADE_ID` when absent. */
  tradeId: number;
}

/** 2009-01-01 and 2100-01-01, Unix ms: event times outside are `bad_time`. */
export const MIN_EVENT_AT_MS = 1_230_768_000_000;
export const MAX_EVENT_AT_MS = 4_102_444_800_000;

/** The line as a tick, into `into`, or the `Reason` why it is none. -1 = it is a tick. Symbol and clock are judged later. */
export function readWireTick(text: string, into: WireTick): number {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return Reason.bad_json;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return Reason.bad_schema;
  const own = (key: string): unknown =>
    Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  const symbol = own('symbol');
  const price = own('price');
  const timestamp = own('timestamp');
  const quantity = own('quantity');
  const tradeId = own('tradeId');
  if (typeof symbol !== 'string' || typeof price !== 'number' || typeof timestamp !== 'number')
    return Reason.bad_schema;
  if (quantity !== undefined && typeof quantity !== 'number') return Reason.bad_schema;
  if (tradeId !== undefined && !(Number.isSafeInteger(tradeId) && (tradeId as number) >= 0)) return Reason.bad_schema;
  if (!(price > 0 && price < Number.POSITIVE_INFINITY)) return Reason.bad_price;
  if (quantity !== undefined && !(quantity >= 0 && quantity < Number.POSITIVE_INFINITY)) return Reason.bad_quantity;
  if (!Number.isInteger(timestamp) || timestamp < MIN_EVENT_AT_MS || timestamp > MAX_EVENT_AT_MS)
    return Reason.bad_time;
  into.symbol = symbol;
  into.price = price;
  into.timestamp = timestamp;
  into.quantity = quantity ?? Number.NaN;
  into.tradeId = tradeId === undefined ? NO_TRADE_ID : (tradeId as number) + 0;
  return -1;
}
