import type { Extremes } from '../../../domain/model/candle.ts';
import type { CandleRow, Checkpoint, CheckpointDelta } from '../../../domain/model/checkpoint.ts';
import type { Mode } from '../../../domain/model/mode.ts';

export interface CandleRange {
  readonly mode: Mode;
  readonly exchange: string;
  readonly symbol: string;
  readonly intervalMs: number;
  /** Candles that open in `[fromMs, toMs)`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** At most this many rows. */
  readonly limit: number;
  /** By open time; `desc` gives the newest of the range. */
  readonly order: 'asc' | 'desc';
}

/** Keeps candles and the checkpoint that they belong to: always both or neither. */
export interface CandleStore {
  /** The state to resume from; null when nothing was ever committed. */
  load(): Promise<Checkpoint | null>;
  /**
   * Writes candles (replaced, unless the stored row has a higher position) and checkpoint in one transaction.
   * Rejects with the state before the call intact; the caller may try the same delta, or a later one, again.
   */
  commit(delta: CheckpointDelta): Promise<void>;
  /** The fold of the one-minute candles of one pair that open in `[fromMs, toMs)`; `count` 0 when there are none. */
  summarise(mode: Mode, exchange: string, symbol: string, fromMs: number, toMs: number): Promise<Extremes>;
  /** The stored candles of a range, in its order. */
  candles(range: CandleRange): Promise<readonly CandleRow[]>;
  /** The newest one-minute candle of every pair of a mode. */
  newest(mode: Mode): Promise<readonly CandleRow[]>;
  readonly kind: string;
  /** What it runs with, name → value, for people. */
  readonly features?: Readonly<Record<string, string>>;
  close(): Promise<void>;
}
