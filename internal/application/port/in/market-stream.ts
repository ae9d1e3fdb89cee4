import type { Mode } from '../../../domain/model/mode.ts';
import type { Candle } from './candle-queries.ts';
import type { HealthReport, LatestPrice, SourceHealth } from './queries.ts';

/** Names are case-insensitive; `*` stands for all, also those that come later. `health` has neither. */
export interface TopicSelection {
  /** latest, ticks, health, or `candles:` and an interval that is kept: `candles:1m`. */
  readonly channel: string;
  readonly exchanges: readonly string[];
  readonly symbols: readonly string[];
}

export interface SubscribeRequest extends TopicSelection {
  /** The client's own name for this request; comes back in its answer. */
  readonly id: string | null;
  /** By topic, the last sequence that the client has seen of it. */
  readonly resume: ReadonlyMap<string, number>;
}

/** Fields of a row of `TickRows.values`, in this order. */
export const TICK_FIELDS = 5;

/** Ticks as rows of price, quantity (NaN: none), trade id (-1: none), event time and time of receipt, Unix ms. */
export interface TickRows {
  readonly count: number;
  readonly values: Float64Array;
}

export interface StreamHealth {
  readonly status: HealthReport['status'];
  /** Accepted ticks of all sources, mean over the last five seconds. */
  readonly ticksPerSecond: number;
  readonly sources: readonly SourceHealth[];
}

export type TopicData =
  /** Null: there has been no tick yet. */
  | { readonly channel: 'latest'; readonly latest: LatestPrice | null }
  /** Ascending by opening; each replaces what the client has of the same opening. */
  | { readonly channel: 'candles'; readonly candles: readonly Candle[] }
  /** Every counted tick, in the source's order. */
  | { readonly channel: 'ticks'; readonly ticks: TickRows }
  | { readonly channel: 'health'; readonly health: StreamHealth };

/**
 * What a topic says. Sequences rise by one for each update of a topic, whoever is there to see it; for one subscriber,
 * `seq` of an update = `seq` of the message before + 1 + `dropped`.
 */
export interface TopicMessage {
  /** snapshot: the state, in place of all that was known · update: what has changed. */
  readonly type: 'snapshot' | 'update';
  readonly topic: string;
  readonly seq: number;
  readonly data: TopicData;
  /** Updates that this subscriber was too slow for, or too long away; what still holds of them is in `data`. */
  readonly dropped: number;
  /** Ticks that came since the message before and are in no message to this subscriber. */
  readonly lost: number;
  /** A resume was asked for and is not possible: what came in between is not known here any more. */
  readonly refusedResume: boolean;
}

export type StreamErrorCode =
  | 'unknown_channel'
  | 'unknown_exchange'
  | 'unknown_symbol'
  | 'too_many_topics'
  | 'too_many_wildcards';

export type StreamMessage =
  | TopicMessage
  | {
      readonly type: 'welcome';
      readonly session: string;
      readonly mode: Mode;
      readonly epoch: number;
      readonly limits: StreamLimits;
    }
  | {
      readonly type: 'subscribed' | 'unsubscribed';
      readonly id: string | null;
      readonly topics: readonly string[];
    }
  /** What the client has seen of the topic up to `seq` stands; updates follow from there. */
  | { readonly type: 'resumed'; readonly topic: string; readonly seq: number }
  /** Everything of the other mode is over: a snapshot of every topic follows. */
  | { readonly type: 'mode'; readonly mode: Mode; readonly epoch: number }
  | { readonly type: 'error'; readonly id: string | null; readonly code: StreamErrorCode; readonly detail: string };

export interface StreamLimits {
  readonly clients: number;
  /** Of one client, those of its wildcards included. */
  readonly topics: number;
  /** Selections with a `*` that one client may have. */
  readonly wildcards: number;
  /** A topic has at most one update in so many ms. */
  readonly intervalMs: number;
  /** A client that has been behind for so long is closed. */
  readonly slowMs: number;
}

/** slow: behind for longer than `slowMs` · stopping: the process ends. */
export type StreamEnd = 'slow' | 'stopping';

/** A connection to one client, as the stream sees it. */
export interface StreamSink {
  readonly transport: 'websocket' | 'sse';
  /** True: so much is on its way that topics have to wait; `StreamSession.drained` is called when that is over. */
  readonly isFull: boolean;
  /** Takes a message. The same object goes to many sinks, one after the other, and never changes. */
  send(message: StreamMessage): void;
  end(cause: StreamEnd): void;
}

/** One client. Its own messages, and what it has subscribed to, are answered through its sink. */
export interface StreamSession {
  /** False: refused, and the client has been told why. */
  subscribe(request: SubscribeRequest): boolean;
  unsubscribe(id: string | null, selection: TopicSelection): void;
  /** The sink is not full any more. */
  drained(): void;
  /** The connection is gone. Idempotent. */
  close(): void;
}

/** Since the process started; `clients` and `topics` are those of now. */
export interface StreamStats {
  readonly clients: Readonly<Record<StreamSink['transport'], number>>;
  readonly topics: number;
  /** Messages of topics given to sinks. */
  readonly sent: number;
  /** Updates that slow clients did not get. */
  readonly dropped: number;
  /** Ticks that came faster than they could be encoded. */
  readonly ticksLost: number;
  readonly closedSlow: number;
}

export interface MarketStream {
  readonly limits: StreamLimits;
  /** Null: there are as many clients as there may be, or the process is stopping. */
  open(sink: StreamSink): StreamSession | null;
  stats(): StreamStats;
  /** Ends every session; none is opened any more. */
  close(): void;
}
