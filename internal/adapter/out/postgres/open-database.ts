import { setTimeout as pause } from 'node:timers/promises';
import { Backoff } from '../../../../pkg/concurrency/backoff.ts';
import { formatDuration } from '../../../../pkg/config/units.ts';
import { type Address, parseAddress } from './address.ts';
import { READ_MS } from './candle-reader.ts';
import { STATEMENT_MS } from './checkpoint-writer.ts';
import { numberAt } from './column-values.ts';
import { Link } from './link.ts';
import { checkMigrations, migrate, underLock } from './migrate.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';
import { type LogIdentity, takeOwnership } from './owner.ts';
import { PostgresStoreError } from './store-error.ts';
import { applyTimescale, findTimescale, NO_TIMESCALE, type Timescale } from './timescale.ts';

const PATIENCE_MS = 10_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;
const QUERY_MS = 5_000;
const OLDEST_SERVER = 150_000;

export interface PostgresOptions {
  /** `postgres://…` */
  readonly url: string;
  /** Made if it is not there. */
  readonly schema: string;
  /** Connections for reading. */
  readonly poolSize: number;
  /** null: for reading alone. */
  readonly log: LogIdentity | null;
  /** null = never; without TimescaleDB never either. */
  readonly compressAfterMs: number | null;
  /** null = never. */
  readonly retentionMs: number | null;
  readonly nowMs: () => number;
  /** How long a server that can't be reached is tried at the start. Default 10 s. */
  readonly patienceMs?: number;
  /** Default: where it can be had. */
  readonly useTimescale?: boolean;
  /** For tests. */
  readonly migrations?: readonly Migration[];
}

/** A database that is ready to be used. */
export interface Opened {
  readonly label: string;
  /** Of the right to write; null: for reading alone. */
  readonly epoch: number | null;
  readonly timescale: Timescale;
  /** For people. */
  readonly features: Readonly<Record<string, string>>;
  /** Candles before this time are for us to drop; null: nobody or TimescaleDB does it. */
  readonly dropBefore: (() => number) | null;
  readonly openWriter: () => Link;
  readonly openReader: () => Link;
}

export async function openDatabase(options: PostgresOptions): Promise<Opened> {
  const { url, patienceMs = PATIENCE_MS } = options;
  const address = parseAddress(url);
  const open = linkOpener(address, options.schema);
  const endsAtMs = performance.now() + patienceMs;
  const backoff = new Backoff({ minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS, random: Math.random });
  for (;;) {
    try {
      return await openOnce(options, address, open);
    } catch (cause) {
      const error = PostgresStoreError.from(cause, address.label);
      const waitMs = backoff.nextMs();
      if (error.severity !== 'retry' || performance.now() + waitMs > endsAtMs) throw error;
      await pause(waitMs);
    }
  }
}

async function openOnce(options: PostgresOptions, address: Address, open: LinkOpener): Promise<Opened> {
  const { log, nowMs, retentionMs, migrations = MIGRATIONS } = options;
  const { label } = address;
  const link = open({ lockMs: QUERY_MS - 1_000 });
  try {
    await refuseOldServer(link, label);
    const timescale = log === null ? await lookAt(link, options, migrations, label) : await setUp(link, open, options);
    const epoch = log === null ? null : await takeOwnership(link, log, label);
    return {
      label,
      epoch,
      timescale,
      features: featuresOf(timescale, options),
      dropBefore:
        epoch === null || retentionMs === null || timescale.dropAfterMs !== null
          ? null
          : () => Math.floor(nowMs() - retentionMs),
      openWriter: () =>
        open({ statementMs: STATEMENT_MS, lockMs: STATEMENT_MS / 2, isHypertable: timescale.version !== null }),
      openReader: () => open({ statementMs: READ_MS, lockMs: READ_MS }),
    };
  } finally {
    await link.close();
  }
}

async function setUp(link: Link, open: LinkOpener, options: PostgresOptions): Promise<Timescale> {
  const { schema, migrations = MIGRATIONS, useTimescale = true } = options;
  const { label } = parseAddress(options.url);
  await checkMigrations(link, migrations, label);
  return underLock(link, schema, label, async () => {
    await createSchema(link, schema);
    await migrate(link, migrations, label);
    if (!useTimescale) return NO_TIMESCALE;
    return applyTimescale(link, () => open({}), options);
  });
}

/** For reading alone nothing is changed if it need not be: the rights may be those of a reader. */
async function lookAt(
  link: Link,
  { schema }: PostgresOptions,
  migrations: readonly Migration[],
  label: string,
): Promise<Timescale> {
  if ((await checkMigrations(link, migrations, label)) < migrations.length) {
    await underLock(link, schema, label, async () => {
      await createSchema(link, schema);
      await migrate(link, migrations, label);
    });
  }
  return findTimescale(link, schema);
}

async function createSchema(link: Link, schema: string): Promise<void> {
  const known = 'SELECT 1 FROM pg_namespace WHERE nspname = $1';
  if ((await link.query(known, [schema], QUERY_MS)).rows.length > 0) return;
  await link.script(`CREATE SCHEMA IF NOT EXISTS "${schema}"`, QUERY_MS);
}

async function refuseOldServer(link: Link, label: string): Promise<void> {
  const [row = []] = (await link.query("SELECT current_setting('server_version_num')::int", [], QUERY_MS)).rows;
  if (numberAt(row, 0) >= OLDEST_SERVER) return;
  const major = Math.floor(numberAt(row, 0) / 10_000);
  throw new PostgresStoreError('old_server', `${label}: PostgreSQL ${major} is older than ${OLDEST_SERVER / 10_000}`);
}

interface SessionLimits {
  /** What the server gives up after by itself; ours come first or not at all. Default: never. */
  readonly statementMs?: number;
  readonly lockMs?: number;
  readonly isHypertable?: boolean;
}

type LinkOpener = (limits: SessionLimits) => Link;

/** A transaction that nobody goes on with gives its locks back after this, a dead peer is noticed after three. */
const IDLE_MS = 5_000;

/** Stays with a server of the address until that fails, then goes on with the next. */
function linkOpener(address: Address, schema: string): LinkOpener {
  let current = 0;
  return ({ statementMs, lockMs, isHypertable = false }) => {
    const index = current;
    const server = address.servers[index];
    if (server === undefined) throw new PostgresStoreError('bad_address', 'postgres.url: no server');
    const parameters = {
      search_path: `"${schema}"`,
      TimeZone: 'UTC',
      extra_float_digits: '3',
      bytea_output: 'hex',
      idle_in_transaction_session_timeout: String(IDLE_MS),
      tcp_keepalives_idle: '5',
      tcp_keepalives_interval: '5',
      tcp_keepalives_count: '2',
      ...(statementMs === undefined ? {} : { statement_timeout: String(statementMs) }),
      ...(lockMs === undefined ? {} : { lock_timeout: String(lockMs) }),
      // A revision of an old candle unpacks what is packed beside it; 100,000 rows are the extension's own limit.
      ...(isHypertable ? { 'timescaledb.max_tuples_decompressed_per_dml_transaction': '0' } : {}),
    };
    const onUnusable = () => {
      if (current === index) current = (index + 1) % address.servers.length;
    };
    return new Link({ address, server, parameters, onUnusable });
  };
}

function featuresOf(timescale: Timescale, { retentionMs }: PostgresOptions): Readonly<Record<string, string>> {
  const shown = (ms: number | null) => (ms === null ? 'off' : formatDuration(ms));
  const { version, compressAfterMs } = timescale;
  return {
    timescale: version ?? 'off',
    compressAfter: shown(compressAfterMs),
    retention: shown(timescale.dropAfterMs ?? retentionMs),
  };
}
