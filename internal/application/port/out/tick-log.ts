import type { LogEntry, LogRecord } from '../../../domain/model/log-record.ts';

/**
 * The log that makes a tick accepted. Append → position, read from position; the same semantics in memory,
 * on disk and (later) over Kafka.
 */
export interface TickLog {
  /**
   * Appends in call order and resolves, in the same order, with the record's position once it is as durable as
   * configured. The record's batch is read before `append` returns to its caller's next turn only up to the encoding:
   * the caller must leave the batch untouched until the promise settles.
   * Waits while the log is full (the checkpoint has not passed its oldest part) or the disk is short of space.
   * Rejects only when the log is broken for good (an fsync failed) or closed.
   */
  append(record: LogRecord): Promise<number>;
  /**
   * Every record after `position`, oldest first, up to the last one at the time of the call. The `TickBatch` of an
   * entry is reused: it is valid until the next step. What can't be read comes as a `damage` record.
   */
  read(afterPosition: number): AsyncIterable<LogEntry>;
  /** The checkpoint has passed `position`: parts of the log up to it may be dropped, by age and size. */
  release(position: number): void;
  stats(): TickLogStats;
  /** Writes what is pending, then closes. Idempotent. */
  close(): Promise<void>;
}

export interface TickLogStats {
  readonly kind: string;
  readonly bytes: number;
  /** Records that were appended and not yet durable. */
  readonly pendingRecords: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly segments: number;
  /** `ok`, or why appends wait at the moment. */
  readonly state: 'ok' | 'full' | 'low_disk';
  readonly damagedBatches: number;
}
