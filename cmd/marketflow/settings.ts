import { MODES, type Mode } from '../../internal/domain/model/mode.ts';
import { isHost } from '../../pkg/config/endpoint.ts';
import { readEnvironment } from '../../pkg/config/environment-layer.ts';
import type { GivenValue, Layer } from '../../pkg/config/layer.ts';
import { type CrossRule, type EffectiveSetting, loadSettings } from '../../pkg/config/load.ts';
import { choice, decimal, duration, integer, size, text, type ValuesOf } from '../../pkg/config/setting.ts';
import { formatDuration, formatSize } from '../../pkg/config/units.ts';
import {
  durationOrOff,
  intervals,
  notYet,
  postgresUrl,
  type Role,
  redisUrl,
  roles,
  type Source,
  SYMBOLS_MAX,
  sources,
  sqlName,
  symbols,
} from './setting-kinds.ts';

const ENVIRONMENT_PREFIX = 'MARKETFLOW';
/** Candles of one second are kept up to this many symbols. */
export const SECONDS_SYMBOLS_MAX = 50;

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Every setting: key in the file, what it may be, default. The environment name follows from the key.
 * Keys carry no unit, because values do (`10s`, `64MiB`); fields of `Settings` carry it.
 */
export const SETTING_TABLE = {
  mode: choice(MODES, 'test'),
  role: roles(),
  dataDir: text(
    (value) => value.trim() !== '' && !value.includes('\0'),
    'is not a path',
    'the path of a folder',
    './data',
  ),
  logLevel: choice(LOG_LEVELS, 'info'),
  symbols: symbols('BTCUSDT,DOGEUSDT,TONUSDT,SOLUSDT,ETHUSDT'),
  symbolLimit: integer(1, SYMBOLS_MAX, SYMBOLS_MAX),
  'live.sources': sources(
    'exchange1=tcp://127.0.0.1:40101,exchange2=tcp://127.0.0.1:40102,exchange3=tcp://127.0.0.1:40103',
  ),
  'test.sources': sources('exchange1=generator,exchange2=generator,exchange3=generator'),
  'server.host': text(isHost, 'is not a host', 'an IP address without brackets or a host name', '127.0.0.1'),
  'server.port': integer(0, 65_535, 8_080),
  'server.rateLimit': integer(0, 1_000_000, 0),
  'generator.rate': decimal(0.1, 1_000_000, 100),
  'generator.seed': integer(0, 4_294_967_295, 1),
  'feeds.connectTimeout': duration('100ms', '1m', '5s'),
  'feeds.staleAfter': duration('1s', '10m', '10s'),
  'feeds.backoffMin': duration('10ms', '1m', '500ms'),
  'feeds.backoffMax': duration('10ms', '1h', '30s'),
  'feeds.stableAfter': duration('0ms', '1h', '30s'),
  'feeds.frameMaxBytes': size('256B', '16MiB', '64KiB'),
  'feeds.chunkBytes': size('1KiB', '16MiB', '256KiB'),
  'pipeline.threads': integer(0, 64, 0),
  'pipeline.workersPerSource': integer(1, 64, 5),
  'tickLog.kind': choice(['disk', 'memory'], 'disk'),
  'tickLog.durability': choice(['os', 'sync'], 'os'),
  'tickLog.retention': duration('1s', '365d', '10m'),
  'tickLog.maxBytes': size('16MiB', '1024TiB', '4GiB'),
  'tickLog.segmentBytes': size('1MiB', '1GiB', '64MiB'),
  'tickLog.minFreeBytes': size('0B', '1TiB', '64MiB'),
  'candles.lateness': duration('0ms', '1h', '2m'),
  'candles.slack': duration('0ms', '1h', '2s'),
  'candles.flushInterval': duration('100ms', '1m', '1s'),
  'candles.intervals': intervals('1s,1m,5m,15m,30m,1h,4h,1d,1w'),
  'candles.secondsRetention': duration('10m', '365d', '1d'),
  'streams.clients': integer(0, 1_536, 1_024),
  'streams.topics': integer(1, 16_384, 1_024),
  'streams.interval': duration('1ms', '10s', '20ms'),
  'streams.slowTimeout': duration('1s', '10m', '10s'),
  'postgres.url': postgresUrl(),
  'postgres.schema': sqlName('public'),
  'postgres.poolSize': integer(1, 64, 4),
  'storage.compressAfter': durationOrOff('1h', '3650d', '7d'),
  'storage.retention': durationOrOff('1d', '36500d', 'off'),
  'redis.url': redisUrl(),
  'redis.prefix': text(
    (value) => /^[A-Za-z0-9:_.-]{1,64}$/.test(value),
    'is not a key prefix',
    '1 to 64 letters, digits or : _ . -',
    'marketflow',
  ),
  'kafka.brokers': notYet('Kafka'),
};

type Values = ValuesOf<typeof SETTING_TABLE>;
export type SettingKey = keyof Values;
export const SETTING_KEYS = Object.keys(SETTING_TABLE) as readonly SettingKey[];

/** The settings in force: fields ending in `Ms` are milliseconds, in `Bytes` bytes. */
export interface Settings {
  /** Mode at the first start; later the data folder remembers. */
  readonly mode: Mode;
  readonly roles: readonly Role[];
  /** As given: relative to the working directory. */
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  /** Accepted symbols, upper case, compared as they come; `*` accepts any, up to `symbolLimit`. */
  readonly symbols: readonly string[] | '*';
  /** Greatest number of distinct symbols. */
  readonly symbolLimit: number;
  readonly live: { readonly sources: readonly Source[] };
  readonly test: { readonly sources: readonly Source[] };
  /** Port 0: any free port. */
  readonly server: {
    readonly host: string;
    readonly port: number;
    /** Of one client's address; null = no limit. */
    readonly requestsPerSecond: number | null;
  };
  /** Rate of each exchange. */
  readonly generator: { readonly ticksPerSecond: number; readonly seed: number };
  readonly feeds: {
    readonly connectTimeoutMs: number;
    readonly staleAfterMs: number;
    readonly backoffMinMs: number;
    readonly backoffMaxMs: number;
    readonly stableAfterMs: number;
    readonly frameMaxBytes: number;
    readonly chunkBytes: number;
  };
  /** 0 threads: decoded in the main thread. */
  readonly pipeline: { readonly threads: number; readonly workersPerSource: number };
  readonly tickLog: {
    readonly kind: 'disk' | 'memory';
    /** os: accepted once written; sync: once on the disk. */
    readonly durability: 'os' | 'sync';
    readonly retentionMs: number;
    readonly maxBytes: number;
    readonly segmentBytes: number;
    readonly minFreeBytes: number;
  };
  readonly candles: {
    readonly latenessMs: number;
    readonly slackMs: number;
    readonly flushIntervalMs: number;
    /** Ascending; 60,000 is always there; 1,000 only up to 50 symbols. */
    readonly intervalsMs: readonly number[];
    /** How long one-second candles are kept. */
    readonly secondsRetentionMs: number;
    /** They were asked for, and there are too many symbols. */
    readonly secondsLeftOut: boolean;
  };
  /** `clients` at a time, `topics` of each. A client that has been behind for `slowMs` is closed. */
  readonly streams: {
    readonly clients: number;
    readonly topics: number;
    readonly intervalMs: number;
    readonly slowMs: number;
  };
  /** null: SQLite in the data folder. `poolSize`: connections for reading, beside one for writing. */
  readonly postgres: { readonly url: string; readonly schema: string; readonly poolSize: number } | null;
  /** null = off. */
  readonly storage: { readonly compressAfterMs: number | null; readonly retentionMs: number | null };
  /** null: latest prices only in this process. */
  readonly redis: { readonly url: string; readonly prefix: string } | null;
}

export type LoadedSettings =
  | {
      readonly ok: true;
      readonly settings: Settings;
      readonly effective: readonly EffectiveSetting[];
    }
  /** One line each, without secrets. */
  | { readonly ok: false; readonly problems: readonly string[] };

export interface SettingInput {
  /** From `readSettingsFile`; null without a file. */
  readonly file: Layer | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: readonly GivenValue[];
}

/** The YAML parser is loaded only when there is a file: it takes 25 ms and 10 MB. */
export async function readSettingsFile(path: string | null): Promise<Layer | null> {
  if (path === null) return null;
  const { readConfigFile } = await import('../../pkg/config/file-layer.ts');
  return readConfigFile(path, SETTING_KEYS);
}

/** Defaults, then the file, then the environment, then the flags; the last one that gives a key wins. */
export function readSettings(input: SettingInput): LoadedSettings {
  const names = { prefix: ENVIRONMENT_PREFIX, isForeign: isForeignVariable };
  const environment = readEnvironment(input.environment, names, SETTING_KEYS);
  const layers = [...(input.file === null ? [] : [input.file]), environment, { given: input.flags, problems: [] }];
  const loaded = loadSettings(SETTING_TABLE, layers, CROSS_RULES);
  if (!loaded.ok) return { ok: false, problems: loaded.problems.map((problem) => problem.message) };
  return { ok: true, settings: toSettings(loaded.values), effective: loaded.effective };
}

/** The tests' own variable, and those that Kubernetes sets for a service of the name marketflow. */
function isForeignVariable(name: string, value: string): boolean {
  if (name === 'MARKETFLOW_CAPTURES' || name === 'MARKETFLOW_SERVICE_HOST') return true;
  // MARKETFLOW_PORT=8080 is not from Kubernetes but a slip for MARKETFLOW_SERVER_PORT.
  if (name === 'MARKETFLOW_PORT') return value.includes('://');
  return /^MARKETFLOW_(SERVICE_PORT|PORT_)/.test(name);
}

const CROSS_RULES: readonly CrossRule<Values>[] = [
  {
    keys: ['feeds.backoffMin', 'feeds.backoffMax'],
    broken: ({ 'feeds.backoffMin': minMs, 'feeds.backoffMax': maxMs }) =>
      minMs <= maxMs ? null : `${formatDuration(minMs)} is above ${formatDuration(maxMs)}: must be at most that`,
  },
  {
    keys: ['feeds.frameMaxBytes', 'feeds.chunkBytes'],
    broken: ({ 'feeds.frameMaxBytes': frameBytes, 'feeds.chunkBytes': chunkBytes }) =>
      frameBytes <= chunkBytes
        ? null
        : `${formatSize(frameBytes)} is above ${formatSize(chunkBytes)}: must be at most that, a frame fits in a chunk`,
  },
  {
    keys: ['symbols', 'symbolLimit'],
    broken: ({ symbols: names, symbolLimit }) =>
      names === '*' || names.length <= symbolLimit
        ? null
        : `${names.length} symbols are more than ${symbolLimit}: must be at most that many`,
  },
  {
    keys: ['role', 'postgres.url'],
    broken: ({ role, 'postgres.url': postgres, 'redis.url': redis }) =>
      !role.includes('api') || postgres !== '' || redis !== ''
        ? null
        : 'api has nothing to answer from: must have redis.url or postgres.url beside it',
  },
];

/**
 * With a database away they fill the memory that there is for candles not yet written (`ingest-ticks.ts`): 50 symbols on three
 * exchanges in five minutes.
 */
function keepsSeconds(symbols: readonly string[] | '*'): boolean {
  return symbols !== '*' && symbols.length <= SECONDS_SYMBOLS_MAX;
}

function toSettings(values: Values): Settings {
  return {
    mode: values.mode,
    roles: values.role,
    dataDir: values.dataDir,
    logLevel: values.logLevel,
    symbols: values.symbols,
    symbolLimit: values.symbolLimit,
    live: { sources: values['live.sources'] },
    test: { sources: values['test.sources'] },
    server: {
      host: values['server.host'],
      port: values['server.port'],
      requestsPerSecond: values['server.rateLimit'] || null,
    },
    generator: { ticksPerSecond: values['generator.rate'], seed: values['generator.seed'] },
    feeds: {
      connectTimeoutMs: values['feeds.connectTimeout'],
      staleAfterMs: values['feeds.staleAfter'],
      backoffMinMs: values['feeds.backoffMin'],
      backoffMaxMs: values['feeds.backoffMax'],
      stableAfterMs: values['feeds.stableAfter'],
      frameMaxBytes: values['feeds.frameMaxBytes'],
      chunkBytes: values['feeds.chunkBytes'],
    },
    pipeline: { threads: values['pipeline.threads'], workersPerSource: values['pipeline.workersPerSource'] },
    tickLog: {
      kind: values['tickLog.kind'],
      durability: values['tickLog.durability'],
      retentionMs: values['tickLog.retention'],
      maxBytes: values['tickLog.maxBytes'],
      segmentBytes: values['tickLog.segmentBytes'],
      minFreeBytes: values['tickLog.minFreeBytes'],
    },
    candles: {
      latenessMs: values['candles.lateness'],
      slackMs: values['candles.slack'],
      flushIntervalMs: values['candles.flushInterval'],
      intervalsMs: values['candles.intervals'].filter((ms) => ms >= 60_000 || keepsSeconds(values.symbols)),
      secondsRetentionMs: values['candles.secondsRetention'],
      secondsLeftOut: values['candles.intervals'].includes(1_000) && !keepsSeconds(values.symbols),
    },
    streams: {
      clients: values['streams.clients'],
      topics: values['streams.topics'],
      intervalMs: values['streams.interval'],
      slowMs: values['streams.slowTimeout'],
    },
    postgres:
      values['postgres.url'] === ''
        ? null
        : { url: values['postgres.url'], schema: values['postgres.schema'], poolSize: values['postgres.poolSize'] },
    storage: { compressAfterMs: values['storage.compressAfter'], retentionMs: values['storage.retention'] },
    redis: values['redis.url'] === '' ? null : { url: values['redis.url'], prefix: values['redis.prefix'] },
  };
}
