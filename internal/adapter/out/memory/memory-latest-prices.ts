import type {
  LatestPrices,
  Published,
  PublishedSeconds,
  PublishedTick,
  PublishingRun,
  SecondBucket,
  SourceNews,
  Standing,
  SystemReport,
} from '../../../application/port/out/latest-prices.ts';
import { MINUTE_MS } from '../../../domain/model/candle.ts';
import type { Mode } from '../../../domain/model/mode.ts';

const SECONDS_LIFE_MS = 12 * MINUTE_MS;
const REPORT_LIFE_MS = 5_000;
const DONE: Published = { outcome: 'done', foreignKeys: [] };

interface HeldSource {
  run: PublishingRun;
  coveredFromMs: number;
  storedBeforeMs: number;
  readonly latest: Map<string, PublishedTick>;
  /** By symbol and opening. */
  readonly seconds: Map<string, { readonly tag: string; readonly bucket: SecondBucket }>;
}

/** What several processes would share: one for all that look at the same prices. */
export class PriceShelf {
  readonly sources = new Map<string, HeldSource>();
  standing: { readonly run: PublishingRun; readonly value: Standing } | null = null;
  report: SystemReport | null = null;

  clear(): void {
    this.sources.clear();
    this.standing = null;
    this.report = null;
  }
}

/** The port with maps: what a cache must do, without how. */
export class MemoryLatestPrices implements LatestPrices {
  readonly kind = 'memory';
  readonly #shelf: PriceShelf;
  readonly #run: PublishingRun;
  readonly #nowMs: () => number;
  #closed = false;

  constructor(shelf: PriceShelf, run: PublishingRun, nowMs: () => number) {
    this.#shelf = shelf;
    this.#run = run;
    this.#nowMs = nowMs;
  }

  async publish(news: SourceNews): Promise<Published> {
    this.#refuseWhenClosed();
    const key = `${news.mode} ${news.exchange}`;
    const held = this.#shelf.sources.get(key);
    if (held !== undefined && this.#isAfterUs(held.run)) return { outcome: 'superseded', foreignKeys: [] };
    const isOurs = held?.run.tag === this.#run.tag;
    if (!isOurs && !news.full) return { outcome: 'lost', foreignKeys: [] };
    const source = held ?? {
      run: this.#run,
      coveredFromMs: 0,
      storedBeforeMs: 0,
      latest: new Map(),
      seconds: new Map(),
    };
    if (!isOurs) source.latest.clear();
    source.run = this.#run;
    source.coveredFromMs = news.coveredFromMs;
    source.storedBeforeMs = news.storedBeforeMs;
    for (const tick of news.latest) {
      const old = source.latest.get(tick.symbol);
      if (old === undefined || isNewer(tick, old)) source.latest.set(tick.symbol, tick);
    }
    for (const bucket of news.seconds) {
      const place = `${bucket.symbol} ${bucket.openMs}`;
      const old = source.seconds.get(place);
      const isNews =
        bucket.position > (old?.bucket.position ?? -1) && bucket.summary.count !== old?.bucket.summary.count;
      if (old?.tag !== this.#run.tag || isNews)
        source.seconds.set(place, structuredClone({ tag: this.#run.tag, bucket }));
    }
    this.#shelf.sources.set(key, source);
    return DONE;
  }

  async announce(value: Standing): Promise<Published> {
    this.#refuseWhenClosed();
    const held = this.#shelf.standing;
    if (held !== null && this.#isAfterUs(held.run)) return { outcome: 'superseded', foreignKeys: [] };
    this.#shelf.standing = structuredClone({ run: this.#run, value });
    return DONE;
  }

  async report(report: SystemReport): Promise<Published> {
    this.#refuseWhenClosed();
    this.#shelf.report = structuredClone(report);
    return DONE;
  }

  async standing(): Promise<Standing | null> {
    this.#refuseWhenClosed();
    return this.#shelf.standing?.value ?? null;
  }

  async lastReport(): Promise<SystemReport | null> {
    this.#refuseWhenClosed();
    const { report } = this.#shelf;
    return report !== null && report.atMs + REPORT_LIFE_MS > this.#nowMs() ? report : null;
  }

  async latest(mode: Mode, exchange: string, symbol: string): Promise<PublishedTick | null> {
    this.#refuseWhenClosed();
    return this.#shelf.sources.get(`${mode} ${exchange}`)?.latest.get(symbol) ?? null;
  }

  async seconds(
    mode: Mode,
    exchange: string,
    symbol: string,
    fromMs: number,
    toMs: number,
  ): Promise<PublishedSeconds | null> {
    this.#refuseWhenClosed();
    const source = this.#shelf.sources.get(`${mode} ${exchange}`);
    if (source === undefined) return null;
    const nowMs = this.#nowMs();
    const seconds = [...source.seconds.values()]
      .filter(({ tag, bucket }) => tag === source.run.tag && bucket.symbol === symbol)
      .map(({ bucket }) => bucket)
      .filter(({ openMs }) => openMs >= fromMs && openMs < toMs && expiresAtMs(openMs) > nowMs)
      .sort((a, b) => a.openMs - b.openMs);
    const { coveredFromMs, storedBeforeMs } = source;
    return { coveredFromMs, storedBeforeMs, latest: source.latest.get(symbol) ?? null, seconds };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #isAfterUs(run: PublishingRun): boolean {
    return run.tag !== this.#run.tag && run.startedAtMs > this.#run.startedAtMs;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new ClosedCacheError();
  }
}

/** The one failure of a cache in memory. */
class ClosedCacheError extends Error {
  override readonly name = 'ClosedCacheError';
  readonly code = 'closed';
  readonly severity = 'fatal';

  constructor() {
    super('the cache is closed');
  }
}

function isNewer(tick: PublishedTick, old: PublishedTick): boolean {
  if (tick.eventAtMs !== old.eventAtMs) return tick.eventAtMs > old.eventAtMs;
  return tick.position >= old.position;
}

function expiresAtMs(openMs: number): number {
  return openMs - (openMs % MINUTE_MS) + SECONDS_LIFE_MS;
}
