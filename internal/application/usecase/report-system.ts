import type { Mode } from '../../domain/model/mode.ts';
import { REJECTION_REASONS, type RejectionReason, totalRejected } from '../../domain/model/rejection.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { SourceBook } from '../../domain/service/source-book.ts';
import type {
  Audit,
  ComponentHealth,
  ExchangeInfo,
  HealthReport,
  PriceStatus,
  Readiness,
  SymbolInfo,
  SystemQueries,
} from '../port/in/queries.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { MarketFeeds } from '../port/out/market-feeds.ts';
import type { TickLog } from '../port/out/tick-log.ts';
import type { KeepCheckpoints } from './keep-checkpoints.ts';
import { priceStatus } from './price-status.ts';
import type { SymbolDirectory } from './symbol-directory.ts';
import type { WatchSources } from './watch-sources.ts';

export interface ReportSystemParts {
  readonly state: MarketState;
  readonly feeds: MarketFeeds;
  readonly log: TickLog;
  readonly store: CandleStore;
  readonly checkpoints: KeepCheckpoints;
  readonly watch: WatchSources;
  readonly symbols: SymbolDirectory;
  readonly nowMs: () => number;
  readonly startedAtMs: number;
  readonly role: string;
  readonly version: string;
  /** Of the cache beside this process; null or left out: there is none. */
  readonly cache?: () => ComponentHealth | null;
  /** Why the process is not ready; empty = ready. */
  readonly unready: () => readonly string[];
}

const STATUS_RANK: readonly PriceStatus[] = ['live', 'quiet', 'stale', 'down'];

/** Health, the books, and what is known. */
export class ReportSystem implements SystemQueries {
  private readonly parts: ReportSystemParts;

  constructor(parts: ReportSystemParts) {
    this.parts = parts;
  }

  health(): HealthReport {
    const { state, feeds, watch, nowMs, startedAtMs, role, version, store, log } = this.parts;
    const mode = this.mode();
    const sources = feeds.status().map((feed) => {
      const source = state.source(mode, feed.exchange);
      const lastTickAt = source?.lastReceivedAtMs ?? null;
      return {
        exchange: feed.exchange,
        state: feed.state,
        lastTickAt,
        ageMs: lastTickAt === null ? null : Math.max(0, nowMs() - lastTickAt),
        ticksPerSecond: source === undefined ? 0 : watch.ticksPerSecond(source),
        reconnects: feed.reconnects,
      };
    });
    const storage = this.storage();
    const stats = log.stats();
    const tickLog: ComponentHealth = {
      kind: stats.kind,
      status: stats.state === 'ok' ? 'ok' : 'degraded',
      ...(stats.state === 'ok' ? {} : { detail: `intake waits: ${stats.state}` }),
    };
    const cache = this.parts.cache?.() ?? { kind: 'memory', status: 'ok' };
    const allWell =
      [storage, tickLog, cache].every((part) => part.status === 'ok') &&
      sources.every((source) => source.state === 'live');
    return {
      status: allWell ? 'ok' : 'degraded',
      mode,
      role,
      uptimeMs: nowMs() - startedAtMs,
      version,
      sources,
      storage: { ...storage, kind: store.kind, ...(store.features === undefined ? {} : { features: store.features }) },
      cache,
      tickLog: { ...tickLog, bytes: stats.bytes, segments: stats.segments },
    };
  }

  all(): { health: HealthReport; audit: Audit; symbols: readonly SymbolInfo[]; exchanges: readonly ExchangeInfo[] } {
    return { health: this.health(), audit: this.audit(), symbols: this.symbols(), exchanges: this.exchanges() };
  }

  readiness(): Readiness {
    const reasons = this.parts.unready();
    return { ready: reasons.length === 0, reasons };
  }

  audit(): Audit {
    const { state, log } = this.parts;
    const sources = state.knownSources();
    const sum = (value: (source: SourceBook) => number): number =>
      sources.reduce((total, source) => total + value(source), 0);
    const received = sum((source) => source.frames);
    const counted = sum((source) => source.counted);
    const inCandles = sum((source) => source.countInCandles());
    const rejected = namedReasons((reason) => sum((source) => source.rejected[reason] ?? 0));
    return {
      received,
      accepted: counted,
      rejected,
      counted,
      // A record is folded in the turn in which it is logged, and at start-up before the first answer.
      open: 0,
      balanced: received === counted + sum((source) => totalRejected(source.rejected)) && counted === inCandles,
      inCandles,
      damaged: { batches: state.damagedBatches, ticks: state.damagedTicks },
      position: { log: log.stats().lastPosition, folded: state.position, checkpoint: state.committedPosition },
      exchanges: sources.map((source) => ({
        mode: source.mode,
        exchange: source.exchange,
        received: source.frames,
        counted: source.counted,
        rejected: namedReasons((reason) => source.rejected[reason] ?? 0),
      })),
    };
  }

  symbols(): readonly SymbolInfo[] {
    const { state, feeds, nowMs } = this.parts;
    const feedStates = new Map(feeds.status().map((feed) => [feed.exchange, feed.state]));
    const sources = this.sources(this.mode());
    return this.symbolNames(sources).map((symbol) => {
      const exchanges = sources.flatMap((source) => {
        const instrument = state.instrument(source, symbol);
        if (instrument === undefined) return [];
        const status = priceStatus(feedStates.get(source.exchange), nowMs() - instrument.lastReceivedAtMs);
        return [{ exchange: source.exchange, status, lastTickAt: instrument.lastReceivedAtMs }];
      });
      const status = STATUS_RANK.find((rank) => exchanges.some((exchange) => exchange.status === rank)) ?? null;
      return { symbol, status, exchanges };
    });
  }

  exchanges(): readonly ExchangeInfo[] {
    const { state, feeds } = this.parts;
    const mode = this.mode();
    const feedsByName = new Map(feeds.status().map((feed) => [feed.exchange, feed]));
    const listened = feeds.exchanges(mode);
    const names = new Set([...listened, ...this.sources(mode).map(({ exchange }) => exchange)]);
    return [...names].map((exchange) => {
      const source = state.source(mode, exchange);
      const feed = feedsByName.get(exchange);
      return {
        exchange,
        mode,
        state: feed?.state ?? (listened.includes(exchange) ? 'connecting' : 'down'),
        address: feed?.address ?? null,
        symbols: source === undefined ? [] : this.symbolsOf(source),
        lastTickAt: source?.lastReceivedAtMs ?? null,
      };
    });
  }

  /** Those that have been heard of in `mode`, whether or not the settings still name them. */
  private sources(mode: Mode): readonly SourceBook[] {
    return this.parts.state.knownSources().filter((source) => source.mode === mode);
  }

  /** Everything that a price may be asked for: the accepted ones first. */
  private symbolNames(sources: readonly SourceBook[]): readonly string[] {
    return [...new Set([...this.parts.symbols.names(), ...sources.flatMap((source) => this.symbolsOf(source))])];
  }

  private symbolsOf({ instruments }: SourceBook): readonly string[] {
    const { symbols } = this.parts.state;
    return instruments.flatMap((i) => (i === undefined ? [] : [symbols[i.symbolId] ?? '']));
  }

  private mode() {
    return this.parts.state.mode?.mode ?? 'test';
  }

  private storage(): Omit<ComponentHealth, 'kind'> {
    const { error } = this.parts.checkpoints;
    return error === null ? { status: 'ok' } : { status: 'degraded', detail: error };
  }
}

function namedReasons(count: (reason: number) => number): Record<RejectionReason, number> {
  return Object.fromEntries(REJECTION_REASONS.map((name, reason) => [name, count(reason)])) as Record<
    RejectionReason,
    number
  >;
}
