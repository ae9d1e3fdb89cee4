import assert from 'node:assert/strict';
import { MemoryCandleStore } from '../../adapter/out/memory/memory-candle-store.ts';
import type { LogRecord } from '../../domain/model/log-record.ts';
import { type BatchSetting, DICTIONARY, type Tick, ticksRecord } from '../../domain/service/market.test-kit.ts';
import {
  type StreamEnd,
  type StreamLimits,
  type StreamMessage,
  type StreamSession,
  type StreamSink,
  TICK_FIELDS,
  type TopicMessage,
} from '../port/in/market-stream.ts';
import type { HealthReport } from '../port/in/queries.ts';
import { FakeFeeds, ManualClock, newState } from './fakes.test-kit.ts';
import { QueryPrices } from './query-prices.ts';
import { StreamHub } from './stream-hub.ts';
import { TickTap } from './stream-tap.ts';
import { SymbolDirectory } from './symbol-directory.ts';

export const LIMITS: StreamLimits = { clients: 3, topics: 12, wildcards: 2, intervalMs: 20, slowMs: 10_000 };

const HEALTH: HealthReport = {
  ...{ status: 'ok', mode: 'live', role: 'all', uptimeMs: 1, version: '0', sources: [] },
  ...{ storage: { kind: 'memory', status: 'ok' }, cache: { kind: 'memory', status: 'ok' } },
  tickLog: { kind: 'memory', status: 'ok', bytes: 0, segments: 0 },
};

/** A client that reads when it is told to. */
export class FakeSink implements StreamSink {
  readonly transport = 'websocket';
  readonly messages: StreamMessage[] = [];
  ended: StreamEnd | null = null;
  isFull = false;
  session!: StreamSession;
  /** Last sequence of each topic. */
  readonly seen = new Map<string, number>();
  private taken = 0;

  send(message: StreamMessage): void {
    this.messages.push(message);
    if (message.type === 'mode') this.seen.clear();
    if ('data' in message) this.check(message);
    if (message.type === 'resumed') this.seen.set(message.topic, message.seq);
  }

  end(cause: StreamEnd): void {
    this.ended = cause;
  }

  /** What has come since the last call. */
  take(): StreamMessage[] {
    const messages = this.messages.slice(this.taken);
    this.taken = this.messages.length;
    return messages;
  }

  /** The same, of topics only. */
  takeTopics(): TopicMessage[] {
    return this.take().filter((message) => 'data' in message);
  }

  drain(): void {
    this.isFull = false;
    this.session.drained();
  }

  subscribe(
    channel: string,
    exchanges: readonly string[] = ['one'],
    symbols: readonly string[] = ['A'],
    resume: Readonly<Record<string, number>> = {},
  ): boolean {
    const request = { id: 'x', channel, exchanges, symbols, resume: new Map(Object.entries(resume)) };
    return this.session.subscribe(request);
  }

  /** The promise about sequences, kept for every message. */
  private check({ type, topic, seq, dropped }: TopicMessage): void {
    const last = this.seen.get(topic);
    if (type === 'update') assert.equal(seq, (last ?? Number.NaN) + 1 + dropped, topic);
    this.seen.set(topic, seq);
  }
}

/** A process with its state and clock, whose turns come when they are told to. */
export class StreamRig {
  readonly clock = new ManualClock();
  readonly state = newState();
  readonly tap = new TickTap(this.state);
  readonly feeds = new FakeFeeds();
  readonly hub: StreamHub;
  scheduled = 0;
  private position = 0;

  constructor(limits: Partial<StreamLimits> = {}) {
    const { state, tap, feeds, clock } = this;
    const { nowMs } = clock;
    const symbols = new SymbolDirectory(['A', 'B', 'C', 'D'], '*', 100);
    const sources = [
      { exchange: 'one', state: 'live' as const, lastTickAt: 1, ageMs: 1, ticksPerSecond: 2, reconnects: 0 },
      { exchange: 'two', state: 'live' as const, lastTickAt: 1, ageMs: 1, ticksPerSecond: 3, reconnects: 0 },
    ];
    this.hub = new StreamHub({
      ...{ state, tap, feeds, symbols, nowMs },
      prices: new QueryPrices({ state, feeds, symbols, nowMs, store: new MemoryCandleStore() }),
      system: { health: () => ({ ...HEALTH, sources }) },
      limits: { ...LIMITS, ...limits },
      schedule: () => this.scheduled++,
      newSessionId: () => 'session',
    });
    for (const record of DICTIONARY) this.fold(record);
  }

  fold(record: LogRecord): void {
    this.state.apply(record, ++this.position);
    this.tap.folded(record);
  }

  ticks(ticks: readonly Tick[], setting: BatchSetting = {}): void {
    const epoch = this.state.mode?.epoch ?? 0;
    this.fold(ticksRecord(ticks, { epoch, receivedAtMs: this.clock.ms, ...setting }));
  }

  /** Ticks of these prices, now. */
  prices(prices: readonly number[], symbol = 0, source = 0): void {
    this.ticks(
      prices.map((price) => ({ symbol, price, atMs: this.clock.ms })),
      { source },
    );
  }

  switchTo(mode: 'live' | 'test'): void {
    const epoch = (this.state.mode?.epoch ?? 0) + 1;
    this.fold({ kind: 'mode', mode, epoch, atMs: this.clock.ms, switched: true });
  }

  turn(passedMs = 20): void {
    this.clock.ms += passedMs;
    this.hub.turn();
  }

  connect(): FakeSink {
    const sink = new FakeSink();
    const session = this.hub.open(sink);
    assert.ok(session !== null);
    sink.session = session;
    return sink;
  }
}

/** Prices of the ticks in messages. */
export function pricesOf(messages: readonly TopicMessage[]): number[] {
  return messages.flatMap(({ data }) => {
    if (data.channel !== 'ticks') return [];
    const { count, values } = data.ticks;
    return Array.from({ length: count }, (_, row) => values[row * TICK_FIELDS]!);
  });
}

/** Of the newest price in a message of `latest`. */
export function latestOf(message: TopicMessage | undefined): number | null {
  assert.ok(message?.data.channel === 'latest');
  return message.data.latest?.price ?? null;
}
