import type { Mode } from '../../../domain/model/mode.ts';
import type { FeedState } from '../in/queries.ts';

export interface FeedStatus {
  readonly exchange: string;
  /** Where it is listened to; no secrets. */
  readonly address: string;
  readonly state: FeedState;
  readonly reconnects: number;
  /** Our clock at the newest byte, Unix ms. */
  readonly lastByteAtMs: number | null;
}

/** The feeds of one mode at a time. They connect, fail and recover by themselves. */
export interface MarketFeeds {
  /** Begins to connect all sources of `mode`; returns at once, whatever they do. */
  start(mode: Mode, epoch: number): Promise<void>;
  /** Disconnects. Resolves when all that was read is accepted, or after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
  /** Of the running mode. */
  status(): readonly FeedStatus[];
  /** Of one exchange of the running mode; undefined: it has no such source. */
  stateOf(exchange: string): FeedState | undefined;
  /** Names of the sources that `mode` has, running or not. */
  exchanges(mode: Mode): readonly string[];
}
