import { numberAt, textAt } from './column-values.ts';
import type { Link } from './link.ts';
import { PostgresStoreError } from './store-error.ts';

const QUERY_MS = 5_000;
/** Making a hypertable of a table moves its rows. */
const CONVERT_MS = 3_600_000;
const OLDEST = [2, 15] as const;
const CHUNK_MS = 7 * 86_400_000;

export interface ChunkSettings {
  readonly schema: string;
  /** null = never. */
  readonly compressAfterMs: number | null;
  readonly retentionMs: number | null;
}

/** What TimescaleDB does here. */
export interface Timescale {
  /** null: not in force, and tables are plain. */
  readonly version: string | null;
  /** Policies in force; null = none. */
  readonly compressAfterMs: number | null;
  readonly dropAfterMs: number | null;
  /** Why something of it is missing; null = all is there. */
  readonly missing: string | null;
}

const PLAIN = { version: null, compressAfterMs: null, dropAfterMs: null };

export const NO_TIMESCALE: Timescale = { ...PLAIN, missing: 'it is not asked for' };

const COMPRESSION = { job: 'policy_compression', key: 'compress_after', name: 'compression_policy' };
const RETENTION = { job: 'policy_retention', key: 'drop_after', name: 'retention_policy' };

/** What is in force, without changing anything: for processes that only read. */
export async function findTimescale(link: Link, schema: string): Promise<Timescale> {
  const extension = await installed(link);
  if (extension === null) return { ...PLAIN, missing: 'the extension is not in this database' };
  if (isOlder(extension.version)) return { ...PLAIN, missing: tooOld(extension.version) };
  return {
    version: extension.version,
    compressAfterMs: await policyMs(link, schema, COMPRESSION),
    dropAfterMs: await policyMs(link, schema, RETENTION),
    missing: null,
  };
}

/**
 * Uses the extension where it can be had: candles in chunks, compressed and dropped by age as the settings say now.
 * `spare` opens a connection that may be lost: a server that has not preloaded the extension ends it.
 */
export async function applyTimescale(link: Link, spare: () => Link, settings: ChunkSettings): Promise<Timescale> {
  const { schema, compressAfterMs, retentionMs } = settings;
  const refusal = await tryToCreate(link, spare);
  const extension = await installed(link);
  if (extension === null) return { ...PLAIN, missing: refusal ?? 'the extension is not available on this server' };
  if (isOlder(extension.version)) return { ...PLAIN, missing: tooOld(extension.version) };
  try {
    await makeHypertable(link, extension.schema, schema);
  } catch (cause) {
    return { ...PLAIN, missing: reasonOf(cause, link) };
  }
  const reasons = [
    await setPolicy(link, extension.schema, schema, COMPRESSION, compressAfterMs),
    await setPolicy(link, extension.schema, schema, RETENTION, retentionMs),
  ];
  const inForce = await findTimescale(link, schema);
  return { ...inForce, missing: reasons.find((reason) => reason !== null) ?? null };
}

interface Extension {
  readonly version: string;
  /** Where its functions are, quoted. */
  readonly schema: string;
}

async function installed(link: Link): Promise<Extension | null> {
  const text = `SELECT e.extversion, quote_ident(n.nspname) FROM pg_extension e
    JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb'`;
  const [row] = (await link.query(text, [], QUERY_MS)).rows;
  return row === undefined ? null : { version: textAt(row, 0), schema: textAt(row, 1) };
}

/** Returns why it can't be; null: it is there, or is not to be had. */
async function tryToCreate(link: Link, spare: () => Link): Promise<string | null> {
  if ((await installed(link)) !== null) return null;
  const text = "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'";
  if ((await link.query(text, [], QUERY_MS)).rows.length === 0) return null;
  const other = spare();
  try {
    await other.query("SELECT set_config('search_path', 'public', false)", [], QUERY_MS);
    await other.script('CREATE EXTENSION IF NOT EXISTS timescaledb', 6 * QUERY_MS);
    return null;
  } catch (error) {
    return `the extension can't be created: ${PostgresStoreError.from(error, 'TimescaleDB').message}`;
  } finally {
    await other.close();
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

async function makeHypertable(link: Link, extension: string, schema: string): Promise<void> {
  const known =
    'SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_schema = $1 AND hypertable_name = $2';
  if ((await link.query(known, [schema, 'candles'], QUERY_MS)).rows.length === 0) {
    const table = `SELECT ${extension}.create_hypertable('candles'::regclass,
      ${extension}.by_range('open_time', ${CHUNK_MS}::bigint), create_default_indexes => false, migrate_data => true)`;
    await link.script(table, CONVERT_MS);
  }
  await link.script(
    `SELECT ${extension}.set_integer_now_func('candles'::regclass, 'now_ms'::regproc, replace_if_exists => true)`,
    QUERY_MS,
  );
}

async function enableCompression(link: Link, schema: string): Promise<void> {
  const known = `SELECT 1 FROM timescaledb_information.hypertables
    WHERE hypertable_schema = $1 AND hypertable_name = $2 AND compression_enabled`;
  if ((await link.query(known, [schema, 'candles'], QUERY_MS)).rows.length > 0) return;
  await link.script(
    `ALTER TABLE candles SET (timescaledb.compress, timescaledb.compress_orderby = 'open_time',
      timescaledb.compress_segmentby = 'mode, exchange, symbol, "interval"')`,
    QUERY_MS,
  );
}

interface Policy {
  readonly job: string;
  /** In the job's configuration. */
  readonly key: string;
  /** `add_…` and `remove_…` are its functions. */
  readonly name: string;
}

async function policyMs(link: Link, schema: string, { job, key }: Policy): Promise<number | null> {
  const found = `SELECT (config ->> $3)::bigint FROM timescaledb_information.jobs
    WHERE hypertable_schema = $1 AND hypertable_name = 'candles' AND proc_name = $2`;
  const [row] = (await link.query(found, [schema, job, key], QUERY_MS)).rows;
  return row === undefined ? null : numberAt(row, 0);
}

/** Makes the job what the settings say; one that is so already keeps its schedule. Returns why that can't be. */
async function setPolicy(
  link: Link,
  extension: string,
  schema: string,
  policy: Policy,
  afterMs: number | null,
): Promise<string | null> {
  const { key, name } = policy;
  try {
    const currentMs = await policyMs(link, schema, policy);
    if (currentMs === afterMs) return null;
    if (currentMs !== null) await link.script(`SELECT ${extension}.remove_${name}('candles'::regclass)`, QUERY_MS);
    if (afterMs === null) return null;
    if (policy === COMPRESSION) await enableCompression(link, schema);
    await link.script(`SELECT ${extension}.add_${name}('candles'::regclass, ${key} => ${afterMs}::bigint)`, QUERY_MS);
    return null;
  } catch (cause) {
    // The Apache edition has neither.
    return reasonOf(cause, link);
  }
}

function tooOld(version: string): string {
  return `the extension is ${version}, older than ${OLDEST.join('.')}`;
}

/** What can be done without; the rest is thrown on. */
function reasonOf(cause: unknown, link: Link): string {
  const error = PostgresStoreError.from(cause, 'TimescaleDB');
  if (error.severity === 'retry' || link.isClosed) throw error;
  return error.message;
}
