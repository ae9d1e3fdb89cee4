import { Metrics } from '../../internal/adapter/out/telemetry/metrics.ts';
import type { CandleStore } from '../../internal/application/port/out/candle-store.ts';
import { CandleSource } from '../../internal/application/usecase/query-candles-source.ts';
import { QueryPublished } from '../../internal/application/usecase/query-published.ts';
import { ReportPublished } from '../../internal/application/usecase/report-published.ts';
import { WatchPublished } from '../../internal/application/usecase/watch-published.ts';
import { openCandleReader } from './candle-store.ts';
import { asStartupError } from './data-errors.ts';
import { httpServer } from './http.ts';
import { openLatestPrices } from './latest-prices.ts';
import { type MarketFlow, type MarketFlowOptions, startProcess } from './process.ts';

/** Cache and store, both asked once. */
const START_MS = 5_000;

/** The role `api`: answers out of Redis and PostgreSQL for a process that runs the pipeline. It writes nothing, and has no data folder. */
export async function startApi(options: Omit<MarketFlowOptions, 'onFatal'>): Promise<MarketFlow> {
  const { settings, version, nowMs, startedAtMs } = options;
  const unready = new Set(['starting']);
  const metrics = new Metrics();
  const store = await openCandleReader(settings, nowMs).catch((error: unknown) => {
    throw asStartupError(error);
  });
  const cache =
    settings.redis === null ? null : await openLatestPrices({ settings: settings.redis, startedAtMs, nowMs });

  const watch = new WatchPublished({ cache, store, settings, nowMs });
  const prices = new QueryPublished({ watch, cache, store, nowMs });
  const system = new ReportPublished({
    ...{ watch, cache, store, nowMs, startedAtMs, version },
    role: 'api',
    unready: () => [...unready],
  });
  const candleSource = new CandleSource({
    ...{ store: store ?? NO_CANDLES, memory: null, intervalsMs: settings.candles.intervalsMs, nowMs },
    mode: () => watch.mode.mode,
    exchanges: (mode) => watch.exchanges(mode),
    knowsSymbol: (symbol) => watch.symbols().includes(symbol),
  });
  const http = httpServer(options, { prices, ticks: null, stream: null, mode: system, system, candleSource, metrics });

  return startProcess(settings, {
    before: [
      { name: 'candle store', stop: () => store?.close() },
      { name: 'cache', stop: () => cache?.close() },
      { name: 'watch', start: () => watch.start(), stop: () => watch.stop(), deadlineMs: START_MS },
    ],
    http,
    after: [
      { name: 'readiness', start: () => void unready.delete('starting'), stop: () => void unready.add('stopping') },
    ],
    mode: () => watch.mode.mode,
  });
}

/** Without PostgreSQL there are no candles for this process to read. */
const NO_CANDLES: Pick<CandleStore, 'candles'> = {
  candles: () => Promise.reject(new Error('this process has no candle store (postgres.url)')),
};
