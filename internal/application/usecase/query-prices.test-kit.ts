import { MemoryCandleStore } from '../../adapter/out/memory/memory-candle-store.ts';
import type { LogRecord } from '../../domain/model/log-record.ts';
import { TickBatch } from '../../domain/model/tick-batch.ts';
import { MarketState } from '../../domain/service/market-state.ts';
import { FakeFeeds, ManualClock, OPTIONS } from './fakes.test-kit.ts';
import { QueryPrices } from './query-prices.ts';
import { SymbolDirectory } from './symbol-directory.ts';

export interface SimTick {
  /** 0, 1: live feeds · 2: a live feed of old data · 3: a feed of test mode. */
  readonly source: number;
  readonly symbol: number;
  readonly price: number;
  readonly atMs: number;
}

export const EXCHANGES = ['one', 'two', 'old', 'one'];
export const SYMBOLS = ['BTC', 'ETH'];

/** A process with its log, store and clock, and beside it a plain list of all ticks that count. */
export class Simulation {
  readonly clock = new ManualClock();
  readonly counted: SimTick[] = [];
  readonly store = new GatedStore();
  readonly feeds = new FakeFeeds({ live: EXCHANGES.slice(0, 3), test: ['one'] });
  state: MarketState;
  queries!: QueryPrices;
  private readonly log: LogRecord[] = [];
  private readonly watermarks: number[] = [];

  private readonly intervalsMs: readonly number[];

  constructor(intervalsMs: readonly number[] = OPTIONS.intervalsMs) {
    this.intervalsMs = intervalsMs;
    this.state = this.newState();
    this.clock.ms += 17;
    this.append({ kind: 'mode', mode: 'live', epoch: 1, atMs: this.clock.ms, switched: false });
    for (const [id, exchange] of EXCHANGES.entries())
      this.append({ kind: 'source', id, mode: id === 3 ? 'test' : 'live', exchange });
    for (const [id, name] of SYMBOLS.entries()) this.append({ kind: 'symbol', id, name });
    this.open();
  }

  append(record: LogRecord): void {
    this.log.push(record);
    this.state.apply(record, this.log.length);
  }

  ticks(source: number, ticks: readonly SimTick[]): void {
    const batch = new TickBatch(Math.max(1, ticks.length));
    batch.reset(source, 1, this.clock.ms);
    for (const tick of ticks) {
      batch.push(tick.symbol, tick.price, tick.atMs);
      const watermarkMs = this.watermarks[source] ?? 0;
      if (tick.atMs < watermarkMs - OPTIONS.latenessMs) continue;
      this.counted.push({ ...tick, source });
      this.watermarks[source] = Math.max(watermarkMs, tick.atMs);
    }
    this.append({ kind: 'ticks', batch });
  }

  /** Beginning with the delta, so that ticks may come before it is stored. */
  async commit(): Promise<void> {
    const delta = this.state.delta();
    if (delta === null) return;
    const { state } = this;
    await this.store.commit(delta);
    if (state === this.state) state.committed(delta);
  }

  /** The process is gone, and a new one reads checkpoint and log. */
  async restart(): Promise<void> {
    this.state = this.newState();
    const checkpoint = await this.store.load();
    if (checkpoint !== null) this.state.restore(checkpoint);
    for (let at = this.state.position; at < this.log.length; at++) this.state.apply(this.log[at]!, at + 1);
    this.open();
  }

  private newState(): MarketState {
    return new MarketState({ ...OPTIONS, intervalsMs: this.intervalsMs });
  }

  private open(): void {
    const { state, store, feeds, clock } = this;
    const symbols = new SymbolDirectory(SYMBOLS, SYMBOLS, 8);
    this.queries = new QueryPrices({ state, store, feeds, symbols, nowMs: clock.nowMs });
  }
}

/** A store whose sums can be held back. */
export class GatedStore extends MemoryCandleStore {
  gate: Promise<void> = Promise.resolve();
  asked = 0;

  override async summarise(...question: Parameters<MemoryCandleStore['summarise']>) {
    this.asked++;
    await this.gate;
    return super.summarise(...question);
  }
}

export interface OracleAnswer {
  readonly from: number | null;
  readonly to: number | null;
  readonly ticks: readonly SimTick[];
}

/** The contract's window, and the ticks of live mode in it. `period` null = all history. */
export function oracle(
  counted: readonly SimTick[],
  exchange: string | null,
  symbol: number,
  periodMs: number | null,
  nowMs: number,
): OracleAnswer {
  const ofPair = counted.filter(
    (tick) => tick.source !== 3 && tick.symbol === symbol && (exchange === null || EXCHANGES[tick.source] === exchange),
  );
  if (periodMs === null) return { from: null, to: null, ticks: ofPair };
  const edgeMs = periodMs <= 60_000 ? 100 : periodMs <= 600_000 ? 1_000 : 60_000;
  let to = nowMs - (nowMs % edgeMs);
  while (to <= nowMs) to += edgeMs;
  let from = to;
  while (from > nowMs - periodMs) from -= edgeMs;
  return { from, to, ticks: ofPair.filter((tick) => tick.atMs >= from && tick.atMs < to) };
}
