import type { Mode } from './mode.ts';
import type { TickBatch } from './tick-batch.ts';

/**
 * What the tick log holds, in the one order that all state follows from. Everything that decides what a
 * candle says comes through here, so that a replay ends in the same state.
 */
export type LogRecord =
  | TicksRecord
  | FeedRecord
  | FinaliseRecord
  | ModeRecord
  | SourceRecord
  | SymbolRecord
  | DamageRecord;

/** One chunk of one source, with its books. Logged also when no line of it was a tick. */
export interface TicksRecord {
  readonly kind: 'ticks';
  readonly batch: TickBatch;
}

/** A feed came up or went down, in order with its ticks: gaps land on the right candles. */
export interface FeedRecord {
  readonly kind: 'feed';
  readonly source: number;
  readonly epoch: number;
  readonly up: boolean;
  /** Our clock, Unix ms. */
  readonly atMs: number;
}

/** The clock closes the minutes of a source that is silent: those that end at or before `upToMs` are final. */
export interface FinaliseRecord {
  readonly kind: 'finalise';
  readonly source: number;
  readonly upToMs: number;
}

export interface ModeRecord {
  readonly kind: 'mode';
  readonly mode: Mode;
  readonly epoch: number;
  readonly atMs: number;
  readonly switched: boolean;
}

/** Dictionary entry: a source id stands for one (mode, exchange). Precedes the id's first use. */
export interface SourceRecord {
  readonly kind: 'source';
  readonly id: number;
  readonly mode: Mode;
  readonly exchange: string;
}

/** Dictionary entry: a symbol id stands for one name. Precedes the id's first use. */
export interface SymbolRecord {
  readonly kind: 'symbol';
  readonly id: number;
  readonly name: string;
}

/**
 * Batches that could not be read back. Never written; a reader yields it in place of what it skipped.
 * `fromMs`/`toMs` bound the event times that may be missing; null = not known.
 */
export interface DamageRecord {
  readonly kind: 'damage';
  readonly batches: number;
  /** Ticks known to be missing; 0 where the header was unreadable too. */
  readonly ticks: number;
  /** Null: any source. */
  readonly source: number | null;
  /** Event times of the ticks; null: not known, as is always so of an unknown source. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** A record with its place: positions rise by one from 1, over restarts, for the life of the data folder. */
export interface LogEntry {
  readonly position: number;
  readonly record: LogRecord;
}
