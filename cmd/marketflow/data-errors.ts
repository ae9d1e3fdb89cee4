import { MemoryTickLogError } from '../../internal/adapter/out/memory/memory-tick-log.ts';
import { PostgresStoreError } from '../../internal/adapter/out/postgres/store-error.ts';
import { StoreError } from '../../internal/adapter/out/sqlite/store-error.ts';
import { TickLogError } from '../../internal/adapter/out/wal/tick-log-error.ts';
import { EXIT_CODE, type ExitCode, StartupError } from './exit-code.ts';

const EXIT_OF_CODE: Readonly<Record<string, ExitCode>> = {
  newer_format: EXIT_CODE.config,
  corrupt_schema: EXIT_CODE.config,
  not_a_database: EXIT_CODE.config,
  corrupt: EXIT_CODE.config,
  bad_address: EXIT_CODE.config,
  internal: EXIT_CODE.internal,
  bad_record: EXIT_CODE.internal,
};

/** What a person can do about it, where the failure itself does not say. */
const ADVICE: Readonly<Record<string, string>> = {
  other_log:
    'start with that folder (dataDir), with an empty one to take over from it, or with another database or postgres.schema',
};

/** What the data folder or the database refused, as the reason why the process cannot start. */
export function asStartupError(error: unknown): unknown {
  const isOurs = error instanceof StoreError || error instanceof PostgresStoreError || error instanceof TickLogError;
  if (!isOurs) return error;
  const advice = ADVICE[error.code];
  const message = `${error.message}${advice === undefined ? '' : `: ${advice}`}`;
  return new StartupError(EXIT_OF_CODE[error.code] ?? EXIT_CODE.unavailable, message, { cause: error });
}

/** The tick log was closed before it took a record, perhaps for want of space: the record is in no book, and that is no fault. */
export function isClosedTickLog(error: unknown): boolean {
  const isOfLog = error instanceof TickLogError || error instanceof MemoryTickLogError;
  return isOfLog && (error.code === 'closed' || error.code === 'no_space');
}

/** The candle store was closed under a commit that a stop did not wait for: what it held is in the log, and that is no fault. */
export function isClosedCandleStore(error: unknown): boolean {
  return (error instanceof StoreError || error instanceof PostgresStoreError) && error.code === 'closed';
}

/** Why the database will take nothing more from this process, whatever it tries; null: that is not what failed. */
export function refusedByServer(error: unknown): string | null {
  const isRefusal = error instanceof PostgresStoreError && error.severity === 'fatal';
  return isRefusal && error.code !== 'internal' && error.code !== 'closed' ? error.message : null;
}
