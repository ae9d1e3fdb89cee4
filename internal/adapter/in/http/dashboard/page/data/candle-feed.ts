import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';
import { intervalMsOf } from '../../../../../../domain/model/interval-text.ts';
import type { Mode } from '../../../../../../domain/model/mode.ts';
import { askApi, pathOf } from './api.ts';
import { CandleList } from './candle-list.ts';
import type { TopicUpdate } from './stream-wire.ts';

export interface FeedKey {
  readonly mode: Mode;
  readonly exchange: string;
  readonly symbol: string;
  readonly interval: string;
}

export type FeedStatus =
  | { readonly kind: 'loading' | 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly detail: string };

interface CandleAnswer {
  readonly candles: readonly Candle[];
  readonly next: string | null;
}

/** Candles of the first answer and of each older page; one is about 300 bytes. */
const FIRST_PAGE = 200;
const OLDER_PAGE = 400;
const CATCH_UP_MAX = 5_000;
/** How far back a late tick may have changed something while nobody listened. */
const LATENESS_MS = 150_000;
const RETRY_MS = 5_000;

/** The candles of one chart: history by pages, then what the stream says; holes are filled by asking again. */
export class CandleFeed {
  readonly key: FeedKey;
  readonly intervalMs: number;
  readonly list = new CandleList();
  status: FeedStatus = { kind: 'loading' };
  /** Of what is before the oldest candle. */
  older: 'more' | 'loading' | 'none' = 'more';
  /** Called with the opening of the first candle that changed. */
  onCandles: (fromMs: number) => void = () => undefined;
  private readonly onStatus: () => void;
  private readonly ended = new AbortController();
  private retry: ReturnType<typeof setTimeout> | null = null;
  private isCatchingUp = false;

  constructor(key: FeedKey, onStatus: () => void) {
    this.key = key;
    this.intervalMs = intervalMsOf(key.interval) ?? 0;
    this.onStatus = onStatus;
  }

  async start(): Promise<void> {
    const answer = await this.ask({ order: 'desc', limit: FIRST_PAGE });
    if (this.ended.signal.aborted) return;
    if (answer.ok) {
      this.status = { kind: 'ready' };
      this.older = answer.value.next === null ? 'none' : 'more';
      this.list.merge(answer.value.candles);
      this.onCandles(0);
    } else {
      this.status = { kind: 'failed', code: answer.code, detail: answer.detail };
      // Names do not come to be known by asking for them: whoever has the lists begins again.
      if (!answer.code.startsWith('unknown_')) this.retry = setTimeout(() => void this.start(), RETRY_MS);
    }
    this.onStatus();
  }

  /** A page of older candles. */
  async loadOlder(): Promise<void> {
    const { oldest } = this.list;
    if (this.status.kind !== 'ready' || this.older !== 'more' || oldest === undefined) return;
    this.older = 'loading';
    this.onStatus();
    const answer = await this.ask({ order: 'desc', limit: OLDER_PAGE, to: oldest.openTime });
    if (this.ended.signal.aborted) return;
    if (answer.ok) {
      this.older = answer.value.next === null ? 'none' : 'more';
      this.take(answer.value.candles);
    } else this.older = 'more';
    this.onStatus();
  }

  /** Of this feed's topic. A snapshot has only the newest candles: what is before them is asked for. */
  takeUpdate({ type, data }: TopicUpdate): void {
    if (type === 'snapshot' && this.list.newest !== undefined) void this.catchUp();
    if (Array.isArray(data)) this.take(data as readonly Candle[]);
  }

  /** There is a connection again. */
  wake(): void {
    if (this.retry !== null) clearTimeout(this.retry);
    if (this.status.kind === 'failed') void this.start();
    else void this.catchUp();
  }

  /** Everything from a little before the newest candle that is known. */
  async catchUp(): Promise<void> {
    const { newest } = this.list;
    if (newest === undefined || this.status.kind !== 'ready' || this.isCatchingUp) return;
    this.isCatchingUp = true;
    const from = newest.openTime - Math.max(2 * this.intervalMs, this.whole(LATENESS_MS));
    const isLong = (Date.now() - from) / this.intervalMs > CATCH_UP_MAX;
    const range = isLong ? { order: 'desc', limit: FIRST_PAGE } : { order: 'asc', limit: CATCH_UP_MAX, from };
    const answer = await this.ask(range);
    this.isCatchingUp = false;
    if (this.ended.signal.aborted) return;
    if (!answer.ok) {
      this.retry = setTimeout(() => void this.catchUp(), RETRY_MS);
      return;
    }
    if (isLong) {
      this.list.clear();
      this.older = answer.value.next === null ? 'none' : 'more';
    }
    this.take(answer.value.candles);
    this.onStatus();
  }

  close(): void {
    this.ended.abort();
    if (this.retry !== null) clearTimeout(this.retry);
    this.onCandles = () => undefined;
  }

  private take(candles: readonly Candle[]): void {
    const { fromMs } = this.list.merge(candles);
    if (fromMs !== null) this.onCandles(fromMs);
  }

  private whole(ms: number): number {
    return Math.ceil(ms / this.intervalMs) * this.intervalMs;
  }

  private ask(query: Readonly<Record<string, string | number>>) {
    const { mode, exchange, symbol, interval } = this.key;
    const path = pathOf(['v1', 'candles', exchange, symbol], { interval, mode, ...query });
    return askApi<CandleAnswer>(path, { signal: this.ended.signal });
  }
}
