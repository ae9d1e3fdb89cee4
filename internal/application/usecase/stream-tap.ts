import type { LogRecord } from '../../domain/model/log-record.ts';
import { NO_TRADE_ID, type TickBatch } from '../../domain/model/tick-batch.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import { TICK_FIELDS, type TickRows } from '../port/in/market-stream.ts';

/**
 * Ticks of one pair, and of all, that may wait for their turn; those beyond are counted and not kept. As JSON, so many
 * are less than 1 MiB.
 */
export const PAIR_PENDING_MAX = 8_192;
const PENDING_MAX = 262_144;
const FIRST_CAPACITY = 64;

/** What waits for all buffers together. */
interface Pending {
  count: number;
  lost: number;
}

/** The ticks of one pair since the last turn. */
export class TickBuffer {
  readonly exchange: string;
  readonly symbol: string;
  private readonly pending: Pending;
  private values = new Float64Array(FIRST_CAPACITY * TICK_FIELDS);
  private count = 0;
  private lost = 0;

  constructor(exchange: string, symbol: string, pending: Pending) {
    this.exchange = exchange;
    this.symbol = symbol;
    this.pending = pending;
  }

  push(price: number, quantity: number, tradeId: number, eventAtMs: number, receivedAtMs: number): void {
    if (this.count === PAIR_PENDING_MAX || this.pending.count === PENDING_MAX) {
      this.lost++;
      this.pending.lost++;
      return;
    }
    let at = this.count * TICK_FIELDS;
    if (at === this.values.length) this.grow();
    const { values } = this;
    values[at++] = price;
    values[at++] = quantity;
    values[at++] = tradeId;
    values[at++] = eventAtMs;
    values[at] = receivedAtMs;
    this.count++;
    this.pending.count++;
  }

  /** All of it, in a copy; null: there is nothing. */
  take(): { readonly ticks: TickRows; readonly lost: number } | null {
    const { count, lost } = this;
    if (count === 0 && lost === 0) return null;
    const values = this.values.slice(0, count * TICK_FIELDS);
    // After a burst the memory goes back.
    if (this.values.length > 16 * (values.length + FIRST_CAPACITY)) {
      this.values = new Float64Array(FIRST_CAPACITY * TICK_FIELDS);
    }
    this.pending.count -= count;
    this.count = 0;
    this.lost = 0;
    return { ticks: { count, values }, lost };
  }

  private grow(): void {
    const values = new Float64Array(this.values.length * 2);
    values.set(this.values);
    this.values = values;
  }
}

/**
 * Sees every record right after it was folded, and keeps the counted ticks of the pairs that somebody has subscribed
 * to. Without such a pair it looks at no tick.
 */
export class TickTap {
  /** Called when a switch of the mode is folded. */
  onMode: () => void = () => undefined;
  /** Asked once for each pair that has ticks and no buffer, while `wantsNew`: may open one. */
  onNewPair: (exchange: string, symbol: string) => void = () => undefined;

  private readonly state: MarketState;
  private readonly buffers = new Map<string, TickBuffer>();
  private readonly pending: Pending = { count: 0, lost: 0 };
  private isWantingNew = false;
  /** By source id and symbol id; null: nobody wants it, undefined: not looked up since something changed. */
  private slots: ((TickBuffer | null | undefined)[] | undefined)[] = [];

  constructor(state: MarketState) {
    this.state = state;
  }

  /** Pairs with a buffer. */
  get size(): number {
    return this.buffers.size;
  }

  /** Ticks that came faster than they were taken. */
  get lost(): number {
    return this.pending.lost;
  }

  set wantsNew(wants: boolean) {
    if (wants !== this.isWantingNew) this.slots = [];
    this.isWantingNew = wants;
  }

  open(exchange: string, symbol: string): TickBuffer {
    const buffer = new TickBuffer(exchange, symbol, this.pending);
    this.buffers.set(`${exchange} ${symbol}`, buffer);
    this.forget(exchange, symbol);
    return buffer;
  }

  close(buffer: TickBuffer): void {
    buffer.take();
    this.buffers.delete(`${buffer.exchange} ${buffer.symbol}`);
    this.forget(buffer.exchange, buffer.symbol);
  }

  /** Has to be called in the same turn as the record's fold, whose verdicts it reads. */
  readonly folded = (record: LogRecord): void => {
    if (record.kind === 'ticks') {
      if ((this.buffers.size > 0 || this.isWantingNew) && !this.state.refusedAll) this.take(record.batch);
    } else if (record.kind === 'mode') {
      this.slots = [];
      this.onMode();
    }
  };

  private take(batch: TickBatch): void {
    const { symbol, price, eventAtMs, quantity, tradeId, count, hasQuantity, hasTradeId, receivedAtMs } = batch;
    const { refused } = this.state;
    let refusedAt = 0;
    for (let i = 0; i < count; i++) {
      if (refused[refusedAt] === i) {
        refusedAt++;
        continue;
      }
      const id = symbol[i]!;
      const known = this.slots[batch.source]?.[id];
      const buffer = known === undefined ? this.find(batch.source, id) : known;
      if (buffer === null) continue;
      const amount = hasQuantity ? quantity[i]! : Number.NaN;
      buffer.push(price[i]!, amount, hasTradeId ? tradeId[i]! : NO_TRADE_ID, eventAtMs[i]!, receivedAtMs);
    }
  }

  /** Of this pair alone: what is known of thousands of others holds. */
  private forget(exchange: string, symbol: string): void {
    for (const source of this.state.sources) {
      if (source?.exchange !== exchange) continue;
      const id = this.state.instrument(source, symbol)?.symbolId;
      const slots = this.slots[source.id];
      if (id !== undefined && slots !== undefined) slots[id] = undefined;
    }
  }

  private find(sourceId: number, symbolId: number): TickBuffer | null {
    const source = this.state.sources[sourceId];
    const symbol = this.state.symbols[symbolId];
    if (source === undefined || symbol === undefined) return null;
    const key = `${source.exchange} ${symbol}`;
    if (this.isWantingNew && !this.buffers.has(key)) this.onNewPair(source.exchange, symbol);
    const buffer = this.buffers.get(key) ?? null;
    let slots = this.slots[sourceId];
    if (slots === undefined) {
      slots = [];
      this.slots[sourceId] = slots;
    }
    slots[symbolId] = buffer;
    return buffer;
  }
}
