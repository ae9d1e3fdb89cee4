import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentName } from '../../pkg/config/environment-name.ts';
import { type LoadedSettings, readSettings, SETTING_KEYS, type Settings } from './settings.ts';

function load(environment: Readonly<Record<string, string>>): LoadedSettings {
  return readSettings({ file: null, environment, flags: [] });
}

function settings(environment: Readonly<Record<string, string>> = {}): Settings {
  const loaded = load(environment);
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.join('\n'));
  return loaded.settings;
}

function faults(environment: Readonly<Record<string, string>>): readonly string[] {
  const loaded = load(environment);
  assert.ok(!loaded.ok, JSON.stringify(environment));
  return loaded.problems;
}

const LIVE = 'MARKETFLOW_LIVE_SOURCES';

test('defaults', () => {
  const tcp = (index: number) => ({
    exchange: `exchange${index}`,
    kind: 'tcp',
    host: '127.0.0.1',
    port: 40_100 + index,
  });
  const generator = (index: number) => ({ exchange: `exchange${index}`, kind: 'generator' });
  assert.deepEqual(settings(), {
    mode: 'test',
    roles: ['all'],
    dataDir: './data',
    logLevel: 'info',
    symbols: ['BTCUSDT', 'DOGEUSDT', 'TONUSDT', 'SOLUSDT', 'ETHUSDT'],
    symbolLimit: 2_000,
    live: { sources: [1, 2, 3].map(tcp) },
    test: { sources: [1, 2, 3].map(generator) },
    server: { host: '127.0.0.1', port: 8_080, requestsPerSecond: null },
    generator: { ticksPerSecond: 100, seed: 1 },
    feeds: {
      connectTimeoutMs: 5_000,
      staleAfterMs: 10_000,
      backoffMinMs: 500,
      backoffMaxMs: 30_000,
      stableAfterMs: 30_000,
      frameMaxBytes: 65_536,
      chunkBytes: 262_144,
    },
    pipeline: { threads: 0, workersPerSource: 5 },
    tickLog: {
      kind: 'disk',
      durability: 'os',
      retentionMs: 600_000,
      maxBytes: 4_294_967_296,
      segmentBytes: 67_108_864,
      minFreeBytes: 67_108_864,
    },
    candles: {
      ...{
        latenessMs: 120_000,
        slackMs: 2_000,
        flushIntervalMs: 1_000,
        secondsRetentionMs: 86_400_000,
        secondsLeftOut: false,
      },
      intervalsMs: [1, 60, 300, 900, 1_800, 3_600, 14_400, 86_400, 604_800].map((seconds) => seconds * 1_000),
    },
    streams: { clients: 1_024, topics: 1_024, intervalMs: 20, slowMs: 10_000 },
    postgres: null,
    storage: { compressAfterMs: 604_800_000, retentionMs: null },
    redis: null,
  });
});

const POSTGRES = 'postgres://me:pw@h:5432/x?sslmode=require';
const REDIS = { MARKETFLOW_REDIS_URL: 'redis://h' };

/** A setting of PostgreSQL says nothing without its address. */
function withPostgres(name: string, value: string, alone: Settings): NonNullable<Settings['postgres']> {
  assert.equal(alone.postgres, null);
  const { postgres } = settings({ MARKETFLOW_POSTGRES_URL: POSTGRES, [`MARKETFLOW_POSTGRES_${name}`]: value });
  assert.ok(postgres !== null);
  return postgres;
}

/** Key → environment name → a value that is not the default, and where it must show up. */
const EVERY_KEY: readonly (readonly [string, string, string, (read: Settings) => unknown, unknown])[] = [
  ['mode', 'MARKETFLOW_MODE', 'live', (read) => read.mode, 'live'],
  ['role', 'MARKETFLOW_ROLE', 'all', (read) => read.roles, ['all']],
  ['dataDir', 'MARKETFLOW_DATA_DIR', '/x y', (read) => read.dataDir, '/x y'],
  ['logLevel', 'MARKETFLOW_LOG_LEVEL', 'silent', (read) => read.logLevel, 'silent'],
  ['symbols', 'MARKETFLOW_SYMBOLS', 'A, b/c', (read) => read.symbols, ['A', 'B/C']],
  ['symbolLimit', 'MARKETFLOW_SYMBOL_LIMIT', '7', (read) => read.symbolLimit, 7],
  ['live.sources', LIVE, 'A=generator', (read) => read.live.sources, [{ exchange: 'a', kind: 'generator' }]],
  ['test.sources', 'MARKETFLOW_TEST_SOURCES', 'a=generator', (read) => read.test.sources.length, 1],
  ['server.host', 'MARKETFLOW_SERVER_HOST', '::', (read) => read.server.host, '::'],
  ['server.port', 'MARKETFLOW_SERVER_PORT', '0', (read) => read.server.port, 0],
  ['server.rateLimit', 'MARKETFLOW_SERVER_RATE_LIMIT', '50', (read) => read.server.requestsPerSecond, 50],
  ['generator.rate', 'MARKETFLOW_GENERATOR_RATE', '0.5', (read) => read.generator.ticksPerSecond, 0.5],
  ['generator.seed', 'MARKETFLOW_GENERATOR_SEED', '2', (read) => read.generator.seed, 2],
  ['feeds.connectTimeout', 'MARKETFLOW_FEEDS_CONNECT_TIMEOUT', '1s', (read) => read.feeds.connectTimeoutMs, 1_000],
  ['feeds.staleAfter', 'MARKETFLOW_FEEDS_STALE_AFTER', '1m', (read) => read.feeds.staleAfterMs, 60_000],
  ['feeds.backoffMin', 'MARKETFLOW_FEEDS_BACKOFF_MIN', '100', (read) => read.feeds.backoffMinMs, 100],
  ['feeds.backoffMax', 'MARKETFLOW_FEEDS_BACKOFF_MAX', '1s', (read) => read.feeds.backoffMaxMs, 1_000],
  ['feeds.stableAfter', 'MARKETFLOW_FEEDS_STABLE_AFTER', '0', (read) => read.feeds.stableAfterMs, 0],
  ['feeds.frameMaxBytes', 'MARKETFLOW_FEEDS_FRAME_MAX_BYTES', '1KiB', (read) => read.feeds.frameMaxBytes, 1_024],
  ['feeds.chunkBytes', 'MARKETFLOW_FEEDS_CHUNK_BYTES', '64KiB', (read) => read.feeds.chunkBytes, 65_536],
  ['pipeline.threads', 'MARKETFLOW_PIPELINE_THREADS', '2', (read) => read.pipeline.threads, 2],
  [
    'pipeline.workersPerSource',
    'MARKETFLOW_PIPELINE_WORKERS_PER_SOURCE',
    '1',
    (read) => read.pipeline.workersPerSource,
    1,
  ],
  ['tickLog.kind', 'MARKETFLOW_TICK_LOG_KIND', 'memory', (read) => read.tickLog.kind, 'memory'],
  ['tickLog.durability', 'MARKETFLOW_TICK_LOG_DURABILITY', 'sync', (read) => read.tickLog.durability, 'sync'],
  ['tickLog.retention', 'MARKETFLOW_TICK_LOG_RETENTION', '7d', (read) => read.tickLog.retentionMs, 604_800_000],
  ['tickLog.maxBytes', 'MARKETFLOW_TICK_LOG_MAX_BYTES', '1GiB', (read) => read.tickLog.maxBytes, 2 ** 30],
  ['tickLog.segmentBytes', 'MARKETFLOW_TICK_LOG_SEGMENT_BYTES', '1MiB', (read) => read.tickLog.segmentBytes, 2 ** 20],
  ['tickLog.minFreeBytes', 'MARKETFLOW_TICK_LOG_MIN_FREE_BYTES', '0', (read) => read.tickLog.minFreeBytes, 0],
  ['candles.lateness', 'MARKETFLOW_CANDLES_LATENESS', '1h', (read) => read.candles.latenessMs, 3_600_000],
  ['candles.slack', 'MARKETFLOW_CANDLES_SLACK', '0', (read) => read.candles.slackMs, 0],
  ['candles.flushInterval', 'MARKETFLOW_CANDLES_FLUSH_INTERVAL', '100ms', (read) => read.candles.flushIntervalMs, 100],
  [
    'candles.intervals',
    'MARKETFLOW_CANDLES_INTERVALS',
    '1w,1m',
    (read) => read.candles.intervalsMs,
    [60_000, 604_800_000],
  ],
  [
    'candles.secondsRetention',
    'MARKETFLOW_CANDLES_SECONDS_RETENTION',
    '1h',
    (read) => read.candles.secondsRetentionMs,
    3_600_000,
  ],
  ['streams.clients', 'MARKETFLOW_STREAMS_CLIENTS', '5', (read) => read.streams.clients, 5],
  ['streams.topics', 'MARKETFLOW_STREAMS_TOPICS', '50', (read) => read.streams.topics, 50],
  ['streams.interval', 'MARKETFLOW_STREAMS_INTERVAL', '1ms', (read) => read.streams.intervalMs, 1],
  ['streams.slowTimeout', 'MARKETFLOW_STREAMS_SLOW_TIMEOUT', '1m', (read) => read.streams.slowMs, 60_000],
  ['postgres.url', 'MARKETFLOW_POSTGRES_URL', POSTGRES, (read) => read.postgres?.url, POSTGRES],
  ['postgres.schema', 'MARKETFLOW_POSTGRES_SCHEMA', 'mf', (read) => withPostgres('SCHEMA', 'mf', read).schema, 'mf'],
  [
    'postgres.poolSize',
    'MARKETFLOW_POSTGRES_POOL_SIZE',
    '9',
    (read) => withPostgres('POOL_SIZE', '9', read).poolSize,
    9,
  ],
  ['storage.compressAfter', 'MARKETFLOW_STORAGE_COMPRESS_AFTER', 'off', (read) => read.storage.compressAfterMs, null],
  ['storage.retention', 'MARKETFLOW_STORAGE_RETENTION', '30d', (read) => read.storage.retentionMs, 2_592_000_000],
  [
    'redis.url',
    'MARKETFLOW_REDIS_URL',
    'redis://h/2',
    (read) => read.redis,
    { url: 'redis://h/2', prefix: 'marketflow' },
  ],
  [
    'redis.prefix',
    'MARKETFLOW_REDIS_PREFIX',
    'mf:a',
    () => settings({ ...REDIS, MARKETFLOW_REDIS_PREFIX: 'mf:a' }).redis?.prefix,
    'mf:a',
  ],
  ['kafka.brokers', 'MARKETFLOW_KAFKA_BROKERS', '', () => null, null],
];

test('every key has an environment name that sets it', () => {
  assert.deepEqual(
    EVERY_KEY.map(([key]) => key),
    SETTING_KEYS,
  );
  for (const [key, name, value, pick, expected] of EVERY_KEY) {
    assert.equal(environmentName('MARKETFLOW', key), name);
    assert.deepEqual(pick(settings({ [name]: value })), expected, name);
  }
});

test('an empty variable is not set', () => {
  const empty = Object.fromEntries(EVERY_KEY.map(([, name]) => [name, '']));
  assert.deepEqual(settings(empty), settings());
});

test('variables of the tests and of Kubernetes are left alone; a slip is not', () => {
  const kubernetes = {
    MARKETFLOW_CAPTURES: '/x',
    MARKETFLOW_SERVICE_HOST: '10.0.0.1',
    MARKETFLOW_SERVICE_PORT: '80',
    MARKETFLOW_SERVICE_PORT_HTTP: '80',
    MARKETFLOW_PORT: 'tcp://10.0.0.1:80',
    MARKETFLOW_PORT_80_TCP_ADDR: '10.0.0.1',
  };
  assert.deepEqual(settings(kubernetes), settings());
  assert.match(faults({ MARKETFLOW_PORT: '9000' })[0]!, /did you mean MARKETFLOW_SERVER_PORT\?/);
  assert.match(faults({ MARKETFLOW_SEVRER_PORT: '1' })[0]!, /did you mean MARKETFLOW_SERVER_PORT\?/);
});

test('sources of every legal form', () => {
  const sources = 'Exchange1=tcp://feed.example.com:1, b-2_x = tcp://[::1]:65535,gen=generator';
  assert.deepEqual(settings({ [LIVE]: sources }).live.sources, [
    { exchange: 'exchange1', kind: 'tcp', host: 'feed.example.com', port: 1 },
    { exchange: 'b-2_x', kind: 'tcp', host: '::1', port: 65_535 },
    { exchange: 'gen', kind: 'generator' },
  ]);
});

test('wrong sources: each names what is wrong with it', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['generator', /"generator" is not of the form name=address/],
    ['a=', /not of the form/],
    ['a=generator,', /"" is not of the form/],
    ['=generator', /has no proper exchange name/],
    ['-a=generator', /has no proper exchange name/],
    [`${'a'.repeat(33)}=generator`, /has no proper exchange name/],
    ['a=generator,A=generator', /"a" is there more than once/],
    ['a=tcp://h', /has no proper address/],
    ['a=tcp://h:0', /has no proper address/],
    ['a=tcp:h:1', /has no proper address/],
    ['a=tcp://h:1/x', /has no proper address/],
    ['a=generator:5', /has no proper address/],
    ['a=h:1', /lacks tcp:\/\//],
    ['a=nonsense', /has no proper address/],
    ['binance=binance:BTCUSDT+ETHUSDT', /is a source of the kind binance, which is not in this version/],
    ['a=wss://h:1', /kind wss, which is not in this version/],
    [Array.from({ length: 33 }, (_, index) => `e${index}=generator`).join(), /has too many sources/],
  ];
  for (const [sources, expected] of wrong) assert.match(faults({ [LIVE]: sources }).join(), expected, sources);
});

test('credentials in an address are not shown', () => {
  assert.doesNotMatch(faults({ [LIVE]: 'a=tcp://me:hunter2@h:1' }).join(), /hunter2/);
  assert.doesNotMatch(faults({ MARKETFLOW_POSTGRES_URL: 'mysql://me:hunter2@h/x' }).join(), /hunter2|me:/);
  assert.doesNotMatch(faults({ MARKETFLOW_REDIS_URL: 'redis//:hunter2@h' }).join(), /hunter2/);
});

test('symbols: all, or distinct proper names up to the limit', () => {
  assert.equal(settings({ MARKETFLOW_SYMBOLS: '*' }).symbols, '*');
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['A,*', /has names beside \*/],
    ['A,a', /"A" is there more than once/],
    ['A,,B', /"" is not a symbol/],
    ['A B', /"A B" is not a symbol/],
    ['é', /is not a symbol/],
    ['A'.repeat(33), /is not a symbol/],
    [Array.from({ length: 2_001 }, (_, index) => `S${index}`).join(), /has too many symbols/],
  ];
  for (const [symbols, expected] of wrong)
    assert.match(faults({ MARKETFLOW_SYMBOLS: symbols }).join(), expected, symbols);
  assert.match(faults({ MARKETFLOW_SYMBOLS: 'A,B', MARKETFLOW_SYMBOL_LIMIT: '1' })[0]!, /2 symbols are more than 1/);
});

test('addresses of servers', () => {
  const postgres = ['postgres://h/x', 'postgresql://u:p%40@[::1]:1/x?sslmode=disable'];
  for (const url of postgres) assert.equal(settings({ MARKETFLOW_POSTGRES_URL: url }).postgres?.url, url);
  const redis = ['redis://:pw@h:1/3', 'rediss://h', 'redis+sentinel://a:1,b:2/name/1', 'redis+cluster://a:1,b:2'];
  for (const url of redis) assert.equal(settings({ MARKETFLOW_REDIS_URL: url }).redis?.url, url);
  for (const url of ['h:5432', 'http://h/x', 'postgres://', 'postgres:///x']) {
    assert.match(faults({ MARKETFLOW_POSTGRES_URL: url })[0] ?? '', /is not a PostgreSQL address/, url);
  }
  for (const url of ['h:6379', 'http://h', 'redis://']) {
    assert.match(faults({ MARKETFLOW_REDIS_URL: url })[0] ?? '', /is not a Redis address/, url);
  }
});

test('intervals divide, hold 1m, and come ascending; seconds only up to 50 symbols', () => {
  const of = (list: string) => settings({ MARKETFLOW_CANDLES_INTERVALS: list }).candles.intervalsMs;
  assert.deepEqual(of('1d, 1m,1s,7m'), [1_000, 60_000, 420_000, 86_400_000]);
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['5m', /lacks 1m/],
    ['1m,60s', /"60000" is there more than once/],
    ['1m,2s', /"2s" does not divide/],
    ['1m,11m', /"11m" does not divide/],
    ['1m,2w', /"2w" does not divide/],
    ['1m,1y', /"1y" is not an interval/],
    ['1m,0m', /"0m" does not divide|"0m" is not an interval/],
  ];
  for (const [list, expected] of wrong) {
    assert.match(faults({ MARKETFLOW_CANDLES_INTERVALS: list })[0] ?? '', expected, list);
  }
  const many = Array.from({ length: 51 }, (_, index) => `S${index}`).join();
  assert.equal(settings({ MARKETFLOW_SYMBOLS: many }).candles.intervalsMs[0], 60_000);
  assert.equal(settings({ MARKETFLOW_SYMBOLS: '*' }).candles.intervalsMs[0], 60_000);
});

test('roles of a split service and servers of later versions are explained', () => {
  assert.match(
    faults({ MARKETFLOW_ROLE: 'collector' })[0]!,
    /"collector" needs Kafka, and is not in this version: must be all or api/,
  );
  assert.match(faults({ MARKETFLOW_ROLE: 'all,api' })[0]!, /has several roles/);
  assert.match(faults({ MARKETFLOW_ROLE: 'api' })[0]!, /api has nothing to answer from: must have redis.url or/);
  assert.deepEqual(settings({ ...REDIS, MARKETFLOW_ROLE: 'api' }).roles, ['api']);
  assert.match(faults({ MARKETFLOW_ROLE: 'all,all' })[0]!, /has several roles/);
  assert.match(faults({ MARKETFLOW_KAFKA_BROKERS: 'h:1' })[0]!, /Kafka is not in this version: must be empty/);
});

test('settings that contradict each other', () => {
  const wrong: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { MARKETFLOW_FEEDS_BACKOFF_MIN: '31s' },
      /^feeds.backoffMin \(env \w+\), feeds.backoffMax \(default\): 31s is above 30s: must be/,
    ],
    [{ MARKETFLOW_FEEDS_FRAME_MAX_BYTES: '512KiB' }, /512KiB is above 256KiB: must be/],
  ];
  for (const [environment, expected] of wrong) assert.match(faults(environment)[0]!, expected);
});

test('all problems of the environment at once', () => {
  const environment = { MARKETFLOW_MODE: 'foo', MARKETFLOW_SERVER_PORT: 'abc', MARKETFLOW_NONSENSE: '1', [LIVE]: 'x' };
  assert.equal(faults({ ...environment, MARKETFLOW_FEEDS_BACKOFF_MAX: '10ms' }).length, 5);
});
