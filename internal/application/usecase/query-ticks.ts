import { DeadlineError, withDeadline } from '../../../pkg/concurrency/deadline.ts';
import { Serial, SerialFullError } from '../../../pkg/concurrency/serial.ts';
import type { Mode } from '../../domain/model/mode.ts';
import { FUTURE_LIMIT_MS } from '../../domain/model/rejection.ts';
import { NO_TRADE_ID, type TickBatch } from '../../domain/model/tick-batch.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { AcceptedTick, TickPage, TickPlace, TickQueries, TickQuestion } from '../port/in/candle-queries.ts';
import type { Answer } from '../port/in/queries.ts';
import type { TickLog } from '../port/out/tick-log.ts';

/** What one question may cost: whichever comes first ends its page. */
const WORK = { searchMs: 1_000, records: 200_000, ticks: 2_000_000 };
/** The waiting for others included. */
const DEADLINE_MS = 3_000;
const WAITING_MAX = 8;
/** Ticks that are looked at between two turns of the event loop: under a millisecond. */
const TICKS_PER_TURN = 20_000;
const RECORDS_PER_TURN = 256;
/** Backwards the log is read in blocks, each so much longer than the one before. */
const FIRST_BLOCK_RECORDS = 256;
const BLOCK_GROWTH = 4;

export interface QueryTicksParts {
  readonly log: TickLog;
  readonly state: MarketState;
  readonly exchanges: (mode: Mode) => readonly string[];
  readonly knowsSymbol: (symbol: string) => boolean;
  /** Any clock that goes forward, ms: for the bound on one question's work. */
  readonly nowMs: () => number;
  /** Default: see `WORK`. */
  readonly work?: { readonly searchMs: number; readonly records: number; readonly ticks: number };
}

/** What to look for. */
interface Wanted {
  readonly source: number;
  readonly symbol: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly after: TickPlace | null;
  readonly limit: number;
}

interface Found extends TickPlace {
  readonly tick: AcceptedTick;
}

/**
 * Answers for single ticks out of the log: the ticks as they were accepted, before the fold judged which are late or
 * duplicates. One question at a time is served, in small steps, so that the pipeline goes on beside it.
 */
export class QueryTicks implements TickQueries {
  private readonly parts: QueryTicksParts;
  private readonly turn = new Serial(WAITING_MAX);
  private oldest: { readonly position: number; readonly receivedAtMs: number | null } | null = null;

  constructor(parts: QueryTicksParts) {
    this.parts = parts;
  }

  async ticks(question: TickQuestion): Promise<Answer<TickPage>> {
    const { state, exchanges, knowsSymbol } = this.parts;
    const mode = question.mode ?? state.mode?.mode ?? 'test';
    const exchange = question.exchange.toLowerCase();
    const symbol = question.symbol.toUpperCase();
    if (!exchanges(mode).includes(exchange)) {
      return { ok: false, failure: 'unknown_exchange', detail: `no exchange ${exchange} in ${mode} mode` };
    }
    if (!knowsSymbol(symbol)) {
      return { ok: false, failure: 'unknown_symbol', detail: `${symbol} is not among the accepted symbols` };
    }
    const cancel = new AbortController();
    const search = this.turn.run(() => this.page(question, mode, exchange, symbol, cancel.signal));
    try {
      return { ok: true, value: await withDeadline(search, DEADLINE_MS, 'the tick log') };
    } catch (cause) {
      if (!(cause instanceof DeadlineError || cause instanceof SerialFullError)) throw cause;
      return { ok: false, failure: 'unavailable', detail: 'the tick log does not answer in time, or too many ask' };
    } finally {
      cancel.abort();
    }
  }

  private async page(
    question: TickQuestion,
    mode: Mode,
    exchange: string,
    symbol: string,
    signal: AbortSignal,
  ): Promise<TickPage> {
    // Nobody waits for this one any more.
    signal.throwIfAborted();
    const { state } = this.parts;
    const names = { mode, exchange, symbol };
    const source = state.source(mode, exchange);
    const availableFromMs = await this.availableFrom();
    const symbolId = state.symbols.indexOf(symbol);
    if (source === undefined || symbolId < 0) return { ...names, ticks: [], availableFromMs, next: null };
    const wanted = {
      ...{ source: source.id, symbol: symbolId, after: question.after, limit: question.limit },
      fromMs: question.fromMs ?? Number.NEGATIVE_INFINITY,
      toMs: question.toMs ?? Number.POSITIVE_INFINITY,
    };
    const budget = new Budget(this.parts, signal);
    const search = question.order === 'asc' ? this.forward(wanted, budget) : this.backward(wanted, budget);
    const { found, next } = await search;
    return { ...names, ticks: found.map(({ tick }) => tick), availableFromMs, next };
  }

  private async forward(wanted: Wanted, budget: Budget): Promise<{ found: Found[]; next: TickPlace | null }> {
    const { log } = this.parts;
    const found: Found[] = [];
    const from = Math.max(1, wanted.after?.position ?? 1, log.stats().firstPosition);
    for await (const { position, record } of log.read(from - 1)) {
      if (record.kind === 'ticks') {
        take(record.batch, position, wanted, (row) => isBehind(wanted.after, position, row), found);
        if (found.length > wanted.limit) break;
      }
      if (await budget.isSpent(record.kind === 'ticks' ? record.batch.count : 0)) {
        return cut(found, wanted.limit, { position, row: Number.MAX_SAFE_INTEGER });
      }
    }
    return cut(found, wanted.limit, null);
  }

  private async backward(wanted: Wanted, budget: Budget): Promise<{ found: Found[]; next: TickPlace | null }> {
    const { log } = this.parts;
    const { firstPosition, lastPosition } = log.stats();
    let found: Found[] = [];
    let end = Math.min(wanted.after?.position ?? lastPosition, lastPosition);
    let block = FIRST_BLOCK_RECORDS;
    while (end >= firstPosition) {
      const start = Math.max(firstPosition, end - block + 1);
      const read = await this.block(start, end, wanted, budget);
      // A block that was not read to its end says nothing: its newest ticks are missing.
      if (read === null) return cut(found, wanted.limit, { position: end + 1, row: 0 });
      found = [...found, ...read.found.reverse()];
      if (found.length > wanted.limit) break;
      end = start - 1;
      if (read.newestReceivedAtMs !== null && read.newestReceivedAtMs < wanted.fromMs - FUTURE_LIMIT_MS) break;
      block *= BLOCK_GROWTH;
    }
    return cut(found, wanted.limit, null);
  }

  /** The ticks that are wanted of the records `start … end`, ascending; null if that would cost too much, which the first block never does. */
  private async block(
    start: number,
    end: number,
    wanted: Wanted,
    budget: Budget,
  ): Promise<{ found: Found[]; newestReceivedAtMs: number | null } | null> {
    const found: Found[] = [];
    // Null: not one of the records was of ticks, which says nothing of those before.
    let newestReceivedAtMs: number | null = null;
    for await (const { position, record } of this.parts.log.read(start - 1)) {
      if (position > end) break;
      if (record.kind === 'ticks') {
        newestReceivedAtMs = Math.max(newestReceivedAtMs ?? 0, record.batch.receivedAtMs);
        take(record.batch, position, wanted, (row) => isBefore(wanted.after, position, row), found);
        // Only the newest are wanted.
        if (found.length > 2 * wanted.limit + 2) found.splice(0, found.length - wanted.limit - 1);
      }
      const isSpent = await budget.isSpent(record.kind === 'ticks' ? record.batch.count : 0);
      if (isSpent && end - start + 1 > FIRST_BLOCK_RECORDS) return null;
      if (position === end) break;
    }
    return { found, newestReceivedAtMs };
  }

  /** Receipt of the oldest ticks that the log has: looked up again when it has let some go. */
  private async availableFrom(): Promise<number | null> {
    const { log } = this.parts;
    const { firstPosition } = log.stats();
    if (this.oldest?.position === firstPosition && this.oldest.receivedAtMs !== null) return this.oldest.receivedAtMs;
    let receivedAtMs: number | null = null;
    let records = 0;
    for await (const { record } of log.read(firstPosition - 1)) {
      if (record.kind === 'ticks') receivedAtMs = record.batch.receivedAtMs;
      if (receivedAtMs !== null || ++records > RECORDS_PER_TURN) break;
    }
    this.oldest = { position: firstPosition, receivedAtMs };
    return receivedAtMs;
  }
}

/** Bounds the work of one question, and lets others have a turn. */
class Budget {
  private readonly endMs: number;
  private readonly nowMs: () => number;
  private readonly signal: AbortSignal;
  private records: number;
  private ticks: number;
  private ticksToTurn = TICKS_PER_TURN;
  private recordsToTurn = RECORDS_PER_TURN;

  constructor({ nowMs, work = WORK }: Pick<QueryTicksParts, 'nowMs' | 'work'>, signal: AbortSignal) {
    this.nowMs = nowMs;
    this.endMs = nowMs() + work.searchMs;
    this.records = work.records;
    this.ticks = work.ticks;
    this.signal = signal;
  }

  async isSpent(ticks: number): Promise<boolean> {
    this.records--;
    this.ticks -= ticks;
    this.ticksToTurn -= ticks;
    if (this.ticksToTurn <= 0 || --this.recordsToTurn <= 0) {
      this.ticksToTurn = TICKS_PER_TURN;
      this.recordsToTurn = RECORDS_PER_TURN;
      await new Promise((resolve) => setImmediate(resolve));
      if (this.signal.aborted || this.nowMs() > this.endMs) return true;
    }
    return this.records <= 0 || this.ticks <= 0;
  }
}

function take(
  batch: TickBatch,
  position: number,
  { source, symbol, fromMs, toMs }: Wanted,
  isInPage: (row: number) => boolean,
  into: Found[],
): void {
  if (batch.source !== source) return;
  for (let row = 0; row < batch.count; row++) {
    const timestamp = batch.eventAtMs[row] ?? 0;
    if (batch.symbol[row] !== symbol || timestamp < fromMs || timestamp >= toMs || !isInPage(row)) continue;
    const quantity = batch.hasQuantity ? (batch.quantity[row] ?? Number.NaN) : Number.NaN;
    const tradeId = batch.hasTradeId ? (batch.tradeId[row] ?? NO_TRADE_ID) : NO_TRADE_ID;
    into.push({
      position,
      row,
      tick: {
        price: batch.price[row] ?? 0,
        quantity: Number.isNaN(quantity) ? null : quantity,
        tradeId: tradeId === NO_TRADE_ID ? null : tradeId,
        timestamp,
        receivedAt: batch.receivedAtMs,
      },
    });
  }
}

function isBehind(place: TickPlace | null, position: number, row: number): boolean {
  return place === null || position > place.position || (position === place.position && row > place.row);
}

function isBefore(place: TickPlace | null, position: number, row: number): boolean {
  return place === null || position < place.position || (position === place.position && row < place.row);
}

/** `resume`: where the search was given up; null = it has come to the end. */
function cut(
  found: readonly Found[],
  limit: number,
  resume: TickPlace | null,
): { found: Found[]; next: TickPlace | null } {
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const more = found.length > limit && last !== undefined;
  return { found: page, next: more ? { position: last.position, row: last.row } : resume };
}
