import { randomUUID } from 'node:crypto';
import { FeedEngine } from '../../internal/adapter/in/exchange/feed-engine.ts';
import { buildHttpServer } from '../../internal/adapter/in/http/server.ts';
import { formulas } from '../../internal/adapter/out/indicators/formulas.ts';
import { acquireDataFolder } from '../../internal/adapter/out/sqlite/data-folder-lock.ts';
import { Metrics } from '../../internal/adapter/out/telemetry/metrics.ts';
import { Telemetry } from '../../internal/adapter/out/telemetry/telemetry.ts';
import { IngestTicks } from '../../internal/application/usecase/ingest-ticks.ts';
import { KeepCheckpoints } from '../../internal/application/usecase/keep-checkpoints.ts';
import { PublishLatest } from '../../internal/application/usecase/publish-latest.ts';
import { QueryCandles } from '../../internal/application/usecase/query-candles.ts';
import { memoryOf } from '../../internal/application/usecase/query-candles-memory.ts';
import { CandleSource } from '../../internal/application/usecase/query-candles-source.ts';
import { QueryIndicators } from '../../internal/application/usecase/query-indicators.ts';
import { QueryPrices } from '../../internal/application/usecase/query-prices.ts';
import { QueryTicks } from '../../internal/application/usecase/query-ticks.ts';
import { replayLog } from '../../internal/application/usecase/recover-state.ts';
import { ReportSystem } from '../../internal/application/usecase/report-system.ts';
import { StreamHub, WILDCARDS_MAX } from '../../internal/application/usecase/stream-hub.ts';
import { TickTap } from '../../internal/application/usecase/stream-tap.ts';
import { SwitchMode } from '../../internal/application/usecase/switch-mode.ts';
import { SymbolDirectory } from '../../internal/application/usecase/symbol-directory.ts';
import { WatchSources } from '../../internal/application/usecase/watch-sources.ts';
import type { Mode } from '../../internal/domain/model/mode.ts';
import { MarketState } from '../../internal/domain/service/market-state.ts';
import { withDeadline } from '../../pkg/concurrency/deadline.ts';
import { Lifecycle } from '../../pkg/concurrency/lifecycle.ts';
import type { Logger } from '../../pkg/logger/logger.ts';
import { openCandleStore, refuseGap } from './candle-store.ts';
import { asStartupError, isClosedCandleStore, isClosedTickLog } from './data-errors.ts';
import { spawnDecodeThread } from './decode-thread-source.ts';
import { EXIT_CODE, StartupError } from './exit-code.ts';
import { feedSource } from './feed-sources.ts';
import { openLatestPrices } from './latest-prices.ts';
import type { Settings } from './settings.ts';
import { openTickLog } from './tick-log.ts';

/** Deadlines of the stop's steps: together under the ten seconds that a stop may take. */
const DRAIN_MS = 4_000;
const STEP_MS = 2_000;
/** How long the start waits for the mode to be in the log before HTTP answers: at once but for a full disk. */
const MODE_WAIT_MS = 1_000;

export interface MarketFlowOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly version: string;
  readonly startedAtMs: number;
  readonly nowMs: () => number;
  /** The process can't go on; what is accepted is in the log. */
  readonly onFatal: (cause: unknown) => void;
}

export interface MarketFlow {
  /** Where HTTP answers. */
  readonly url: string;
  /** The mode in force: a remembered one wins over the setting. */
  mode(): Mode;
  /** Start-up in reverse; what is accepted is in the log whether or not it succeeds. */
  stop(): Promise<void>;
}

/** Builds the process top to bottom and starts it. Rejects with a StartupError that says why it can't be. */
export async function startMarketFlow(options: MarketFlowOptions): Promise<MarketFlow> {
  const { settings, logger, version, nowMs, startedAtMs, onFatal } = options;
  const unready = new Set(['starting']);
  const random = Math.random;

  const metrics = new Metrics();
  const happenings = new Telemetry(logger, metrics);

  const folder = orRefuse(() => acquireDataFolder(settings.dataDir));
  const store = await orRefuseAsync(openCandleStore({ settings, dataDir: folder.path, nowMs, logger }));
  const checkpoint = await orRefuseAsync(store.load());

  const { flushIntervalMs, ...fold } = settings.candles;
  const state = new MarketState(fold);
  if (checkpoint !== null) state.restore(checkpoint);
  const log = await orRefuseAsync(
    openTickLog({ settings: settings.tickLog, dataDir: folder.path, afterPosition: state.position, nowMs, logger }),
  );
  refuseGap(folder.path, state.position, log.stats());
  await orRefuseAsync(replayLog(state, log, happenings, nowMs));

  const checkpoints = new KeepCheckpoints({
    state,
    store,
    log,
    happenings,
    nowMs,
    intervalMs: flushIntervalMs,
    onFatal: (cause) => {
      if (!isClosedCandleStore(cause)) onFatal(cause);
    },
  });
  const symbols = new SymbolDirectory(state.symbols, settings.symbols, settings.symbolLimit);
  const tap = new TickTap(state);
  const ingest = new IngestTicks({
    log,
    state,
    symbols,
    happenings,
    nowMs,
    onFatal: (cause) => {
      if (!isClosedTickLog(cause)) onFatal(cause);
    },
    commit: () => checkpoints.commit(),
    onFolded: tap.folded,
  });
  if (settings.symbols !== '*') for (const name of settings.symbols) ingest.addSymbol(name);

  const { feeds: timings, pipeline } = settings;
  const feeds = new FeedEngine({
    sources: {
      live: settings.live.sources.map((source) => feedSource(source, settings, nowMs)),
      test: settings.test.sources.map((source) => feedSource(source, settings, nowMs)),
    },
    intake: ingest,
    happenings,
    timings,
    backoffMinMs: timings.backoffMinMs,
    backoffMaxMs: timings.backoffMaxMs,
    frameMaxBytes: timings.frameMaxBytes,
    chunkBytes: timings.chunkBytes,
    threads: pipeline.threads,
    workersPerSource: pipeline.workersPerSource,
    spawnThread: spawnDecodeThread,
    nowMs,
    random,
  });

  const watch = new WatchSources({ state, feeds, ingest, nowMs, staleAfterMs: timings.staleAfterMs });
  const mode = new SwitchMode({ state, feeds, ingest, happenings, nowMs });
  const exchanges = (of: Mode) => {
    const seen = state.knownSources().filter((source) => source.mode === of);
    return [...new Set([...feeds.exchanges(of), ...seen.map(({ exchange }) => exchange)])];
  };
  const knowsSymbol = (name: string) => symbols.idOf(name) !== undefined || state.symbols.includes(name);
  const candleSource = new CandleSource({
    ...{ store, memory: memoryOf(state), intervalsMs: state.intervalsMs, exchanges, knowsSymbol, nowMs },
    mode: () => state.mode?.mode ?? settings.mode,
  });
  const prices = new QueryPrices({ state, store, feeds, symbols, nowMs });
  const system = new ReportSystem({
    ...{ state, feeds, log, store, checkpoints, watch, symbols, nowMs, startedAtMs, version },
    role: 'all',
    cache: () => publisher?.health() ?? null,
    unready: () => [...unready, ...(ingest.waitsFor === null ? [] : [`intake waits: ${ingest.waitsFor}`])],
  });
  const cache =
    settings.redis === null ? null : await openLatestPrices({ settings: settings.redis, startedAtMs, nowMs });
  const publisher: PublishLatest | null =
    cache &&
    new PublishLatest({
      state,
      cache,
      feeds,
      symbols,
      happenings,
      report: () => system.all(),
      nowMs,
      elapsedMs: () => performance.now(),
    });
  const stream = new StreamHub({
    ...{ state, feeds, symbols, prices, system, tap, nowMs },
    limits: { ...settings.streams, wildcards: WILDCARDS_MAX },
    schedule: (call, delayMs) => void setTimeout(call, delayMs),
    newSessionId: randomUUID,
  });
  metrics.observe({
    system,
    queues: () => feeds.queues(),
    pendingLogRecords: () => log.stats().pendingRecords,
    streams: () => stream.stats(),
  });
  const http = buildHttpServer({
    prices,
    candles: new QueryCandles(candleSource),
    indicators: new QueryIndicators(candleSource, formulas),
    ticks: new QueryTicks({ log, state, exchanges, knowsSymbol, nowMs }),
    stream,
    mode,
    system,
    requestsPerSecond: settings.server.requestsPerSecond,
    version,
    nowMs,
    metricsText: () => metrics.text(),
    observeRequest: (route, method, status, seconds) => metrics.requestTimes.observe(route, method, status, seconds),
    reportFault: (cause) => logger.error({ err: cause }, 'a request failed'),
  });

  let url = '';
  let modeDecided = Promise.resolve();
  const life = new Lifecycle(
    [
      { name: 'data folder', stop: () => folder.release() },
      { name: 'candle store', stop: () => store.close() },
      { name: 'tick log', stop: () => log.close() },
      { name: 'checkpoints', start: () => checkpoints.start(), stop: () => checkpoints.stop() },
      { name: 'cache', start: () => publisher?.start(), stop: () => publisher?.stop() },
      { name: 'decoders', stop: () => feeds.close() },
      {
        name: 'mode',
        // With a full disk it takes until there is room, and HTTP has to say so meanwhile.
        start: async () => {
          modeDecided = mode.decide(settings.mode);
          await withDeadline(modeDecided, MODE_WAIT_MS, 'the mode').catch(() => undefined);
        },
      },
      {
        name: 'http',
        start: async () => {
          ({ url } = await http.listen(settings.server.host, settings.server.port));
        },
        stop: () => http.close(),
      },
      { name: 'watch', start: () => watch.start(), stop: () => watch.stop() },
      {
        name: 'feeds',
        start: () => {
          void modeDecided
            .then(() => mode.start())
            .then(() => {
              unready.delete('starting');
            }, onFatal);
        },
        stop: () => mode.stop(DRAIN_MS),
        deadlineMs: DRAIN_MS + 500,
      },
      { name: 'readiness', stop: () => void unready.add('stopping') },
    ],
    STEP_MS,
  );
  await life.start().catch((error: unknown) => {
    throw refusedPort(error, settings) ?? error;
  });
  return { url, mode: () => mode.current().mode, stop: () => life.stop() };
}

function orRefuse<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw asStartupError(error);
  }
}

async function orRefuseAsync<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    throw asStartupError(error);
  }
}

/** The HTTP port can't be had: the one refusal of the start that is nobody's fault. */
export function refusedPort(error: unknown, { server }: Settings): StartupError | null {
  const causes = error instanceof AggregateError ? error.errors : [error];
  const refused = causes.find(
    (cause: NodeJS.ErrnoException) => cause?.syscall === 'listen' || cause?.syscall === 'getaddrinfo',
  );
  if (refused === undefined) return null;
  const at = `${server.host}:${server.port}`;
  const reason = { EADDRINUSE: 'is taken', EACCES: 'is not allowed', EADDRNOTAVAIL: 'is no address of this machine' }[
    String(refused.code)
  ];
  return new StartupError(
    EXIT_CODE.unavailable,
    `server.port: ${at} ${reason ?? `can't be listened on (${refused.code})`}`,
    {
      cause: error,
    },
  );
}
