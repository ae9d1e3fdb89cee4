import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';
import type { HealthReport, LatestPrice, SymbolInfo } from '../../../../../../application/port/in/queries.ts';
import type { Mode } from '../../../../../../domain/model/mode.ts';
import { type ApiAnswer, askApi, pathOf } from './api.ts';
import { Poll } from './poll.ts';
import type { MarketLink, StreamState } from './stream.ts';
import { pairKey, type ServerMessage, type Subscription } from './stream-wire.ts';

export interface PolledStreamParts {
  readonly nowMs: () => number;
  readonly onMessage: (message: ServerMessage) => void;
  readonly onState: (state: StreamState) => void;
}

const EVERY_MS = 2_000;
const CANDLES = 3;
/** Prices of one round, and how many are asked for at a time. */
const PRICES_MAX = 60;
const PARALLEL = 4;

/** For a process that has no stream, because another one has the feeds: asks for what a stream would say. */
export class PolledStream implements MarketLink {
  private readonly parts: PolledStreamParts;
  private readonly wanted = new Map<string, Subscription>();
  private readonly poll = new Poll(
    () => EVERY_MS,
    () => this.round(),
  );
  private inForce: { readonly mode: Mode; readonly epoch: number } | null = null;
  private isOpen = false;
  private tries = 0;
  private seq = 0;

  constructor(parts: PolledStreamParts) {
    this.parts = parts;
  }

  start(): void {
    this.poll.start();
  }

  pause(): void {
    this.poll.stop();
    this.isOpen = false;
    this.parts.onState({ kind: 'paused' });
  }

  retryNow(): void {
    this.poll.now();
  }

  want(id: string, subscription: Subscription | null): void {
    if (subscription === null) this.wanted.delete(id);
    else this.wanted.set(id, subscription);
    this.poll.now();
  }

  private async round(): Promise<void> {
    const mode = await askApi<{ readonly mode: Mode; readonly epoch: number }>('/mode');
    if (!mode.ok) {
      this.isOpen = false;
      this.tries++;
      this.parts.onState({ kind: 'lost', tries: this.tries, retryAtMs: this.parts.nowMs() + EVERY_MS });
      return;
    }
    this.tell(mode.value);
    const asks = [...this.wanted.values()].map((subscription) => this.ask(subscription));
    await Promise.all(asks);
  }

  private tell({ mode, epoch }: { readonly mode: Mode; readonly epoch: number }): void {
    const before = this.inForce;
    this.inForce = { mode, epoch };
    if (!this.isOpen) {
      this.isOpen = true;
      this.tries = 0;
      this.parts.onState({ kind: 'open' });
      this.parts.onMessage({ type: 'welcome', mode, epoch, limits: { topics: PRICES_MAX } });
    } else if (before?.epoch !== epoch) this.parts.onMessage({ type: 'mode', mode, epoch });
  }

  private async ask({ channel, exchanges = [], symbols = [] }: Subscription): Promise<void> {
    if (channel === 'health') await this.askHealth();
    else if (channel === 'latest') await this.askPrices(symbols);
    else await this.askCandles(channel, exchanges[0] ?? '', symbols[0] ?? '');
  }

  private async askHealth(): Promise<void> {
    const answer = await askApi<HealthReport>('/health', { also: [503] });
    if (!answer.ok) return;
    const { status, sources } = answer.value;
    const ticksPerSecond = sources.reduce((sum, source) => sum + source.ticksPerSecond, 0);
    this.update('health', { status, ticksPerSecond, sources });
  }

  /** Of the pairs that are known to have one. */
  private async askPrices(symbols: readonly string[]): Promise<void> {
    const answer = await askApi<{ readonly symbols: readonly SymbolInfo[] }>('/v1/symbols');
    if (!answer.ok) return;
    const infos = answer.value.symbols.filter(({ symbol }) => symbols.includes(symbol));
    const pairs = infos.flatMap(({ symbol, exchanges }) => exchanges.map(({ exchange }) => ({ exchange, symbol })));
    const rest = pairs.slice(0, PRICES_MAX);
    const work = async (): Promise<void> => {
      for (let pair = rest.shift(); pair !== undefined; pair = rest.shift()) {
        const { exchange, symbol } = pair;
        const latest: ApiAnswer<LatestPrice> = await askApi(pathOf(['prices', 'latest', exchange, symbol]));
        if (latest.ok) this.update(`latest:${pairKey(exchange, symbol)}`, latest.value);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }

  private async askCandles(channel: string, exchange: string, symbol: string): Promise<void> {
    if (this.inForce === null) return;
    const interval = channel.slice('candles:'.length);
    const query = { interval, mode: this.inForce.mode, limit: CANDLES };
    const path = pathOf(['v1', 'candles', exchange, symbol], query);
    const answer = await askApi<{ readonly candles: readonly Candle[] }>(path);
    if (answer.ok) this.update(`${channel}:${pairKey(exchange, symbol)}`, answer.value.candles);
  }

  private update(topic: string, data: Extract<ServerMessage, { type: 'update' | 'snapshot' }>['data']): void {
    this.parts.onMessage({ type: 'update', topic, seq: this.seq++, data });
  }
}
