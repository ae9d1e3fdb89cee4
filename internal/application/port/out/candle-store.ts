import type { Extremes } from '../../../domain/model/candle.ts';
import type { Checkpoint, CheckpointDelta } from '../../../domain/model/checkpoint.ts';
import type { Mode } from '../../../domain/model/mode.ts';

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
  readonly kind: string;
  close(): Promise<void>;
}
