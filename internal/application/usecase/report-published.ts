import type { ModeState } from '../../domain/model/mode.ts';
import type {
  Audit,
  ComponentHealth,
  ExchangeInfo,
  HealthReport,
  ModeControl,
  Readiness,
  SymbolInfo,
  SystemQueries,
} from '../port/in/queries.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { LatestPrices } from '../port/out/latest-prices.ts';
import type { WatchPublished } from './watch-published.ts';

/** This process can't do it, and says where it is done. */
export class NoPipelineError extends Error {
  override readonly name = 'NoPipelineError';
  readonly code = 'unavailable';
}

export interface ReportPublishedParts {
  readonly watch: WatchPublished;
  readonly cache: LatestPrices | null;
  readonly store: CandleStore | null;
  readonly nowMs: () => number;
  readonly startedAtMs: number;
  readonly role: string;
  readonly version: string;
  /** Why the process is not ready beside what it answers from; empty = it is. */
  readonly unready: () => readonly string[];
}

/** Health, books and names as the process with the pipeline tells them, and this process's own health. */
export class ReportPublished implements SystemQueries, ModeControl {
  private readonly parts: ReportPublishedParts;

  constructor(parts: ReportPublishedParts) {
    this.parts = parts;
  }

  health(): HealthReport {
    const { watch, nowMs, startedAtMs, role, version } = this.parts;
    const storage = this.storage();
    const cache = this.cache();
    const sources = (watch.lastReport?.health.sources ?? []).map((source) => ({
      ...source,
      state: watch.report === null ? ('stale' as const) : source.state,
      ticksPerSecond: watch.report === null ? 0 : source.ticksPerSecond,
      ageMs: source.lastTickAt === null ? null : Math.max(0, nowMs() - source.lastTickAt),
    }));
    const isWell =
      storage.status === 'ok' &&
      cache.status === 'ok' &&
      watch.report !== null &&
      sources.every(({ state }) => state === 'live');
    return {
      status: this.isDumb() ? 'down' : isWell ? 'ok' : 'degraded',
      mode: watch.mode.mode,
      role,
      uptimeMs: Math.max(0, Math.round(nowMs() - startedAtMs)),
      version,
      sources,
      storage,
      cache,
      tickLog: { kind: 'none', status: 'ok', bytes: 0, segments: 0 },
    };
  }

  readiness(): Readiness {
    const { unready, watch } = this.parts;
    const silent = this.isDumb() || !watch.isInformed;
    const reasons = [...unready(), ...(silent ? [...watch.reasons(), 'there is nothing to answer from'] : [])];
    return { ready: reasons.length === 0, reasons };
  }

  audit(): Audit {
    return this.reported().audit;
  }

  symbols(): readonly SymbolInfo[] {
    const { lastReport, report } = this.parts.watch;
    if (lastReport === null)
      return this.parts.watch.symbols().map((symbol) => ({ symbol, status: null, exchanges: [] }));
    if (report !== null) return report.symbols;
    return lastReport.symbols.map((info) => ({
      ...info,
      status: info.status === null ? null : 'stale',
      exchanges: info.exchanges.map((exchange) => ({ ...exchange, status: 'stale' })),
    }));
  }

  exchanges(): readonly ExchangeInfo[] {
    const { watch } = this.parts;
    if (watch.report !== null) return watch.report.exchanges;
    if (watch.lastReport !== null) return watch.lastReport.exchanges.map((info) => ({ ...info, state: 'stale' }));
    const { mode } = watch.mode;
    const unknown = { mode, state: 'stale' as const, address: null, symbols: [], lastTickAt: null };
    return watch.exchanges(mode).map((exchange) => ({ exchange, ...unknown }));
  }

  current(): ModeState {
    return this.parts.watch.mode;
  }

  async switchTo(): Promise<ModeState> {
    throw new NoPipelineError('No pipeline runs in this process: ask the one of the role "all" to switch the mode.');
  }

  private reported() {
    const { report } = this.parts.watch;
    if (report !== null) return report;
    throw new NoPipelineError('The process that keeps the books is silent, or not to be heard through the cache.');
  }

  /** Neither of what it answers from is there. */
  private isDumb(): boolean {
    const { watch, cache, store } = this.parts;
    return (cache === null || watch.cacheFailure !== null) && (store === null || watch.storeFailure !== null);
  }

  private storage(): ComponentHealth {
    const { store, watch } = this.parts;
    if (store === null) return { kind: 'none', status: 'ok' };
    const { kind, features } = store;
    return { ...componentOf(kind, watch.storeFailure), ...(features === undefined ? {} : { features }) };
  }

  private cache(): ComponentHealth {
    const { cache, watch } = this.parts;
    if (cache === null) return { kind: 'none', status: 'ok' };
    const silent = 'the process that writes it has not been heard of for five seconds';
    return componentOf(cache.kind, watch.cacheFailure ?? (watch.report === null ? silent : null));
  }
}

function componentOf(kind: string, failure: string | null): ComponentHealth {
  return failure === null ? { kind, status: 'ok' } : { kind, status: 'degraded', detail: failure };
}
