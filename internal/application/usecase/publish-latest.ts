import { MODES } from '../../domain/model/mode.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { SourceBook } from '../../domain/service/source-book.ts';
import type { ComponentHealth } from '../port/in/queries.ts';
import type { Happenings } from '../port/out/happenings.ts';
import type { LatestPrices, Published, SourceNews, Standing, SystemReport } from '../port/out/latest-prices.ts';
import type { MarketFeeds } from '../port/out/market-feeds.ts';
import { SourceNewsReader } from './source-news.ts';
import type { SymbolDirectory } from './symbol-directory.ts';

/** Changes are told at most this often: of each pair the newest state, however many ticks there were. */
const FLUSH_MS = 20;
/** What was told is looked after at least this often, also when nothing changes. */
const HEARTBEAT_MS = 500;
const REPORT_MS = 1_000;
/** After a failure. */
const RETRY_MS = 250;
/** Everything is told again this long after something foreign was found, until it is gone. */
const FOREIGN_RETRY_MS = 1_000;
/** Keys that are named in a health report. */
const NAMED_KEYS_MAX = 3;

export interface PublishLatestParts {
  readonly state: MarketState;
  readonly cache: LatestPrices;
  readonly feeds: MarketFeeds;
  readonly symbols: SymbolDirectory;
  readonly happenings: Happenings;
  readonly report: () => Omit<SystemReport, 'atMs'>;
  readonly nowMs: () => number;
  /** A clock that only goes forward, ms. */
  readonly elapsedMs: () => number;
}

interface SourceProgress {
  readonly reader: SourceNewsReader;
  /** changes: what was told is there, and followed · everything: told from the start · question: is it there? */
  next: 'changes' | 'everything' | 'question';
  /** Keys that hold something foreign, as far as is known, and those found since everything was last begun. */
  foreignKeys: readonly string[];
  readonly found: Set<string>;
  /** When everything is told again because of them. */
  repeatAtMs: number;
  isRepeating: boolean;
  superseded: boolean;
}

/**
 * Tells the cache what has changed, conflated; after any failure, and when the cache has lost what it was told,
 * everything. It never holds up the pipeline: it reads the state when it is ready for more.
 */
export class PublishLatest {
  private readonly parts: PublishLatestParts;
  private readonly progress = new Map<number, SourceProgress>();
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private seenPosition = -1;
  private flushedAtMs = Number.NEGATIVE_INFINITY;
  private heartbeatAtMs = Number.NEGATIVE_INFINITY;
  private reportedAtMs = Number.NEGATIVE_INFINITY;
  private announcedAtMs = Number.NEGATIVE_INFINITY;
  private announcedEpoch = -1;
  private foreignStanding: readonly string[] = [];
  private foreignReport: readonly string[] = [];
  private isSuperseded = false;
  private failure: string | null = 'nothing has been written yet';
  private failingSinceMs: number | null = null;

  constructor(parts: PublishLatestParts) {
    this.parts = parts;
  }

  start(): void {
    this.timer = setInterval(() => {
      if (this.running === null && this.isDue()) this.begin();
    }, FLUSH_MS);
  }

  /** What has come since the last flush is told before it ends, if the cache takes it. */
  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    await this.running;
    if (this.failure === null) await this.flush();
    await this.parts.cache.close();
  }

  health(): ComponentHealth {
    const { kind } = this.parts.cache;
    const trouble = this.trouble();
    return trouble === null ? { kind, status: 'ok' } : { kind, status: 'degraded', detail: trouble };
  }

  /** All that has been folded so far is in the cache. */
  get isCaughtUp(): boolean {
    const isToldOf = ({ next, reader }: SourceProgress): boolean => next === 'changes' && !reader.hasMore;
    if (this.failure !== null || this.seenPosition !== this.parts.state.position) return false;
    return [...this.progress.values()].every(isToldOf);
  }

  private begin(): void {
    this.running = this.flush().finally(() => {
      this.running = null;
    });
  }

  private isDue(): boolean {
    if (this.failure !== null) return this.parts.elapsedMs() - this.flushedAtMs >= RETRY_MS;
    if (this.isHeartbeatDue() || this.parts.state.position !== this.seenPosition) return true;
    return [...this.progress.values()].some(({ next, reader }) => next === 'everything' || reader.hasMore);
  }

  private isHeartbeatDue(): boolean {
    return this.parts.elapsedMs() - this.heartbeatAtMs >= HEARTBEAT_MS;
  }

  /** One round trip: a call for each source that has news, all at once. Not while another one runs. Never rejects. */
  async flush(): Promise<void> {
    const { state, nowMs } = this.parts;
    const isHeartbeat = this.isHeartbeatDue() || this.failure !== null;
    this.flushedAtMs = this.parts.elapsedMs();
    if (isHeartbeat) this.heartbeatAtMs = this.flushedAtMs;
    const position = state.position;
    this.seenPosition = position;
    const calls: Promise<void>[] = [];
    for (const source of state.knownSources()) {
      const progress = this.progressOf(source);
      const news = this.newsOf(source, progress, isHeartbeat, nowMs());
      if (news !== null) calls.push(this.tell(progress, news, position));
    }
    calls.push(...this.tellOfOurselves());
    const failures = (await Promise.allSettled(calls)).filter((result) => result.status === 'rejected');
    this.note(failures.length === 0 ? null : messageOf(failures[0]?.reason));
  }

  private newsOf(source: SourceBook, progress: SourceProgress, isHeartbeat: boolean, nowMs: number): SourceNews | null {
    const { reader, next } = progress;
    if (next === 'question') return isHeartbeat ? reader.question(nowMs) : null;
    const isRepeatDue =
      progress.foreignKeys.length > 0 && !progress.isRepeating && this.parts.elapsedMs() >= progress.repeatAtMs;
    if (next === 'everything' || isRepeatDue) {
      progress.found.clear();
      progress.isRepeating = true;
      return reader.everything(nowMs);
    }
    const hasNews = reader.hasMore || reader.isBehind(source.changedAt);
    return hasNews || isHeartbeat ? reader.changes(nowMs) : null;
  }

  private async tell(progress: SourceProgress, news: SourceNews, position: number): Promise<void> {
    let published: Published;
    const asked = progress.next === 'question';
    try {
      published = await this.parts.cache.publish(news);
    } catch (cause) {
      progress.next = 'question';
      throw cause;
    }
    progress.superseded = published.outcome === 'superseded';
    if (published.outcome === 'superseded') progress.next = 'question';
    else if (published.outcome === 'lost' || asked) {
      progress.next = 'everything';
      this.announcedAtMs = Number.NEGATIVE_INFINITY;
      this.reportedAtMs = Number.NEGATIVE_INFINITY;
    } else {
      progress.next = 'changes';
      progress.reader.told(position);
      this.noteForeign(progress, published.foreignKeys);
    }
  }

  /** Only when everything has been tried is it known that a key is free again. */
  private noteForeign(progress: SourceProgress, keys: readonly string[]): void {
    const { found, reader, foreignKeys } = progress;
    for (const key of keys) found.add(key);
    const isTried = progress.isRepeating && !reader.hasMore;
    const known = isTried ? [...found] : [...new Set([...foreignKeys, ...found])];
    if (isTried || known.length > foreignKeys.length) progress.repeatAtMs = this.parts.elapsedMs() + FOREIGN_RETRY_MS;
    if (isTried) progress.isRepeating = false;
    progress.foreignKeys = known;
  }

  /** Mode, names and the report; nothing if all of it is fresh. */
  private tellOfOurselves(): Promise<void>[] {
    const { cache, state, report, nowMs } = this.parts;
    const calls: Promise<void>[] = [];
    const atMs = this.parts.elapsedMs();
    const epoch = state.mode?.epoch ?? -1;
    if (epoch !== this.announcedEpoch || atMs - this.announcedAtMs >= HEARTBEAT_MS) {
      this.announcedAtMs = atMs;
      this.announcedEpoch = epoch;
      const standing = this.standing();
      if (standing !== null)
        calls.push(
          cache.announce(standing).then(({ outcome, foreignKeys }) => {
            this.isSuperseded = outcome === 'superseded';
            this.foreignStanding = foreignKeys;
          }),
        );
    }
    if (!this.isSuperseded && atMs - this.reportedAtMs >= REPORT_MS) {
      this.reportedAtMs = atMs;
      calls.push(
        cache.report({ atMs: nowMs(), ...report() }).then(({ foreignKeys }) => {
          this.foreignReport = foreignKeys;
        }),
      );
    }
    return calls;
  }

  private standing(): Standing | null {
    const { state, feeds, symbols } = this.parts;
    if (state.mode === null) return null;
    const [live, test] = MODES.map((mode) => {
      const known = state.knownSources().filter((source) => source.mode === mode);
      return [...new Set([...feeds.exchanges(mode), ...known.map(({ exchange }) => exchange)])];
    });
    // Those that have prices are known too, whether or not they are still accepted.
    const known = new Set([...symbols.names(), ...state.symbols]);
    return { mode: state.mode, exchanges: { live: live ?? [], test: test ?? [] }, symbols: [...known] };
  }

  private progressOf(source: SourceBook): SourceProgress {
    let progress = this.progress.get(source.id);
    if (progress === undefined) {
      const reader = new SourceNewsReader(this.parts.state, source);
      progress = {
        reader,
        next: 'everything',
        foreignKeys: [],
        found: new Set(),
        repeatAtMs: 0,
        isRepeating: false,
        superseded: false,
      };
      this.progress.set(source.id, progress);
    }
    return progress;
  }

  private note(failure: string | null): void {
    const { happenings } = this.parts;
    this.failure = failure;
    const trouble = this.trouble();
    if (trouble !== null && this.failingSinceMs === null) {
      this.failingSinceMs = this.parts.elapsedMs();
      happenings.cacheFailed(trouble);
    } else if (trouble === null && this.failingSinceMs !== null) {
      happenings.cacheRecovered(Math.round(this.parts.elapsedMs() - this.failingSinceMs));
      this.failingSinceMs = null;
    }
  }

  /** One line for people; null = all is well. */
  private trouble(): string | null {
    if (this.failure !== null) return this.failure;
    const progress = [...this.progress.values()];
    if (this.isSuperseded || progress.some(({ superseded }) => superseded))
      return 'another process, started later, writes under the same prefix';
    const foreign = [
      ...this.foreignStanding,
      ...this.foreignReport,
      ...progress.flatMap(({ foreignKeys }) => foreignKeys),
    ];
    if (foreign.length > 0) {
      const named = foreign.slice(0, NAMED_KEYS_MAX).join(', ');
      const more = foreign.length > NAMED_KEYS_MAX ? ` and ${foreign.length - NAMED_KEYS_MAX} more` : '';
      return `something of another type (WRONGTYPE) is under ${named}${more}: left alone, remove or rename it`;
    }
    return null;
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
