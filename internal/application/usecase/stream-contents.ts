import { MINUTE_MS } from '../../domain/model/candle.ts';
import type { Mode } from '../../domain/model/mode.ts';
import type { Instrument } from '../../domain/service/instrument.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { SourceBook } from '../../domain/service/source-book.ts';
import type { TopicData } from '../port/in/market-stream.ts';
import type { Answer, LatestPrice, SystemQueries } from '../port/in/queries.ts';
import { candleOf } from './query-candles-view.ts';
import type { StateContent, Turn } from './stream-topic.ts';

/** Answers out of the state, at once. */
export interface LatestReader {
  latest(exchange: string, symbol: string): Answer<LatestPrice>;
}

const HEALTH_EVERY_MS = 1_000;
/** Candles of a snapshot: the newest of those in memory. */
const SNAPSHOT_CANDLES = 10;
/** Where a topic of candles stood is noted this often and for so long: what somebody missed in that time can be told. */
const MARK_EVERY_MS = 1_000;
const MARKS_MAX = 60;

/** The place of one pair in the state: known from the pair's first tick on. */
class PairPlace {
  source: SourceBook | undefined;
  instrument: Instrument | undefined;
  private readonly state: MarketState;
  private readonly exchange: string;
  private readonly symbol: string;
  private mode: Mode;

  constructor(state: MarketState, exchange: string, symbol: string) {
    this.state = state;
    this.exchange = exchange;
    this.symbol = symbol;
    this.mode = this.modeInForce;
  }

  /** False from the fold of a switch until `forget`: updates that are still to come are of the mode before. */
  get isInForce(): boolean {
    return this.mode === this.modeInForce;
  }

  find(): Instrument | undefined {
    this.source ??= this.state.source(this.mode, this.exchange);
    if (this.source !== undefined) this.instrument ??= this.state.instrument(this.source, this.symbol);
    return this.instrument;
  }

  forget(): void {
    this.mode = this.modeInForce;
    this.source = undefined;
    this.instrument = undefined;
  }

  private get modeInForce(): Mode {
    return this.state.mode?.mode ?? 'test';
  }
}

/** The newest tick of a pair, and whether its feed is well. */
export class LatestContent implements StateContent {
  private readonly prices: LatestReader;
  private readonly exchange: string;
  private readonly symbol: string;
  private readonly place: PairPlace;
  private seenAt = 0;
  private last: LatestPrice | null = null;

  constructor(state: MarketState, prices: LatestReader, exchange: string, symbol: string) {
    this.prices = prices;
    this.exchange = exchange;
    this.symbol = symbol;
    this.place = new PairPlace(state, exchange, symbol);
  }

  changes({ isSweep }: Turn): TopicData | null {
    // The reader answers for the mode in force.
    if (!this.place.isInForce) return null;
    const instrument = this.place.find();
    if (instrument === undefined || (!isSweep && instrument.changedAt <= this.seenAt)) return null;
    this.seenAt = instrument.changedAt;
    const latest = this.read();
    if (latest === null || (this.last !== null && isSame(latest, this.last))) return null;
    this.last = latest;
    return { channel: 'latest', latest };
  }

  snapshot(): TopicData {
    return { channel: 'latest', latest: this.read() };
  }

  published(): void {}

  since(): TopicData {
    return this.snapshot();
  }

  restart(): void {
    this.place.forget();
    this.seenAt = this.place.find()?.changedAt ?? 0;
    this.last = this.read();
  }

  private read(): LatestPrice | null {
    const answer = this.prices.latest(this.exchange, this.symbol);
    return answer.ok ? answer.value : null;
  }
}

function isSame(a: LatestPrice, b: LatestPrice): boolean {
  return a.timestamp === b.timestamp && a.price === b.price && a.receivedAt === b.receivedAt && a.status === b.status;
}

/** The candles of one pair and interval that changed. */
export class CandleContent implements StateContent {
  private readonly state: MarketState;
  private readonly intervalMs: number;
  private readonly place: PairPlace;
  /** Log position up to which changes have been told. */
  private toldTo = 0;
  /** Where the topic stood, oldest first. */
  private marks: { readonly seq: number; readonly position: number; readonly atMs: number }[] = [];

  constructor(state: MarketState, exchange: string, symbol: string, intervalMs: number) {
    this.state = state;
    this.intervalMs = intervalMs;
    this.place = new PairPlace(state, exchange, symbol);
  }

  changes({ isSweep }: Turn): TopicData | null {
    const instrument = this.place.find();
    if (instrument === undefined) return null;
    let changedAt = Math.max(instrument.changedAt, instrument.settledAt);
    // A second is closed by the source's other pairs too, and the pair does not say so.
    if (isSweep && this.intervalMs < MINUTE_MS) changedAt = this.place.source?.changedAt ?? changedAt;
    if (changedAt <= this.toldTo) return null;
    const data = this.after(this.toldTo);
    this.toldTo = this.state.position;
    return data.candles.length === 0 ? null : data;
  }

  snapshot(): TopicData {
    const { candles } = this.after(0);
    return { channel: 'candles', candles: candles.slice(-SNAPSHOT_CANDLES) };
  }

  published(seq: number, nowMs: number): void {
    if (nowMs - (this.marks.at(-1)?.atMs ?? 0) < MARK_EVERY_MS) return;
    this.marks.push({ seq, position: this.toldTo, atMs: nowMs });
    if (this.marks.length > MARKS_MAX) this.marks.shift();
  }

  since(seq: number): TopicData | null {
    const mark = this.marks.findLast((one) => one.seq <= seq);
    return mark === undefined ? null : this.after(mark.position);
  }

  restart(seq: number): void {
    this.place.forget();
    this.toldTo = this.state.position;
    this.marks = [{ seq, position: this.toldTo, atMs: 0 }];
  }

  private after(position: number): Extract<TopicData, { channel: 'candles' }> {
    const instrument = this.place.find();
    const { source } = this.place;
    if (source === undefined || instrument === undefined) return { channel: 'candles', candles: [] };
    const rows = this.state.candlesInMemory(source, instrument, this.intervalMs);
    return { channel: 'candles', candles: rows.filter((row) => row.position > position).map(candleOf) };
  }
}

/** About once a second: how the sources are. */
export class HealthContent implements StateContent {
  private readonly system: Pick<SystemQueries, 'health'>;
  private toldAtMs = 0;

  constructor(system: Pick<SystemQueries, 'health'>) {
    this.system = system;
  }

  changes({ nowMs }: Turn): TopicData | null {
    if (Math.abs(nowMs - this.toldAtMs) < HEALTH_EVERY_MS) return null;
    this.toldAtMs = nowMs;
    return this.snapshot();
  }

  snapshot(): TopicData {
    const { status, sources } = this.system.health();
    const ticksPerSecond = sources.reduce((sum, source) => sum + source.ticksPerSecond, 0);
    return { channel: 'health', health: { status, ticksPerSecond, sources } };
  }

  published(): void {}

  since(): TopicData {
    return this.snapshot();
  }

  restart(): void {
    this.toldAtMs = 0;
  }
}
