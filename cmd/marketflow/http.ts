import { buildHttpServer, type HttpDependencies, type HttpServer } from '../../internal/adapter/in/http/server.ts';
import { formulas } from '../../internal/adapter/out/indicators/formulas.ts';
import type { Metrics } from '../../internal/adapter/out/telemetry/metrics.ts';
import { QueryCandles } from '../../internal/application/usecase/query-candles.ts';
import type { CandleSource } from '../../internal/application/usecase/query-candles-source.ts';
import { QueryIndicators } from '../../internal/application/usecase/query-indicators.ts';
import type { MarketFlowOptions } from './process.ts';

/** What answers in one role. */
export type RoleAnswers = Pick<HttpDependencies, 'prices' | 'ticks' | 'stream' | 'mode' | 'system'> & {
  readonly candleSource: CandleSource;
  readonly metrics: Metrics;
};

/** HTTP over the answers of a role; what is the same in each of them is said here. */
export function httpServer(
  { settings, logger, version, nowMs }: Pick<MarketFlowOptions, 'settings' | 'logger' | 'version' | 'nowMs'>,
  { candleSource, metrics, ...answers }: RoleAnswers,
): HttpServer {
  return buildHttpServer({
    ...answers,
    candles: new QueryCandles(candleSource),
    indicators: new QueryIndicators(candleSource, formulas),
    requestsPerSecond: settings.server.requestsPerSecond,
    version,
    nowMs,
    metricsText: () => metrics.text(),
    observeRoute: (route, method) => metrics.requestTimes.observer(route, method),
    reportFault: (cause) => logger.error({ err: cause }, 'a request failed'),
  });
}
