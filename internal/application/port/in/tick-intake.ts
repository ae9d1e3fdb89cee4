import type { Mode } from '../../../domain/model/mode.ts';
import type { TickBatch } from '../../../domain/model/tick-batch.ts';

/** One accepted symbol: its name, and its id in batches and in the log. */
export interface SymbolEntry {
  readonly name: string;
  readonly id: number;
}

/** The symbols that ticks may have. */
export interface AcceptedSymbols {
  /** At most so many names. */
  readonly limit: number;
  /** True: new names may be proposed (`TickBatch.newSymbols`) until the limit is reached. */
  readonly open: boolean;
  entries(): readonly SymbolEntry[];
  /** Called for each name that is added later. */
  onAdded(listener: (entry: SymbolEntry) => void): void;
}

/** Where feeds deliver. Calls for one source are in its order. */
export interface TickIntake {
  readonly symbols: AcceptedSymbols;
  /** The id that stands for (mode, exchange) in batches. */
  openSource(mode: Mode, exchange: string): number;
  /**
   * Takes a chunk with its books. Resolves when it is in the log and folded in: until then `batch` must be left alone,
   * and a feed should not have more than a few out. Never rejects; a log that is broken for good stops the process.
   */
  accept(batch: TickBatch): Promise<void>;
  /** The feed came up or went down, after all the ticks given before. */
  feedChanged(source: number, epoch: number, up: boolean, atMs: number): Promise<void>;
}
