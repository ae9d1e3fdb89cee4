import type { Mode } from '../../../domain/model/mode.ts';
import type { FeedState } from '../in/queries.ts';

/**
 * What an operator should hear of: one method for each thing that happens, which logs and counts it. Called at
 * changes, not at tries.
 */
export interface Happenings {
  /** `reason`: one line, e.g. the socket's error. */
  feedChanged(exchange: string, from: FeedState, to: FeedState, reason: string): void;
  reconnected(exchange: string): void;
  workerLost(reason: string, respawnInMs: number): void;
  modeSwitched(mode: Mode, epoch: number, tookMs: number): void;
  /** After start-up: what was read back. */
  replayed(records: number, ticks: number, tookMs: number): void;
  /** A group of records is in the tick log, as durable as configured. Once per group: thousands a second. */
  logWritten(tookMs: number): void;
  logDamaged(batches: number, ticks: number): void;
  checkpointWritten(rows: number, tookMs: number): void;
  /** The first failure of a series; `checkpointRecovered` ends it. */
  checkpointFailed(reason: string): void;
  checkpointRecovered(failedForMs: number): void;
  /** Latest prices do not get out whole; likewise the first of a series. */
  cacheFailed(reason: string): void;
  cacheRecovered(failedForMs: number): void;
  symbolAdded(name: string, known: number, limit: number): void;
  /** A chunk was folded: `ticks` of it, `lagMs` after its bytes were read. */
  chunkAccepted(ticks: number, lagMs: number): void;
}
