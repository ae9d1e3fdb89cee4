import type { Extremes } from '../../../domain/model/candle.ts';
import type { Mode, ModeState } from '../../../domain/model/mode.ts';
import type { Audit, ExchangeInfo, HealthReport, SymbolInfo } from '../in/queries.ts';

/** The newest tick of one pair. */
export interface PublishedTick {
  readonly symbol: string;
  readonly price: number;
  /** The exchange's clock, Unix ms. */
  readonly eventAtMs: number;
  /** Our clock, Unix ms. */
  readonly receivedAtMs: number;
  /** Log position as of which this is the newest. */
  readonly position: number;
}

/** The ticks of one pair in one second of event time. */
export interface SecondBucket {
  readonly symbol: string;
  /** Opening of the second, Unix ms. */
  readonly openMs: number;
  /** Log position as of which this is all of them. */
  readonly position: number;
  readonly summary: Extremes;
  /** First and last price in the exchange's sequence; null where it is not known any more. */
  readonly open: number | null;
  readonly close: number | null;
}

/** How far the seconds that are published go. Both are true of everything that was published with them or before. */
export interface Coverage {
  /** Every second of the last ten minutes that opens at or after this is there, if it had ticks. */
  readonly coveredFromMs: number;
  /** On a minute's edge: the candle store has every tick before it. */
  readonly storedBeforeMs: number;
}

/** What is said at once of one (mode, exchange): what changed, or a part of everything. */
export interface SourceNews extends Coverage {
  readonly mode: Mode;
  readonly exchange: string;
  /** Begins to say everything again: `latest` has every pair. Such news is never answered by `lost`. */
  readonly full: boolean;
  readonly latest: readonly PublishedTick[];
  readonly seconds: readonly SecondBucket[];
}

export interface Published {
  /**
   * done: it is there · lost: nothing was written, because what this run said last is not there (emptied, replaced by
   * another server's content, or never said): say everything · superseded: nothing was written, a later run publishes.
   */
  readonly outcome: 'done' | 'lost' | 'superseded';
  /** Keys that hold something that is not ours: left alone, with what belonged there. */
  readonly foreignKeys: readonly string[];
}

/** What a reader has to know before it can ask: mode and names. */
export interface Standing {
  readonly mode: ModeState;
  /** Exchanges of each mode that are known. */
  readonly exchanges: Readonly<Record<Mode, readonly string[]>>;
  /** Accepted symbols. */
  readonly symbols: readonly string[];
}

/** What the publishing process says of itself. */
export interface SystemReport {
  /** Our clock, Unix ms. */
  readonly atMs: number;
  readonly health: HealthReport;
  readonly audit: Audit;
  readonly symbols: readonly SymbolInfo[];
  readonly exchanges: readonly ExchangeInfo[];
}

export interface PublishedSeconds extends Coverage {
  readonly latest: PublishedTick | null;
  /** Ascending; those that open in the range that was asked for. */
  readonly seconds: readonly SecondBucket[];
}

/** Which process publishes: of two the one that started later is right, while it publishes. */
export interface PublishingRun {
  readonly startedAtMs: number;
  /** Distinguishes runs of one moment; letters and digits. */
  readonly tag: string;
}

/**
 * Latest prices and the last ten minutes by the second, outside the process that folds the ticks, so that others can
 * answer. A cache: never the only copy of anything, and any of it may be gone at any time. Seconds go by themselves
 * twelve minutes after they opened. Every call settles within `CACHE_DEADLINE_MS`; rejections say which fault it is.
 */
export interface LatestPrices {
  readonly kind: string;
  /**
   * All of it or nothing of one source, but for foreign keys. A tick never replaces one that is newer by (event time,
   * log position), a second never one of the same run and a higher position; what an earlier run said of the source
   * goes when a later one says everything.
   */
  publish(news: SourceNews): Promise<Published>;
  announce(standing: Standing): Promise<Published>;
  /** Kept for five seconds: as long as it is there, the publishing process lives. */
  report(report: SystemReport): Promise<Published>;
  standing(): Promise<Standing | null>;
  lastReport(): Promise<SystemReport | null>;
  latest(mode: Mode, exchange: string, symbol: string): Promise<PublishedTick | null>;
  /** One pair's seconds in `[fromMs, toMs)`, both on seconds; null: nothing is known of the source. */
  seconds(mode: Mode, exchange: string, symbol: string, fromMs: number, toMs: number): Promise<PublishedSeconds | null>;
  close(): Promise<void>;
}

export const CACHE_DEADLINE_MS = 500;
