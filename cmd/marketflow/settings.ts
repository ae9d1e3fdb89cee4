import * as z from 'zod';
import { MODES, type Mode } from '../../internal/domain/model/mode.ts';
import { formatEndpoint, isHost, parseEndpoint } from '../../pkg/config/endpoint.ts';
import { readEnvironment } from '../../pkg/config/environment-layer.ts';
import type { GivenValue, Layer } from '../../pkg/config/layer.ts';
import { type CrossRule, type EffectiveSetting, loadSettings } from '../../pkg/config/load.ts';
import {
  choice,
  decimal,
  duration,
  integer,
  listItems,
  type Setting,
  size,
  text,
  type ValuesOf,
} from '../../pkg/config/setting.ts';
import { formatDuration, formatSize } from '../../pkg/config/units.ts';

const ENVIRONMENT_PREFIX = 'MARKETFLOW';
const SOURCES_MAX = 32;
const SYMBOLS_MAX = 2_000;

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const SPLIT_ROLES = ['collector', 'aggregator', 'api', 'alerter'];

export type LogLevel = (typeof LOG_LEVELS)[number];
export type Role = 'all';

/** Where the ticks of one exchange come from. `exchange` is lower case. */
export type Source =
  | { readonly exchange: string; readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly exchange: string; readonly kind: 'generator' };

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
  'postgres.url': notYet('PostgreSQL'),
  'redis.url': notYet('Redis'),
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
  readonly server: { readonly host: string; readonly port: number };
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
  readonly candles: { readonly latenessMs: number; readonly slackMs: number; readonly flushIntervalMs: number };
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
];

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
    server: { host: values['server.host'], port: values['server.port'] },
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
    },
  };
}

function roles(): Setting<readonly Role[]> {
  const item = z.string({ error: 'is not text' }).transform((name, context): Role => {
    if (name === 'all') return name;
    const split = SPLIT_ROLES.includes(name);
    const message = split ? 'needs Kafka, and is not in this version' : 'is not a role';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
  const names = z.array(item).nonempty('has no role');
  return {
    schema: listItems().pipe(names.check((context) => addRepeated(context, (name) => name))),
    rule: 'all',
    fallback: 'all',
    show: (value) => value.join(','),
  };
}

function symbols(fallback: string): Setting<readonly string[] | '*'> {
  const item = z.string('is not text (quote it)').regex(/^(\*|[A-Za-z0-9:_\-./]{1,32})$/, 'is not a symbol');
  const names = z
    .array(item)
    .nonempty('has no symbol')
    .max(SYMBOLS_MAX, 'has too many symbols')
    .refine((list) => list.length === 1 || !list.includes('*'), 'has names beside *');
  return {
    schema: listItems()
      .pipe(names.check((context) => addRepeated(context, (name) => name.toUpperCase())))
      .transform((list) => (list[0] === '*' ? '*' : list.map((name) => name.toUpperCase()))),
    rule: `* alone, or up to ${SYMBOLS_MAX} names of 1 to 32 letters, digits or : _ - . /, each once in whatever case`,
    fallback,
    show: (value) => (value === '*' ? value : value.join(',')),
  };
}

function sources(fallback: string): Setting<readonly Source[]> {
  const item = z.string('is not text').transform((entry, context): Source => {
    const source = parseSource(entry);
    if (typeof source === 'object') return source;
    context.addIssue({ code: 'custom', message: source });
    return z.NEVER;
  });
  const list = z.array(item).nonempty('has no source').max(SOURCES_MAX, 'has too many sources');
  return {
    schema: listItems().pipe(list.check((context) => addRepeated(context, ({ exchange }) => exchange))),
    rule: `name=tcp://host:port or name=generator, 1 to ${SOURCES_MAX} of them, each name once and of at most 32 letters, digits, _ or -`,
    fallback,
    show: (value) => value.map(formatSource).join(','),
  };
}

/** `exchange1=tcp://127.0.0.1:40101` or `gen=generator`; else what is wrong with it. */
function parseSource(entry: string): Source | string {
  const [, name = '', address = ''] = /^([^=]*)=(.*)$/s.exec(entry) ?? [];
  if (address === '') return 'is not of the form name=address';
  const exchange = name.trim().toLowerCase();
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(exchange)) return 'has no proper exchange name';
  const [, kind = '', rest = ''] = /^([^:]*)(.*)$/s.exec(address.trim()) ?? [];
  if (kind === 'generator') return rest === '' ? { exchange, kind } : 'has no proper address';
  if (kind === 'tcp') {
    const endpoint = rest.startsWith('://') ? parseEndpoint(rest.slice(3)) : null;
    return endpoint === null ? 'has no proper address' : { exchange, kind, ...endpoint };
  }
  if (parseEndpoint(address.trim()) !== null) return 'lacks tcp:// before the address';
  return rest === '' ? 'has no proper address' : `is a source of the kind ${kind}, which is not in this version`;
}

function formatSource(source: Source): string {
  return `${source.exchange}=${source.kind === 'tcp' ? `tcp://${formatEndpoint(source)}` : source.kind}`;
}

/** A server that later versions use: its name is known, so that an empty value is accepted and another explained. */
function notYet(server: string): Setting<string> {
  return {
    schema: z.string('is not text').max(0, `is of no use: ${server} is not in this version`),
    rule: 'empty',
    fallback: '',
    show: (value) => value,
  };
}

function addRepeated<T>(context: z.core.ParsePayload<readonly T[]>, nameOf: (item: T) => string): void {
  const seen = new Set<string>();
  for (const [index, item] of context.value.entries()) {
    const name = nameOf(item);
    if (seen.has(name)) {
      context.issues.push({ code: 'custom', message: 'is there more than once', path: [index], input: name });
    }
    seen.add(name);
  }
}
