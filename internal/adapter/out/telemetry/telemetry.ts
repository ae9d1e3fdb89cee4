import type { Logger } from 'pino';
import type { FeedState } from '../../../application/port/in/queries.ts';
import type { Happenings } from '../../../application/port/out/happenings.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import type { Metrics } from './metrics.ts';

/** Each happening as one log line and its metric. */
export class Telemetry implements Happenings {
  private readonly logger: Logger;
  private readonly metrics: Metrics;

  constructor(logger: Logger, metrics: Metrics) {
    this.logger = logger;
    this.metrics = metrics;
  }

  feedChanged(exchange: string, from: FeedState, to: FeedState, reason: string): void {
    const line = { exchange, from, to, reason };
    if (to === 'live') this.logger.info(line, 'feed is live');
    else this.logger.warn(line, `feed is ${to}`);
  }

  reconnected(exchange: string): void {
    this.metrics.reconnects.inc({ exchange });
  }

  workerLost(reason: string, respawnInMs: number): void {
    this.metrics.workersLost.inc();
    this.logger.error(
      { reason, respawnInMs: Math.round(respawnInMs) },
      'decoding thread died; its chunks are done again',
    );
  }

  modeSwitched(mode: Mode, epoch: number, tookMs: number): void {
    this.logger.info({ mode, epoch, tookMs }, 'mode switched');
  }

  replayed(records: number, ticks: number, tookMs: number): void {
    if (records > 0) this.logger.info({ records, ticks, tookMs }, 'tick log replayed');
  }

  logWritten(tookMs: number): void {
    this.metrics.logWriteTime.observe(tookMs / 1_000);
  }

  logDamaged(batches: number, ticks: number): void {
    this.logger.error({ batches, ticks }, 'tick log is damaged; the minutes concerned are marked incomplete');
  }

  checkpointWritten(rows: number, tookMs: number): void {
    this.metrics.commitTime.observe(tookMs / 1_000);
    this.logger.debug({ rows, tookMs }, 'checkpoint written');
  }

  checkpointFailed(reason: string): void {
    this.metrics.commitFailures.inc();
    this.logger.error({ reason }, 'candles cannot be written; ticks stay in the log until they can');
  }

  checkpointRecovered(failedForMs: number): void {
    this.logger.info({ failedForMs }, 'candles are written again');
  }

  cacheFailed(reason: string): void {
    this.logger.warn({ reason }, 'the cache is degraded; prices go on without it');
  }

  cacheRecovered(failedForMs: number): void {
    this.logger.info({ failedForMs }, 'the cache is well again');
  }

  symbolAdded(name: string, known: number, limit: number): void {
    if (known === limit) this.logger.warn({ limit }, 'symbol limit reached; further symbols are rejected as unknown');
    this.logger.debug({ symbol: name, known }, 'new symbol');
  }

  chunkAccepted(_ticks: number, lagMs: number): void {
    this.metrics.acceptLag.observe(Math.max(0, lagMs) / 1_000);
  }
}
