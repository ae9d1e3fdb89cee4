import type { Mode, ModeState } from '../../../domain/model/mode.ts';
import type { RejectionReason } from '../../../domain/model/rejection.ts';

/** Why a question has no answer. Part of every answer's type: a wrong symbol is expected, not exceptional. */
export type QueryFailure = 'unknown_symbol' | 'unknown_exchange' | 'no_data' | 'unavailable';

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: QueryFailure; readonly detail: string };

/** live: ticks come · quiet: the feed is well but this pair is silent · stale: the feed is silent · down: no connection. */
export type PriceStatus = 'live' | 'quiet' | 'stale' | 'down';

export interface LatestPrice {
  readonly exchange: string;
  readonly symbol: string;
  readonly price: number;
  /** Event time, Unix ms. */
  readonly timestamp: number;
  /** Our clock, Unix ms. */
  readonly receivedAt: number;
  /** Now − receivedAt. */
  readonly ageMs: number;
  readonly status: PriceStatus;
}

export interface ExtremePrice {
  readonly exchange: string;
  readonly symbol: string;
  readonly price: number;
  /** Event time of the tick, Unix ms. */
  readonly timestamp: number;
  /** As asked for; null = all recorded history of the mode. */
  readonly period: string | null;
  /** The window `[from, to)` by event time, Unix ms: the figure is exact for it. */
  readonly from: number;
  readonly to: number;
  /** Ticks in the window. */
  readonly count: number;
}

export interface AveragePrice {
  /** Null when merged over exchanges. */
  readonly exchange: string | null;
  readonly symbol: string;
  /** Mean over ticks. */
  readonly price: number;
  readonly period: string | null;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** A period as asked for: its text, and its length. */
export interface Period {
  readonly text: string;
  readonly ms: number;
}

/** Names are case-insensitive; `exchange` null = over all exchanges of the current mode; `period` null = all history. */
export interface PriceQueries {
  /** Synchronous where this process has the prices itself: it is asked for more than all else. */
  latest(exchange: string | null, symbol: string): Answer<LatestPrice> | Promise<Answer<LatestPrice>>;
  highest(exchange: string | null, symbol: string, period: Period | null): Promise<Answer<ExtremePrice>>;
  lowest(exchange: string | null, symbol: string, period: Period | null): Promise<Answer<ExtremePrice>>;
  average(exchange: string | null, symbol: string, period: Period | null): Promise<Answer<AveragePrice>>;
}

export interface ModeControl {
  current(): ModeState;
  /** Resolves when the switch is done. The mode in force: nothing changes. Concurrent calls are served one by one. */
  switchTo(mode: Mode): Promise<ModeState>;
}

/** connecting: never up since start · live · stale: connected, silent for longer than allowed · down: waiting for the next try. */
export type FeedState = 'connecting' | 'live' | 'stale' | 'down';

export interface SourceHealth {
  readonly exchange: string;
  readonly state: FeedState;
  /** Our clock at the newest tick, Unix ms; null before the first. */
  readonly lastTickAt: number | null;
  readonly ageMs: number | null;
  /** Mean over the last five seconds. */
  readonly ticksPerSecond: number;
  readonly reconnects: number;
}

export interface ComponentHealth {
  readonly kind: string;
  readonly status: 'ok' | 'degraded' | 'down';
  readonly detail?: string;
  /** What it runs with, name → value. */
  readonly features?: Readonly<Record<string, string>>;
}

export interface HealthReport {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly mode: Mode;
  readonly role: string;
  readonly uptimeMs: number;
  readonly version: string;
  readonly sources: readonly SourceHealth[];
  readonly storage: ComponentHealth;
  readonly cache: ComponentHealth;
  readonly tickLog: ComponentHealth & { readonly bytes: number; readonly segments: number };
}

/** Ready to answer, or the reasons why not. A source that is down is no reason. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/**
 * The books, over the data folder's life. `received = accepted + Σ rejected` and `accepted = counted + open`;
 * `balanced` says that the sums, taken from counters kept apart, agree.
 */
export interface Audit {
  readonly received: number;
  readonly accepted: number;
  readonly rejected: Readonly<Record<RejectionReason, number>>;
  readonly counted: number;
  readonly open: number;
  readonly balanced: boolean;
  /** Ticks in candles, added up from the candles themselves. */
  readonly inCandles: number;
  /** Log batches that could not be read back after a restart, and the ticks known to be in them: in no other figure. */
  readonly damaged: { readonly batches: number; readonly ticks: number };
  /** Position of the newest record in the log, of the newest folded one, and of the last checkpoint. */
  readonly position: { readonly log: number; readonly folded: number; readonly checkpoint: number };
  readonly exchanges: readonly {
    readonly mode: Mode;
    readonly exchange: string;
    readonly received: number;
    readonly counted: number;
    readonly rejected: Readonly<Record<RejectionReason, number>>;
  }[];
}

export interface SymbolInfo {
  readonly symbol: string;
  /** Best status over the exchanges of the current mode that have had a tick of it; null = no tick yet. */
  readonly status: PriceStatus | null;
  readonly exchanges: readonly {
    readonly exchange: string;
    readonly status: PriceStatus;
    readonly lastTickAt: number;
  }[];
}

export interface ExchangeInfo {
  readonly exchange: string;
  readonly mode: Mode;
  readonly state: FeedState;
  /** Where it is listened to, without secrets; null: nowhere at the moment, or no more. */
  readonly address: string | null;
  readonly symbols: readonly string[];
  readonly lastTickAt: number | null;
}

export interface SystemQueries {
  health(): HealthReport;
  readiness(): Readiness;
  audit(): Audit;
  symbols(): readonly SymbolInfo[];
  exchanges(): readonly ExchangeInfo[];
}
