import type { Socket } from 'node:net';
import type { EmulatorCounters } from './counters.ts';
import { FaultInjector } from './fault-injector.ts';
import type { FaultPlan } from './faults.ts';
import { LineRenderer } from './line-renderer.ts';
import { PacedConnection } from './paced-connection.ts';
import { Pacer } from './pacer.ts';
import { seededDraw } from './seeded-random.ts';
import type { OnSent } from './sent-batch.ts';
import { TickColumns, TickSource } from './tick-source.ts';

/** Ticks for the clients of one exchange, while it has any. */
export interface Market {
  join(socket: Socket, connection: number): void;
  /** Closes all connections and leaves no timer. */
  close(): void;
}

export interface MarketOptions {
  readonly exchange: string;
  readonly symbols: readonly string[];
  readonly seed: number;
  readonly withQuantity: boolean;
  readonly faults: FaultPlan;
  readonly nowMs: () => number;
  readonly onSent: OnSent | undefined;
  readonly counters: EmulatorCounters;
}

/** Ticks go out in batches this far apart; at high rates more often, so that a batch stays in the cache. */
const BATCH_INTERVAL_MS = 40;
const FAST_BATCH_INTERVAL_MS = 10;
const FAST_TICKS_PER_SECOND = 50_000;
const MIN_BATCH_TICKS = 256;
const MAX_BATCH_TICKS = 20_000;
/** The wall clock may be this much behind the last event time before event times follow it back. */
const CLOCK_JITTER_MS = 1_000;

/** All clients get the same ticks at the same time, at an exact rate, each with faults of its own. */
export class PacedMarket implements Market {
  readonly #options: MarketOptions;
  readonly #ticksPerSecond: number;
  readonly #intervalMs: number;
  readonly #batchTicks: number;
  readonly #source: TickSource;
  readonly #renderer: LineRenderer;
  readonly #ticks: TickColumns;
  readonly #pacer: Pacer;
  readonly #drawBurst: () => number;
  readonly #connections = new Set<PacedConnection>();
  #ticksUntilBurstDraw: number;
  #lastEventAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: MarketOptions, ticksPerSecond: number) {
    this.#options = options;
    this.#ticksPerSecond = ticksPerSecond;
    this.#intervalMs = ticksPerSecond > FAST_TICKS_PER_SECOND ? FAST_BATCH_INTERVAL_MS : BATCH_INTERVAL_MS;
    this.#batchTicks = Math.min(MAX_BATCH_TICKS, Math.max(MIN_BATCH_TICKS, Math.ceil(ticksPerSecond / 10)));
    const { exchange, symbols, seed, withQuantity } = options;
    this.#source = new TickSource(exchange, symbols, seed, withQuantity, options.nowMs());
    this.#renderer = new LineRenderer(this.#source, withQuantity);
    this.#ticks = new TickColumns(this.#batchTicks + (options.faults.get('burst')?.parameter ?? 0));
    this.#pacer = new Pacer(ticksPerSecond);
    this.#drawBurst = seededDraw(`${seed}/burst/${exchange}`);
    this.#ticksUntilBurstDraw = this.#ticksPerDraw();
  }

  join(socket: Socket, connection: number): void {
    const joined = new PacedConnection(socket, connection, this.#newInjector(connection), this.#options.counters);
    socket.once('close', () => this.#leave(joined));
    this.#connections.add(joined);
    if (this.#timer !== undefined) return;
    this.#pacer.start(performance.now());
    this.#timer = setTimeout(this.#sendDue, 0);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  /** Without clients the market stands still: no timer, and the next client gets the ticks that come next. */
  #leave(connection: PacedConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #sendDue = (): void => {
    const nowMs = performance.now();
    this.#options.counters.skippedTicks += this.#pacer.skipOverdue(nowMs);
    const due = Math.min(this.#batchTicks, this.#pacer.due(nowMs));
    if (due > 0) {
      this.#fill(due, nowMs);
      this.#broadcast(nowMs);
    }
    if (this.#closed) return;
    const aheadMs = this.#pacer.nextDueAtMs() - performance.now();
    this.#timer = setTimeout(this.#sendDue, aheadMs < 0 ? 0 : Math.max(this.#intervalMs, Math.ceil(aheadMs)));
  };

  /** Every tick bears the wall-clock time at which it was due. */
  #fill(due: number, nowMs: number): void {
    const ticks = this.#ticks;
    const wallMs = this.#options.nowMs();
    ticks.count = 0;
    for (let i = 0; i < due; i++) this.#source.append(ticks, this.#eventTime(wallMs - (nowMs - this.#pacer.take())));
    ticks.burstFrom = due;
    this.#ticksUntilBurstDraw -= due;
    if (this.#ticksUntilBurstDraw <= 0) this.#addBurst();
  }

  #eventTime(dueAtMs: number): number {
    const eventAtMs = Math.floor(dueAtMs);
    const behindMs = this.#lastEventAtMs - eventAtMs;
    if (behindMs > 0 && behindMs < CLOCK_JITTER_MS) return this.#lastEventAtMs;
    this.#lastEventAtMs = eventAtMs;
    return eventAtMs;
  }

  #addBurst(): void {
    this.#ticksUntilBurstDraw += this.#ticksPerDraw();
    const burst = this.#options.faults.get('burst');
    if (burst === undefined || this.#drawBurst() >= burst.probability) return;
    for (let i = 0; i < burst.parameter; i++) this.#source.append(this.#ticks, this.#lastEventAtMs);
  }

  #broadcast(nowMs: number): void {
    const shared = this.#options.faults.size === 0 ? this.#renderer.render(this.#ticks) : null;
    for (const connection of this.#connections) {
      if (!connection.takes(nowMs)) continue;
      if (shared !== null) this.#sendPlain(connection, shared);
      else if (connection.injector !== null) this.#sendFaulty(connection, connection.injector, nowMs);
    }
  }

  #sendPlain(connection: PacedConnection, bytes: Buffer): void {
    const { exchange, counters, onSent } = this.#options;
    const lineCount = this.#ticks.count;
    counters.lines += lineCount;
    onSent?.({ exchange, connection: connection.number, bytes, lineCount, lines: null });
    connection.send(bytes);
  }

  #sendFaulty(connection: PacedConnection, injector: FaultInjector, nowMs: number): void {
    const { exchange, counters, onSent, faults } = this.#options;
    const { bytes, lineCount, lines, splits, after } = injector.compose(this.#ticks);
    counters.lines += lineCount;
    if (lineCount > 0) onSent?.({ exchange, connection: connection.number, bytes, lineCount, lines });
    connection.send(bytes, splits);
    connection.act(after, nowMs, faults.get('stall')?.parameter ?? 0);
  }

  #newInjector(connection: number): FaultInjector | null {
    const { faults, seed, exchange, withQuantity, counters, onSent } = this.#options;
    if (faults.size === 0) return null;
    return new FaultInjector({
      plan: faults,
      seedKey: `${seed}/faults/${exchange}/${connection}`,
      source: this.#source,
      renderer: this.#renderer,
      withQuantity,
      ticksPerSecond: this.#ticksPerSecond,
      counts: counters.faults,
      listLines: onSent !== undefined,
    });
  }

  #ticksPerDraw(): number {
    return Math.max(1, Math.round(this.#ticksPerSecond));
  }
}
