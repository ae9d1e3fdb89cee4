import assert from 'node:assert/strict';
import type { ExchangeEmulator } from '../../cmd/testgen/emulator.ts';
import type { Audit } from '../../internal/application/port/in/queries.ts';
import { assertAuditEqual, assertCandlesEqual } from './candle-check.ts';
import type { CleanUp } from './clean-up.ts';
import { makeFolder, type StoredCandle } from './data-folder.ts';
import { startEmulators } from './emulators.ts';
import { LogOracle } from './log-oracle.ts';
import type { PostgresServer } from './postgres-server.ts';
import { SentRecord } from './sent-record.ts';
import { type HttpAnswer, type Service, spawnService, startService } from './service.ts';
import { readTickLog } from './tick-log-files.ts';
import { untilQuiet, waitUntil } from './wait.ts';

export interface MarketPlan {
  readonly server: PostgresServer;
  readonly database: string;
  /** Default: the superuser's address of the database. */
  readonly url?: string;
  /** Of each of three exchanges. */
  readonly ticksPerSecond: number;
  readonly seed: number;
  readonly withQuantity?: boolean;
  /** As `testgen --faults` takes them. */
  readonly faults?: string | null;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly audit: Audit;
  readonly oracle: LogOracle;
  readonly candles: number;
}

/** Three emulated exchanges, and what the process needs to listen to them and to keep candles in PostgreSQL. */
export class PostgresMarket {
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly emulators: readonly ExchangeEmulator[];
  readonly sent: SentRecord;
  private readonly plan: MarketPlan;
  private readonly cleanUp: CleanUp;

  private constructor(cleanUp: CleanUp, plan: MarketPlan, sent: SentRecord, feeds: Feeds) {
    const { server, database, url = server.urlOf(database) } = plan;
    this.cleanUp = cleanUp;
    this.plan = plan;
    this.sent = sent;
    this.emulators = feeds.emulators;
    this.dataDir = makeFolder(cleanUp);
    this.environment = {
      MARKETFLOW_MODE: 'live',
      MARKETFLOW_LIVE_SOURCES: feeds.sources,
      MARKETFLOW_POSTGRES_URL: url,
      MARKETFLOW_FEEDS_BACKOFF_MIN: '10ms',
      MARKETFLOW_FEEDS_BACKOFF_MAX: '50ms',
      MARKETFLOW_CANDLES_FLUSH_INTERVAL: '200ms',
      ...plan.environment,
    };
  }

  static async open(cleanUp: CleanUp, plan: MarketPlan): Promise<PostgresMarket> {
    const sent = new SentRecord();
    const { ticksPerSecond, seed, withQuantity = false, faults = null } = plan;
    const feeds = await startEmulators(cleanUp, { ticksPerSecond, seed, withQuantity, faults, onSent: sent.onSent });
    return new PostgresMarket(cleanUp, plan, sent, feeds);
  }

  /** Resolves when it listens. */
  start(dataDir = this.dataDir): Promise<Service> {
    return startService(this.cleanUp, { dataDir, environment: this.environment });
  }

  /** Resolves at once. */
  spawn(): Service {
    return spawnService(this.cleanUp, { dataDir: this.dataDir, environment: this.environment });
  }

  /** The feeds end, the process stops cleanly: its books and every stored candle are what its tick log leads to. */
  async settle(service: Service): Promise<Outcome> {
    await Promise.all(this.emulators.map((emulator) => emulator.close()));
    await untilQuiet(async () => (await service.audit()).received);
    const audit = await service.audit();
    assert.deepEqual(await service.stop(), { code: 0, signal: null }, service.stdout);
    assert.doesNotMatch(service.stdout, /not everything stopped cleanly/);
    const oracle = new LogOracle((tick) => this.sent.claim(tick));
    await readTickLog(this.dataDir, oracle.take);
    assert.equal(oracle.damagedBatches, 0);
    assertAuditEqual(audit, oracle);
    const candles = assertCandlesEqual(await this.candles(), oracle);
    return { audit, oracle, candles };
  }

  /** Stored candles of every interval. */
  async candles(): Promise<StoredCandle[]> {
    const rows = await this.query('SELECT * FROM candles ORDER BY mode, exchange, symbol, open_time');
    return rows.map((row) => {
      const ofServer = Object.entries(row).map(([name, value]) => [name, asNumber(name, value)]);
      return Object.fromEntries(ofServer) as StoredCandle;
    });
  }

  /** Every interval holds every tick once. */
  async assertCounts(counted: number): Promise<void> {
    const rows = await this.query('SELECT "interval", sum(count)::float8 AS ticks FROM candles GROUP BY 1 ORDER BY 1');
    assert.ok(rows.length > 1);
    for (const { interval, ticks } of rows) assert.equal(ticks, counted, `ticks in candles of ${interval}`);
  }

  query(text: string): Promise<Record<string, unknown>[]> {
    return this.plan.server.query(text, this.plan.database);
  }
}

type Feeds = Awaited<ReturnType<typeof startEmulators>>;

const TEXTS = new Set(['mode', 'exchange', 'symbol', 'interval', 'state', 'source']);

/** The driver gives bigint as text. */
function asNumber(name: string, value: unknown): unknown {
  return typeof value === 'string' && !TEXTS.has(name) ? Number(value) : value;
}

export interface StorageHealth {
  readonly kind: string;
  readonly status: string;
  readonly detail?: string;
  readonly features?: Readonly<Record<string, string>>;
}

export async function storageOf(service: Service): Promise<StorageHealth> {
  return (await service.get('/health')).json().storage;
}

/** Resolves with the storage's health when its status is that. */
export async function untilStorageIs(service: Service, status: string, deadlineMs = 20_000): Promise<StorageHealth> {
  let storage = await storageOf(service);
  await waitUntil(
    `storage is ${status}`,
    async () => {
      storage = await storageOf(service);
      return storage.status === status;
    },
    deadlineMs,
  );
  return storage;
}

/** All that was folded in up to now is committed. */
export async function untilCommitted(service: Service, deadlineMs = 20_000): Promise<void> {
  const { folded } = (await service.audit()).position;
  await waitUntil('a commit', async () => (await service.audit()).position.checkpoint >= folded, deadlineMs);
}

/** What needs no store is answered all the time. */
export async function assertPricesAnswer(service: Service): Promise<void> {
  for (const path of [
    '/prices/latest/BTCUSDT',
    '/prices/highest/BTCUSDT?period=30s',
    '/prices/average/BTCUSDT?period=5m',
  ]) {
    const answer: HttpAnswer = await service.get(path);
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
  }
}
