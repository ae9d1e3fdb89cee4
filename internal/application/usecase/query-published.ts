import { withDeadline } from '../../../pkg/concurrency/deadline.ts';
import { type Extremes, emptyExtremes, MINUTE_MS, mergeExtremes, SECOND_MS } from '../../domain/model/candle.ts';
import type { Mode } from '../../domain/model/mode.ts';
import { COARSE_WINDOW_MS } from '../../domain/service/market-state.ts';
import type { Answer, LatestPrice, Period, PriceQueries } from '../port/in/queries.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { LatestPrices, PublishedSeconds } from '../port/out/latest-prices.ts';
import { type PeriodWindow, periodWindow } from './period-window.ts';
import { type Failure, failure, noTick, type PairSummary, PeriodFigures, type Summaries } from './price-answers.ts';
import { priceStatus } from './price-status.ts';
import { type FoundNames, STORE_DEADLINE_MS, type WatchPublished } from './watch-published.ts';

const DAY_MS = 86_400_000;

export interface QueryPublishedParts {
  readonly watch: WatchPublished;
  readonly cache: LatestPrices | null;
  readonly store: CandleStore | null;
  readonly nowMs: () => number;
}

interface KnownPrice {
  readonly exchange: string;
  readonly price: number;
  readonly eventAtMs: number;
  readonly receivedAtMs: number;
  readonly isStored: boolean;
}

/** The cache can't answer for the window exactly; the store alone may. */
class NotCoveredError extends Error {}

/** The store, which has a part of the window, does not answer. */
class StoreSilentError extends Error {}

/**
 * Answers for prices without the pipeline's memory. The order of truth: the cache, else the candle store, whose prices
 * are `stale`. Edges of windows are on seconds for periods up to ten minutes, on minutes beyond.
 */
export class QueryPublished extends PeriodFigures implements PriceQueries {
  private readonly parts: QueryPublishedParts;

  constructor(parts: QueryPublishedParts) {
    super();
    this.parts = parts;
  }

  async latest(exchangeName: string | null, symbolName: string): Promise<Answer<LatestPrice>> {
    const found = this.parts.watch.names(exchangeName, symbolName);
    if (!found.ok) return found;
    const names = found.value;
    const cached = await Promise.allSettled(names.exchanges.map((exchange) => this.cachedPrice(names, exchange)));
    const known = valuesOf(cached);
    let failed = cached.filter(({ status }) => status === 'rejected').length;
    if (known.length === 0 || failed > 0) {
      const missing = names.exchanges.filter((exchange) => !known.some((price) => price.exchange === exchange));
      const stored = await Promise.allSettled(missing.map((exchange) => this.storedPrice(names, exchange)));
      known.push(...valuesOf(stored));
      // What the cache did not say, the store has, or may have: of both, one must have answered.
      failed = stored.filter(({ status }) => status === 'rejected').length;
      if (this.parts.store === null) failed = cached.filter(({ status }) => status === 'rejected').length;
    }
    const newest = known.reduce<KnownPrice | null>((a, b) => (a === null || b.eventAtMs > a.eventAtMs ? b : a), null);
    if (newest === null) return failed === 0 ? noTick(names.symbol) : this.nobody();
    return { ok: true, value: this.asLatest(names.symbol, newest) };
  }

  private async cachedPrice({ mode, symbol }: FoundNames, exchange: string): Promise<KnownPrice | null> {
    const tick = await this.parts.cache?.latest(mode, exchange, symbol);
    return tick == null ? null : { exchange, ...tick, isStored: false };
  }

  private async storedPrice({ mode, symbol }: FoundNames, exchange: string): Promise<KnownPrice | null> {
    const { store, nowMs } = this.parts;
    if (store === null) return null;
    const span = { fromMs: 0, toMs: nowMs() + DAY_MS, limit: 1, order: 'desc' as const };
    const range = { mode, exchange, symbol, intervalMs: MINUTE_MS, ...span };
    const [row] = await inTime(store.candles(range));
    if (row === undefined) return null;
    const { close, closeAtMs } = row.bucket;
    return { exchange, price: close, eventAtMs: closeAtMs, receivedAtMs: closeAtMs, isStored: true };
  }

  private asLatest(symbol: string, { exchange, price, eventAtMs, receivedAtMs, isStored }: KnownPrice): LatestPrice {
    const { watch, nowMs } = this.parts;
    const ageMs = Math.max(0, nowMs() - receivedAtMs);
    const isKnown = !isStored && watch.report !== null;
    const status = isKnown ? priceStatus(watch.feedState(exchange), ageMs) : 'stale';
    return { exchange, symbol, price, timestamp: eventAtMs, receivedAt: receivedAtMs, ageMs, status };
  }

  protected override async summaries(
    exchange: string | null,
    symbol: string,
    period: Period | null,
  ): Promise<Answer<Summaries>> {
    const found = this.parts.watch.names(exchange, symbol);
    if (!found.ok) return found;
    const { exchanges } = found.value;
    const nowMs = this.parts.nowMs();
    const window = period === null ? null : windowOf(period.ms, nowMs);
    const ask = window !== null && window.stepMs < MINUTE_MS ? this.bySeconds : this.byMinutes;
    const answers = await Promise.allSettled(
      exchanges.map(async (name) => ({
        exchange: name,
        summary: await ask.call(this, found.value, name, window, nowMs),
      })),
    );
    const refusal = answers.find((answer) => answer.status === 'rejected')?.reason;
    if (refusal instanceof StoreSilentError) return this.nobody();
    const summaries =
      refusal === undefined ? { pairs: valuesOf(answers), window } : await this.byStore(found.value, window);
    if (summaries === null) return this.nobody();
    const pairs = summaries.pairs.filter(({ summary }) => summary.count > 0);
    return pairs.length === 0 ? noTick(symbol) : { ok: true, value: { ...summaries, pairs } };
  }

  /** Up to ten minutes: all of it is in the cache. Rejects when it is not. */
  private async bySeconds(
    { mode, symbol }: FoundNames,
    exchange: string,
    window: PeriodWindow | null,
  ): Promise<Extremes> {
    const { fromMs, toMs } = window ?? { fromMs: 0, toMs: 0 };
    const known = await this.cachedSeconds(mode, exchange, symbol, fromMs, toMs);
    if (known === null) return emptyExtremes();
    if (known.coveredFromMs > fromMs) throw new NotCoveredError();
    return foldOf(known, fromMs);
  }

  /**
   * Minutes of the store up to the seam, seconds of the cache from there on. The seam is said by the publisher: before
   * it the store has all that was published. A tick is on one side of it by its event time, so it counts once.
   */
  private async byMinutes(
    { mode, symbol }: FoundNames,
    exchange: string,
    window: PeriodWindow | null,
    nowMs: number,
  ): Promise<Extremes> {
    const fromMs = window?.fromMs ?? 0;
    const toMs = window?.toMs ?? floorMinute(nowMs) + 2 * MINUTE_MS;
    const oldestMs = floorMinute(nowMs - COARSE_WINDOW_MS) + MINUTE_MS;
    const known = await this.cachedSeconds(mode, exchange, symbol, oldestMs, toMs);
    if (known === null) return this.storedSummary(mode, exchange, symbol, fromMs, toMs);
    const { storedBeforeMs, coveredFromMs, latest } = known;
    // A pair without a latest tick has had none.
    const isAllStored = latest === null || latest.eventAtMs < storedBeforeMs;
    if (!isAllStored && storedBeforeMs < Math.max(oldestMs, coveredFromMs)) throw new NotCoveredError();
    const seamMs = isAllStored ? toMs : storedBeforeMs;
    const summary = foldOf(known, Math.max(seamMs, fromMs));
    mergeExtremes(summary, await this.storedSummary(mode, exchange, symbol, fromMs, Math.min(seamMs, toMs)));
    return summary;
  }

  /** null: the source has published nothing. Rejects when the cache, or the publisher, can't be asked. */
  private async cachedSeconds(
    mode: Mode,
    exchange: string,
    symbol: string,
    fromMs: number,
    toMs: number,
  ): Promise<PublishedSeconds | null> {
    const { cache, watch } = this.parts;
    if (cache === null) throw new NotCoveredError();
    const known = await cache.seconds(mode, exchange, symbol, fromMs, toMs);
    if (known === null && watch.report === null) throw new NotCoveredError();
    return known;
  }

  /** The store alone, on edges of minutes; `to` is behind the newest tick that it has. null: it does not answer. */
  private async byStore(
    { mode, symbol, exchanges }: FoundNames,
    window: PeriodWindow | null,
  ): Promise<Summaries | null> {
    if (this.parts.store === null) return null;
    const fromMs = window === null ? 0 : floorMinute(window.fromMs);
    const toMs = window === null ? this.parts.nowMs() + DAY_MS : floorMinute(window.toMs - 1) + MINUTE_MS;
    const asked = await Promise.allSettled(
      exchanges.map(async (exchange): Promise<PairSummary> => {
        return { exchange, summary: await this.storedSummary(mode, exchange, symbol, fromMs, toMs) };
      }),
    );
    if (asked.some(({ status }) => status === 'rejected')) return null;
    const pairs = valuesOf(asked);
    const newestMs = Math.max(...pairs.map(({ summary }) => summary.lastAtMs));
    return { pairs, window: window === null ? null : { fromMs, toMs: Math.min(toMs, newestMs + 1) } };
  }

  private async storedSummary(
    mode: Mode,
    exchange: string,
    symbol: string,
    fromMs: number,
    toMs: number,
  ): Promise<Extremes> {
    if (toMs <= fromMs) return emptyExtremes();
    const { store } = this.parts;
    if (store === null) throw new StoreSilentError();
    try {
      return await inTime(store.summarise(mode, exchange, symbol, fromMs, toMs));
    } catch (cause) {
      throw new StoreSilentError('the candle store', { cause });
    }
  }

  private nobody(): Failure {
    const reasons = this.parts.watch.reasons();
    const without = this.parts.store === null ? ['this needs the candle store (postgres.url)'] : [];
    return failure('unavailable', [...reasons, ...without].join('; ') || 'the candle store does not answer');
  }
}

/** Contract's windows, but for periods up to a minute on seconds, too. */
function windowOf(periodMs: number, nowMs: number): PeriodWindow {
  if (periodMs > COARSE_WINDOW_MS) return periodWindow(periodMs, nowMs);
  return {
    stepMs: SECOND_MS,
    fromMs: Math.floor((nowMs - periodMs) / SECOND_MS) * SECOND_MS,
    toMs: (Math.floor(nowMs / SECOND_MS) + 1) * SECOND_MS,
  };
}

function foldOf({ seconds }: PublishedSeconds, fromMs: number): Extremes {
  const total = emptyExtremes();
  for (const { openMs, summary } of seconds) if (openMs >= fromMs) mergeExtremes(total, summary);
  return total;
}

function floorMinute(atMs: number): number {
  return atMs - (atMs % MINUTE_MS);
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return withDeadline(work, STORE_DEADLINE_MS, 'the candle store');
}

function valuesOf<T>(settled: readonly PromiseSettledResult<T>[]): NonNullable<T>[] {
  return settled.flatMap((one) => (one.status === 'fulfilled' && one.value != null ? [one.value] : []));
}
