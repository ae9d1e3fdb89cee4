import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { StreamStats } from '../../../application/port/in/market-stream.ts';
import type { SystemQueries } from '../../../application/port/in/queries.ts';
import { RequestTimes } from './request-times.ts';

/** What is read when Prometheus asks, rather than kept up to date. */
export interface MetricSources {
  readonly system: SystemQueries;
  readonly queues: () => { readonly queuedChunks: number; readonly chunksInFlight: number };
  readonly pendingLogRecords: () => number;
  readonly streams: () => StreamStats;
}

const FEED_STATES = ['connecting', 'live', 'stale', 'down'] as const;

/** Seconds; receipt to accepted is tens of microseconds when all is well. */
const LAG_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];

/** Every metric of the process; names by Prometheus' conventions, base units. No label holds what a feed sends. */
export class Metrics {
  readonly registry = new Registry();
  readonly acceptLag = this.histogram('marketflow_accept_lag_seconds', 'From receipt of a chunk to its being accepted');
  readonly logWriteTime = this.histogram('marketflow_tick_log_write_seconds', 'Time to write a group to the tick log');
  readonly commitTime = this.histogram('marketflow_checkpoint_seconds', 'Time to write candles and checkpoint');
  readonly requestTimes = new RequestTimes();
  readonly commitFailures = this.counter('marketflow_checkpoint_failures_total', 'Series of failed checkpoint writes');
  readonly reconnects = this.counter('marketflow_feed_reconnects_total', 'Connections after the first', ['exchange']);
  readonly workersLost = this.counter(
    'marketflow_decode_workers_lost_total',
    'Decoding threads that died and were replaced',
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.registry.registerMetric(this.requestTimes.asMetric());
  }

  /** Adds what is read from the running system. */
  observe({ system, queues, pendingLogRecords, streams }: MetricSources): void {
    const observeStreams = this.observeStreams(streams);
    const received = this.counter('marketflow_ticks_received_total', 'Frames received', ['mode', 'exchange']);
    const accepted = this.counter('marketflow_ticks_accepted_total', 'Ticks accepted', ['mode', 'exchange']);
    const rejected = this.counter('marketflow_ticks_rejected_total', 'Frames rejected', ['mode', 'exchange', 'reason']);
    const feedState = this.gauge('marketflow_feed_state', '1 for the state that the feed is in', ['exchange', 'state']);
    const balanced = this.gauge('marketflow_audit_balanced', '1 while the books balance');
    const depth = this.gauge('marketflow_queue_depth', 'Items waiting or out', ['queue']);
    const logBytes = this.gauge('marketflow_tick_log_bytes', 'Size of the tick log');
    const logSegments = this.gauge('marketflow_tick_log_segments', 'Segments of the tick log');
    const collect = (): void => {
      const audit = system.audit();
      const health = system.health();
      for (const counter of [received, accepted, rejected]) counter.reset();
      for (const { mode, exchange, received: frames, counted, rejected: reasons } of audit.exchanges) {
        received.inc({ mode, exchange }, frames);
        accepted.inc({ mode, exchange }, counted);
        for (const [reason, count] of Object.entries(reasons)) rejected.inc({ mode, exchange, reason }, count);
      }
      feedState.reset();
      for (const { exchange, state } of health.sources) {
        for (const name of FEED_STATES) feedState.set({ exchange, state: name }, name === state ? 1 : 0);
      }
      balanced.set(audit.balanced ? 1 : 0);
      const { queuedChunks, chunksInFlight } = queues();
      depth.set({ queue: 'chunks_waiting' }, queuedChunks);
      depth.set({ queue: 'chunks_in_flight' }, chunksInFlight);
      depth.set({ queue: 'log_records' }, pendingLogRecords());
      logBytes.set(health.tickLog.bytes);
      logSegments.set(health.tickLog.segments);
      observeStreams();
    };
    this.collect = collect;
  }

  private observeStreams(streams: () => StreamStats): () => void {
    const clients = this.gauge('marketflow_stream_clients', 'Clients of streams', ['transport']);
    const topics = this.gauge('marketflow_stream_topics', 'Topics that are looked at');
    const sent = this.counter('marketflow_stream_messages_total', 'Messages of topics given to clients');
    const dropped = this.counter('marketflow_stream_dropped_total', 'Updates that slow clients did not get');
    const lost = this.counter('marketflow_stream_ticks_lost_total', 'Ticks that came faster than they were encoded');
    const slow = this.counter('marketflow_stream_closed_slow_total', 'Clients closed because they stayed behind');
    return () => {
      const stats = streams();
      for (const [transport, count] of Object.entries(stats.clients)) clients.set({ transport }, count);
      topics.set(stats.topics);
      for (const counter of [sent, dropped, lost, slow]) counter.reset();
      sent.inc(stats.sent);
      dropped.inc(stats.dropped);
      lost.inc(stats.ticksLost);
      slow.inc(stats.closedSlow);
    };
  }

  async text(): Promise<{ contentType: string; body: string }> {
    this.collect();
    return { contentType: this.registry.contentType, body: await this.registry.metrics() };
  }

  private collect: () => void = () => undefined;
  private histogram<T extends string>(name: string, help: string, labelNames: T[] = []): Histogram<T> {
    return new Histogram({ name, help, labelNames, buckets: LAG_BUCKETS, registers: [this.registry] });
  }

  private counter<T extends string>(name: string, help: string, labelNames: T[] = []): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<T extends string>(name: string, help: string, labelNames: T[] = []): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
