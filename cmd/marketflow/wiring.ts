import { randomUUID } from 'node:crypto';
import { Metrics } from '../../internal/adapter/out/telemetry/metrics.ts';
import { Telemetry } from '../../internal/adapter/out/telemetry/telemetry.ts';
import { PublishLatest } from '../../internal/application/usecase/publish-latest.ts';
import { memoryOf } from '../../internal/application/usecase/query-candles-memory.ts';
import { CandleSource } from '../../internal/application/usecase/query-candles-source.ts';
import { QueryPrices } from '../../internal/application/usecase/query-prices.ts';
import { QueryTicks } from '../../internal/application/usecase/query-ticks.ts';
import { ReportSystem } from '../../internal/application/usecase/report-system.ts';
import { StreamHub, WILDCARDS_MAX } from '../../internal/application/usecase/stream-hub.ts';
import { TickTap } from '../../internal/application/usecase/stream-tap.ts';
import type { Mode } from '../../internal/domain/model/mode.ts';
import { openAggregator } from './aggregator.ts';
import { buildCollector } from './collector.ts';
import { httpServer } from './http.ts';
import { openLatestPrices } from './latest-prices.ts';
import { type MarketFlow, type MarketFlowOptions, startProcess } from './process.ts';

/** The role `all`: collector, aggregator and answers in one process, top to bottom. Rejects with a StartupError. */
export async function startMarketFlow(options: MarketFlowOptions): Promise<MarketFlow> {
  const { settings, logger, version, nowMs, startedAtMs } = options;
  const unready = new Set(['starting']);
  const metrics = new Metrics();
  const happenings = new Telemetry(logger, metrics);

  const aggregator = await openAggregator(options, happenings);
  const { store, log, state, checkpoints } = aggregator;
  const tap = new TickTap(state);
  const onStarted = () => void unready.delete('starting');
  const collector = buildCollector(options, { aggregator, happenings, onFolded: tap.folded, onStarted });
  const { symbols, ingest, feeds, watch, mode } = collector;

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
  const { redis } = settings;
  const cache = redis === null ? null : await openLatestPrices({ settings: redis, startedAtMs, nowMs });
  const publisher =
    cache &&
    new PublishLatest({
      ...{ state, cache, feeds, symbols, happenings, nowMs },
      report: () => system.all(),
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
  const ticks = new QueryTicks({ log, state, exchanges, knowsSymbol, nowMs });
  const http = httpServer(options, { prices, ticks, stream, mode, system, candleSource, metrics });

  return startProcess(settings, {
    before: [
      ...aggregator.parts,
      { name: 'cache', start: () => publisher?.start(), stop: () => publisher?.stop() },
      ...collector.partsBeforeHttp,
    ],
    http,
    after: [...collector.partsAfterHttp, { name: 'readiness', stop: () => void unready.add('stopping') }],
    mode: () => mode.current().mode,
  });
}
