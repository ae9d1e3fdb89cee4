import type { LogEntry, TicksRecord } from '../../internal/domain/model/log-record.ts';
import { REASON_COUNT, Reason } from '../../internal/domain/model/rejection.ts';
import { NO_TRADE_ID } from '../../internal/domain/model/tick-batch.ts';

const MINUTE_MS = 60_000;
/** The default intervals, by their names in the table. */
const INTERVALS_MS = {
  '1s': 1_000,
  '1m': MINUTE_MS,
  '5m': 5 * MINUTE_MS,
  '15m': 15 * MINUTE_MS,
  '30m': 30 * MINUTE_MS,
  '1h': 60 * MINUTE_MS,
  '4h': 240 * MINUTE_MS,
  '1d': 1_440 * MINUTE_MS,
  '1w': 10_080 * MINUTE_MS,
};
/** 1970-01-05: weeks open on Monday. */
const MONDAY_MS = 4 * 1_440 * MINUTE_MS;
const LATENESS_MS = 120_000;
const TRADE_IDS = 1_024;

/** A candle as plain sums of its ticks, one tick after the other. */
export interface OracleCandle {
  open: number;
  high: number;
  low: number;
  close: number;
  count: number;
  sum: bigint;
  volume: bigint;
  quoteVolume: number;
  quantityCount: number;
  openId: number;
  closeId: number;
  openAtMs: number;
  closeAtMs: number;
  highAtMs: number;
  lowAtMs: number;
  firstAtMs: number;
  lastAtMs: number;
}

export interface OracleTick {
  readonly mode: string;
  readonly exchange: string;
  readonly symbol: string;
  readonly price: number;
  readonly eventAtMs: number;
  readonly quantity: number;
  readonly tradeId: number;
}

interface OracleSource {
  readonly mode: string;
  readonly exchange: string;
  watermarkMs: number;
  readonly ids: Map<string, number[]>;
}

/** Prices and quantities of the feeds here have at most eight decimals: sums of these units are exact. */
export const UNITS = 1e8;

export function unitsOf(value: number): bigint {
  return BigInt(Math.round(value * UNITS));
}

/**
 * What candles and books have to say, from what the tick log says was accepted. Written from the contract and slowly:
 * tick by tick, no spans, no merging, no checkpoint.
 */
export class LogOracle {
  /** By `mode exchange symbol interval openMs`. */
  readonly candles = new Map<string, OracleCandle>();
  readonly rejected = new Float64Array(REASON_COUNT);
  frames = 0;
  counted = 0;
  damagedBatches = 0;
  epoch = 0;
  /** Frames of each exchange since its feed last came up. */
  readonly framesSinceUp = new Map<string, number>();
  private readonly sources: OracleSource[] = [];
  private readonly symbols: string[] = [];
  private readonly onTick: (tick: OracleTick) => void;
  private readonly intervals: readonly (readonly [name: string, intervalMs: number])[];

  /** `onTick` gets every tick of the log, also those that turn out late or duplicate. */
  constructor(onTick: (tick: OracleTick) => void = () => {}, { withSeconds = true } = {}) {
    this.onTick = onTick;
    this.intervals = Object.entries(INTERVALS_MS).filter(([name]) => withSeconds || name !== '1s');
  }

  readonly take = ({ record }: LogEntry): void => {
    if (record.kind === 'source') {
      const { id, mode, exchange } = record;
      this.sources[id] ??= { mode, exchange, watermarkMs: Number.NEGATIVE_INFINITY, ids: new Map() };
    } else if (record.kind === 'symbol') this.symbols[record.id] = record.name;
    else if (record.kind === 'mode') this.epoch = record.epoch;
    else if (record.kind === 'damage') this.damagedBatches += record.batches;
    else if (record.kind === 'feed' && record.up) this.framesSinceUp.set(this.sourceOf(record.source).exchange, 0);
    else if (record.kind === 'ticks') this.takeTicks(record);
  };

  private takeTicks({ batch }: TicksRecord): void {
    this.frames += batch.frames;
    const stale = batch.epoch !== this.epoch;
    for (let reason = 0; reason < REASON_COUNT; reason++) {
      const counts = stale && reason === Reason.future ? Reason.stale_epoch : reason;
      this.rejected[counts]! += batch.rejected[reason]!;
    }
    const source = this.sourceOf(batch.source);
    this.framesSinceUp.set(source.exchange, (this.framesSinceUp.get(source.exchange) ?? 0) + batch.frames);
    for (let row = 0; row < batch.count; row++) {
      const tick: OracleTick = {
        mode: source.mode,
        exchange: source.exchange,
        symbol: this.symbols[batch.symbol[row]!] ?? '?',
        price: batch.price[row]!,
        eventAtMs: batch.eventAtMs[row]!,
        quantity: batch.hasQuantity ? batch.quantity[row]! : Number.NaN,
        tradeId: batch.hasTradeId ? batch.tradeId[row]! : NO_TRADE_ID,
      };
      this.onTick(tick);
      const reason = stale ? Reason.stale_epoch : judge(source, tick);
      if (reason === null) this.count(tick);
      else this.rejected[reason]!++;
    }
  }

  private sourceOf(id: number): OracleSource {
    const source = this.sources[id];
    if (source === undefined) throw new Error(`source ${id} is used before it is named`);
    return source;
  }

  private count(tick: OracleTick): void {
    this.counted++;
    for (const [name, intervalMs] of this.intervals) {
      const fromMs = name === '1w' ? MONDAY_MS : 0;
      const openMs = tick.eventAtMs - ((tick.eventAtMs - fromMs) % intervalMs);
      this.countIn(`${tick.mode} ${tick.exchange} ${tick.symbol} ${name} ${openMs}`, tick);
    }
  }

  private countIn(key: string, tick: OracleTick): void {
    const { price, eventAtMs, tradeId, quantity } = tick;
    let candle = this.candles.get(key);
    if (candle === undefined) {
      candle = firstOf(tick);
      this.candles.set(key, candle);
    }
    candle.count++;
    candle.sum += unitsOf(price);
    if (price > candle.high || (price === candle.high && eventAtMs < candle.highAtMs)) {
      candle.high = price;
      candle.highAtMs = eventAtMs;
    }
    if (price < candle.low || (price === candle.low && eventAtMs < candle.lowAtMs)) {
      candle.low = price;
      candle.lowAtMs = eventAtMs;
    }
    if (isBefore(eventAtMs, tradeId, candle.openAtMs, candle.openId)) {
      Object.assign(candle, { open: price, openAtMs: eventAtMs, openId: tradeId });
    }
    if (!isBefore(eventAtMs, tradeId, candle.closeAtMs, candle.closeId)) {
      Object.assign(candle, { close: price, closeAtMs: eventAtMs, closeId: tradeId });
    }
    candle.firstAtMs = Math.min(candle.firstAtMs, eventAtMs);
    candle.lastAtMs = Math.max(candle.lastAtMs, eventAtMs);
    if (Number.isNaN(quantity)) return;
    candle.quantityCount++;
    candle.volume += unitsOf(quantity);
    candle.quoteVolume += price * quantity;
  }
}

function judge(source: OracleSource, { symbol, tradeId, eventAtMs }: OracleTick): number | null {
  let ids = source.ids.get(symbol);
  if (tradeId !== NO_TRADE_ID && ids !== undefined) {
    if (ids.length >= TRADE_IDS && tradeId < ids[ids.length - TRADE_IDS]!) return Reason.duplicate;
    if (tradeId <= ids[ids.length - 1]! && ids.includes(tradeId)) return Reason.duplicate;
  }
  if (eventAtMs < source.watermarkMs - LATENESS_MS) return Reason.late;
  source.watermarkMs = Math.max(source.watermarkMs, eventAtMs);
  if (tradeId === NO_TRADE_ID) return null;
  if (ids === undefined) {
    ids = [];
    source.ids.set(symbol, ids);
  }
  const isNewest = ids.length === 0 || tradeId > ids[ids.length - 1]!;
  ids.push(tradeId);
  if (!isNewest) ids.sort((a, b) => a - b);
  if (ids.length > 8 * TRADE_IDS) ids.splice(0, ids.length - TRADE_IDS);
  return null;
}

/** By trade id, then event time; a tick without an id is before those that have one. */
function isBefore(atMs: number, id: number, otherAtMs: number, otherId: number): boolean {
  return id < otherId || (id === otherId && atMs < otherAtMs);
}

function firstOf({ price, eventAtMs, tradeId }: OracleTick): OracleCandle {
  return {
    open: price,
    high: price,
    low: price,
    close: price,
    count: 0,
    sum: 0n,
    volume: 0n,
    quoteVolume: 0,
    quantityCount: 0,
    openId: tradeId,
    closeId: tradeId,
    openAtMs: eventAtMs,
    closeAtMs: eventAtMs,
    highAtMs: eventAtMs,
    lowAtMs: eventAtMs,
    firstAtMs: eventAtMs,
    lastAtMs: eventAtMs,
  };
}
