import { sleep, withDeadline } from '../../../pkg/concurrency/deadline.ts';
import { MINUTE_MS } from '../../domain/model/candle.ts';
import type { CandleRow } from '../../domain/model/checkpoint.ts';
import { MODES, type Mode, type ModeState } from '../../domain/model/mode.ts';
import type { Answer, FeedState } from '../port/in/queries.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { LatestPrices, Standing, SystemReport } from '../port/out/latest-prices.ts';
import { failure } from './price-answers.ts';

/** A mode switch, and the end of the publishing process, are known this much later at the latest, and 5 s for the end. */
const POLL_MS = 500;
/** The store is looked at this often: whether it answers, and where the cache says nothing, for names. */
const STORE_POLL_MS = 2_000;
/** With the cache's own deadline under what an answer may take. */
export const STORE_DEADLINE_MS = 1_500;

export interface WatchPublishedParts {
  readonly cache: LatestPrices | null;
  readonly store: CandleStore | null;
  /** As long as nothing has been published: what the settings of this process say. */
  readonly settings: { readonly mode: Mode; readonly symbols: readonly string[] | '*' };
  readonly nowMs: () => number;
}

/** A question's names, found. */
export interface FoundNames {
  readonly mode: Mode;
  readonly symbol: string;
  /** Those to ask. */
  readonly exchanges: readonly string[];
}

/** For a process without a pipeline: what the one that has it says of mode, names and itself, and whether cache and store answer. */
export class WatchPublished {
  private readonly parts: WatchPublishedParts;
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  private standing: Standing | null = null;
  private stored: Standing | null = null;
  private storePolledAtMs = Number.NEGATIVE_INFINITY;
  private askingStore: Promise<void> | null = null;
  /** Of the publishing process; null: it is silent. */
  report: SystemReport | null = null;
  /** The newest that was ever seen. */
  lastReport: SystemReport | null = null;
  /** Why it does not answer; null = it does. */
  cacheFailure: string | null = 'not asked yet';
  storeFailure: string | null = 'not asked yet';

  constructor(parts: WatchPublishedParts) {
    this.parts = parts;
    if (parts.cache === null) this.cacheFailure = null;
    if (parts.store === null) this.storeFailure = null;
  }

  /** Resolves when cache and store have been asked once, whatever they said. */
  async start(): Promise<void> {
    await this.pollCache();
    await this.askStore();
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await this.askingStore;
  }

  /** True once it is known what there is to ask for. */
  get isInformed(): boolean {
    return this.standing !== null || this.stored !== null;
  }

  get mode(): ModeState {
    const unknown = { mode: this.parts.settings.mode, epoch: 0, sinceMs: 0, switched: false };
    return (this.standing ?? this.stored)?.mode ?? unknown;
  }

  exchanges(mode: Mode): readonly string[] {
    return (this.standing ?? this.stored)?.exchanges[mode] ?? [];
  }

  symbols(): readonly string[] {
    const { symbols } = this.parts.settings;
    return (this.standing ?? this.stored)?.symbols ?? (symbols === '*' ? [] : symbols);
  }

  /** undefined: not known, or nobody has said so lately. */
  feedState(exchange: string): FeedState | undefined {
    return this.report?.health.sources.find((source) => source.exchange === exchange)?.state;
  }

  names(exchangeName: string | null, symbolName: string): Answer<FoundNames> {
    const { mode } = this.mode;
    const symbol = symbolName.toUpperCase();
    const exchange = exchangeName?.toLowerCase() ?? null;
    if (!this.isInformed) return failure('unavailable', this.reasons().join('; ') || 'nothing has been published yet');
    const known = this.exchanges(mode);
    if (exchange !== null && !known.includes(exchange))
      return failure('unknown_exchange', `no exchange ${exchange} in ${mode} mode`);
    if (!this.symbols().includes(symbol))
      return failure('unknown_symbol', `${symbol} is not among the accepted symbols`);
    return { ok: true, value: { mode, symbol, exchanges: exchange === null ? known : [exchange] } };
  }

  /** Why questions have no answer, or not the best one; empty = all is well. */
  reasons(): readonly string[] {
    const { cache, store } = this.parts;
    return [
      ...(cache === null || this.cacheFailure === null ? [] : [this.cacheFailure]),
      ...(store === null || this.storeFailure === null
        ? []
        : [`the candle store does not answer: ${this.storeFailure}`]),
    ];
  }

  /** A store that does not answer must not keep a mode switch from being seen. */
  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await sleep(POLL_MS, signal).catch(() => undefined);
      if (signal.aborted) continue;
      await this.pollCache();
      const isDue = performance.now() - this.storePolledAtMs >= STORE_POLL_MS;
      if (isDue && this.askingStore === null) void this.askStore();
    }
  }

  private askStore(): Promise<void> {
    this.storePolledAtMs = performance.now();
    this.askingStore = this.pollStore().finally(() => {
      this.askingStore = null;
    });
    return this.askingStore;
  }

  private async pollCache(): Promise<void> {
    const { cache } = this.parts;
    if (cache === null) return;
    try {
      const [standing, report] = await Promise.all([cache.standing(), cache.lastReport()]);
      this.standing = standing ?? this.standing;
      this.report = report;
      this.lastReport = report ?? this.lastReport;
      this.cacheFailure = standing === null ? 'nothing is published under this prefix' : null;
    } catch (cause) {
      this.report = null;
      this.cacheFailure = messageOf(cause);
    }
  }

  private async pollStore(): Promise<void> {
    const { store } = this.parts;
    if (store === null) return;
    try {
      if (this.standing === null) this.stored = (await this.readNames(store)) ?? this.stored;
      else await withDeadline(store.candles(this.anyRange()), STORE_DEADLINE_MS, 'the candle store');
      this.storeFailure = null;
    } catch (cause) {
      this.storeFailure = messageOf(cause);
    }
  }

  private anyRange() {
    const { mode } = this.mode;
    const nowMs = this.parts.nowMs();
    const [exchange = '', symbol = ''] = [this.exchanges(mode)[0], this.symbols()[0]];
    const span = { fromMs: nowMs - 2 * MINUTE_MS, toMs: nowMs, limit: 1, order: 'desc' as const };
    return { mode, exchange, symbol, intervalMs: MINUTE_MS, ...span };
  }

  /** Names of the pairs that have candles; the mode in force is the one of the highest epoch. */
  private async readNames(store: CandleStore): Promise<Standing | null> {
    const ask = MODES.map((mode) => withDeadline(store.newest(mode), STORE_DEADLINE_MS, 'the candle store'));
    const rows = (await Promise.all(ask)).flat();
    const newest = rows.reduce<CandleRow | null>((a, b) => (a === null || b.epoch > a.epoch ? b : a), null);
    if (newest === null) return null;
    const exchangesOf = (mode: Mode) => [
      ...new Set(rows.filter((row) => row.mode === mode).map(({ exchange }) => exchange)),
    ];
    const { symbols } = this.parts.settings;
    return {
      mode: { mode: newest.mode, epoch: newest.epoch, sinceMs: newest.openMs, switched: false },
      exchanges: { live: exchangesOf('live'), test: exchangesOf('test') },
      symbols: [...new Set([...rows.map(({ symbol }) => symbol), ...(symbols === '*' ? [] : symbols)])],
    };
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
