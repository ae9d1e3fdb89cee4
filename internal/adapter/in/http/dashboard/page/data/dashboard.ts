import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';
import type { StreamHealth } from '../../../../../../application/port/in/market-stream.ts';
import type { Audit, LatestPrice } from '../../../../../../application/port/in/queries.ts';
import type { Mode } from '../../../../../../domain/model/mode.ts';
import { askApi } from './api.ts';
import { CandleFeed, type FeedKey } from './candle-feed.ts';
import { Names } from './names.ts';
import { PeriodWatch } from './period-watch.ts';
import { Poll } from './poll.ts';
import { PolledStream } from './polled-stream.ts';
import type { Pair } from './price-changes.ts';
import { PriceTable } from './price-table.ts';
import { formatSelection, parseSelection, type Selection } from './selection.ts';
import { type MarketLink, type OpenSocket, Stream, type StreamState } from './stream.ts';
import type { ServerMessage, TopicUpdate } from './stream-wire.ts';

export interface ModeInForce {
  readonly mode: Mode;
  readonly epoch: number;
  /** Null: not asked for yet. */
  readonly since: number | null;
}

export interface Rows {
  readonly matching: readonly string[];
  readonly shown: readonly string[];
  readonly canShowMore: boolean;
}

/** What came of a switch that was asked for here. */
export type SwitchResult =
  | { readonly kind: 'pending'; readonly mode: Mode }
  | { readonly kind: 'done'; readonly mode: Mode }
  | { readonly kind: 'failed'; readonly mode: Mode; readonly detail: string };

const AUDIT_EVERY_MS = 2_000;
const NAMES_EVERY_MS = 10_000;
/** While none is known. */
const FIRST_NAMES_EVERY_MS = 1_000;
const SWITCH_WITHIN_MS = 12_000;
const RATES_KEPT = 120;
/** Symbols of one subscription: its message is bounded. */
const SYMBOLS_PER_MESSAGE = 80;
const ROWS_STEP = 40;
/** Of the client's topics, those that are not prices. */
const TOPICS_RESERVED = 8;

/** Everything that the page knows. `onChange` says that something is new; views read it whenever they are drawn. */
export class Dashboard {
  readonly intervals: readonly string[];
  readonly names = new Names();
  readonly prices = new PriceTable();
  readonly period: PeriodWatch;
  selection: Selection;
  mode: ModeInForce | null = null;
  switchResult: SwitchResult | null = null;
  health: StreamHealth | null = null;
  /** Ticks a second, a value for each second, oldest first. */
  rates: number[] = [];
  audit: Audit | null = null;
  auditFailure: string | null = null;
  feed: CandleFeed | null = null;
  stream: StreamState = { kind: 'connecting', tries: 0 };
  /** Whether there has been a connection, and when something was last heard, Unix ms. */
  hasBeenOpen = false;
  heardAtMs: number | null = null;
  filter = '';
  rowsMax = ROWS_STEP;
  /** now: by a person's doing · soon: new data. */
  onChange: (urgency: 'now' | 'soon') => void = () => undefined;
  private readonly connection: MarketLink;
  private readonly polls: readonly { start(): void; stop(): void }[];
  private readonly namesPoll: Poll;
  private priceSubscriptions = 0;
  private topicsMax = 1_024;
  private isRunning = false;

  /** Without a way to open sockets everything is asked for every few seconds. */
  constructor(intervals: readonly string[], openSocket: OpenSocket | null) {
    this.intervals = intervals;
    const { names, prices } = this;
    const watched = () => {
      const pair = this.pair();
      const { shown } = this.rows();
      return {
        period: this.selection.period,
        mode: this.mode?.mode ?? null,
        pair,
        shownSymbols: pair === null || shown.includes(pair.symbol) ? shown : [...shown, pair.symbol],
      };
    };
    this.period = new PeriodWatch({ intervals, names, prices, watched, onChange: () => this.onChange('soon') });
    this.selection = parseSelection(location.hash, intervals);
    const parts = {
      nowMs: () => performance.now(),
      onMessage: (message: ServerMessage) => this.take(message),
      onState: (state: StreamState) => this.takeState(state),
    };
    this.connection =
      openSocket === null ? new PolledStream(parts) : new Stream({ ...parts, open: openSocket, random: Math.random });
    this.connection.want('health', { channel: 'health' });
    this.namesPoll = new Poll(
      () => (this.names.symbols?.length ? NAMES_EVERY_MS : FIRST_NAMES_EVERY_MS),
      () => this.askNames(),
    );
    const auditPoll = new Poll(
      () => AUDIT_EVERY_MS,
      () => this.askAudit(),
    );
    this.polls = [this.namesPoll, this.period, auditPoll];
  }

  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.connection.start();
    for (const poll of this.polls) poll.start();
    void this.askMode();
  }

  /** Nobody looks: nothing is asked for until `start`. */
  pause(): void {
    this.isRunning = false;
    this.connection.pause();
    for (const poll of this.polls) poll.stop();
  }

  /** What is shown is of the past. Not yet at the first try. */
  get isLost(): boolean {
    const { stream } = this;
    return stream.kind === 'lost' || (stream.kind === 'connecting' && (this.hasBeenOpen || stream.tries > 0));
  }

  retryNow(): void {
    this.connection.retryNow();
  }

  /** The exchange and symbol that are shown: what was chosen, else the first that there is. */
  pair(): Pair | null {
    return this.names.pairOf(this.selection);
  }

  /** Changes the URL too, as a new entry of the history; `replace`: the page chose by itself. */
  select(change: Partial<Selection>, replace = false): void {
    const selection = { ...this.selection, ...change };
    const url = formatSelection(selection);
    if (url !== location.hash) history[replace ? 'replaceState' : 'pushState'](null, '', url);
    this.apply(selection);
  }

  /** The URL has changed by itself: back, forward, or by hand. */
  followUrl(): void {
    this.apply(parseSelection(location.hash, this.intervals));
  }

  setFilter(filter: string): void {
    this.filter = filter;
    this.rowsMax = ROWS_STEP;
    this.wantPrices();
    this.onChange('now');
  }

  showMore(): void {
    this.rowsMax += ROWS_STEP;
    this.wantPrices();
    this.onChange('now');
  }

  /** Symbols that match the filter, and those of them that are shown: at most as many as the server tells of. */
  rows(): Rows {
    const matching = this.names.matching(this.filter);
    const columns = Math.max(1, this.names.exchangeNames().length);
    const roomFor = Math.max(1, Math.floor((this.topicsMax - TOPICS_RESERVED) / columns));
    const shown = matching.slice(0, Math.min(this.rowsMax, roomFor));
    return { matching, shown, canShowMore: shown.length < Math.min(matching.length, roomFor) };
  }

  async switchMode(mode: Mode): Promise<void> {
    this.switchResult = { kind: 'pending', mode };
    this.onChange('now');
    const answer = await askApi<{ mode: Mode; epoch: number; since: number }>(`/mode/${mode}`, {
      method: 'POST',
      deadlineMs: SWITCH_WITHIN_MS,
    });
    if (answer.ok) {
      this.switchResult = { kind: 'done', mode: answer.value.mode };
      this.noteMode(answer.value);
    } else this.switchResult = { kind: 'failed', mode, detail: answer.detail };
    this.onChange('now');
  }

  private apply(selection: Selection): void {
    const before = this.selection;
    this.selection = selection;
    if (before.period === selection.period) this.period.pairChanged();
    else this.period.restart();
    this.openFeed();
    this.onChange('now');
  }

  private take(message: ServerMessage): void {
    this.heardAtMs = Date.now();
    switch (message.type) {
      case 'welcome':
        this.topicsMax = message.limits.topics;
        this.takeMode(message);
        break;
      case 'mode':
        // What the page has is of the other mode, whatever it has heard of the switch before.
        this.mode = null;
        this.prices.clear();
        this.takeMode(message);
        break;
      case 'snapshot':
      case 'update':
        this.takeTopic(message);
        break;
      case 'error':
        // A name that has gone: the lists say which ones there are.
        if (message.id !== undefined) this.namesPoll.now();
        break;
      default:
    }
    this.onChange('soon');
  }

  private takeState(state: StreamState): void {
    this.stream = state;
    if (state.kind === 'open') {
      if (this.hasBeenOpen) {
        this.namesPoll.now();
        this.period.look();
        this.feed?.wake();
      }
      this.hasBeenOpen = true;
    }
    this.onChange('now');
  }

  private takeTopic(update: TopicUpdate): void {
    const { topic, data } = update;
    if (topic === 'health') {
      this.health = data as StreamHealth;
      if (update.type === 'update') this.rates = [...this.rates, this.health.ticksPerSecond].slice(-RATES_KEPT);
    } else if (topic.startsWith('latest:')) {
      if (data !== null) this.takePrice(data as LatestPrice);
      else this.prices.forget(topic.slice('latest:'.length));
    } else if (this.feed !== null && topic === this.topicOf(this.feed)) {
      this.feed.takeUpdate(update);
    }
  }

  private takePrice(latest: LatestPrice): void {
    const isFirst = this.prices.quote(latest.exchange, latest.symbol) === undefined;
    this.prices.take(latest, performance.now());
    if (!isFirst) return;
    this.period.lookAtChanges();
    const pair = this.pair();
    if (pair?.exchange === latest.exchange && pair.symbol === latest.symbol) this.period.look();
  }

  private topicOf({ key }: CandleFeed): string {
    return `candles:${key.interval}:${key.exchange}:${key.symbol}`;
  }

  private takeMode({ mode, epoch }: { readonly mode: Mode; readonly epoch: number }): void {
    if (this.mode?.epoch !== epoch || this.mode.mode !== mode) this.enterMode({ mode, epoch, since: null });
    void this.askMode();
  }

  /** While the stream is open it says when a mode begins: what it sends before that is of the other one. */
  private noteMode(inForce: ModeInForce): void {
    const { mode } = this;
    if (mode?.epoch === inForce.epoch) this.mode = inForce;
    else if (this.stream.kind !== 'open' && inForce.epoch > (mode?.epoch ?? -1)) this.enterMode(inForce);
    this.onChange('soon');
  }

  private enterMode(inForce: ModeInForce): void {
    this.mode = inForce;
    this.prices.clear();
    this.health = null;
    this.rates = [];
    this.names.expire();
    this.period.restart();
    this.feed?.close();
    this.feed = null;
    this.namesPoll.now();
  }

  private async askMode(): Promise<void> {
    const answer = await askApi<{ mode: Mode; epoch: number; since: number }>('/mode');
    if (answer.ok) this.noteMode(answer.value);
  }

  private async askNames(): Promise<void> {
    const wereCurrent = this.names.areCurrent;
    await this.names.refresh();
    this.wantPrices();
    this.openFeed();
    if (!wereCurrent) this.period.look();
    this.onChange('soon');
  }

  private async askAudit(): Promise<void> {
    const answer = await askApi<Audit>('/v1/audit');
    if (answer.ok) this.audit = answer.value;
    this.auditFailure = answer.ok ? null : answer.detail;
    this.onChange('soon');
  }

  private wantPrices(): void {
    const { shown } = this.rows();
    const parts = Math.ceil(shown.length / SYMBOLS_PER_MESSAGE);
    for (let i = 0; i < Math.max(parts, this.priceSubscriptions); i++) {
      const symbols = shown.slice(i * SYMBOLS_PER_MESSAGE, (i + 1) * SYMBOLS_PER_MESSAGE);
      const wanted = symbols.length === 0 ? null : { channel: 'latest', exchanges: ['*'], symbols };
      this.connection.want(`latest${i}`, wanted);
    }
    this.priceSubscriptions = parts;
    this.wantChosenPrice();
    this.period.lookAtChanges();
  }

  /** The chart's pair need not be among the rows. */
  private wantChosenPrice(): void {
    const pair = this.pair();
    if (pair === null || !this.names.areCurrent) return;
    const { exchange, symbol } = pair;
    const isKnown = this.names.hasExchange(exchange) && this.names.hasSymbol(symbol);
    const isMissing = isKnown && !this.rows().shown.includes(symbol);
    const wanted = { channel: 'latest', exchanges: [exchange], symbols: [symbol] };
    this.connection.want('price', isMissing ? wanted : null);
  }

  /** The feed of the chart, a new one if it is of something else than what is chosen. */
  private openFeed(): void {
    const pair = this.pair();
    if (this.mode === null || pair === null || !this.names.areCurrent) return;
    const { interval } = this.selection;
    const key = { mode: this.mode.mode, ...pair, interval };
    const isKnown = this.intervals.includes(interval) && this.names.hasSymbol(pair.symbol);
    if (this.feed === null || !isSameKey(this.feed.key, key) || !isKnown) {
      this.feed?.close();
      this.feed = isKnown ? new CandleFeed(key, () => this.onChange('soon')) : null;
      void this.feed?.start();
    } else if (this.feed.status.kind === 'failed' && this.names.hasExchange(pair.exchange)) this.feed.wake();
    const { exchange, symbol } = pair;
    const wanted = { channel: `candles:${interval}`, exchanges: [exchange], symbols: [symbol] };
    this.connection.want('candles', isKnown && this.names.hasExchange(exchange) ? wanted : null);
    this.wantChosenPrice();
    if (this.selection.symbol === null || this.selection.exchange === null) this.select(pair, true);
  }
}

function isSameKey(a: FeedKey, b: FeedKey): boolean {
  return a.mode === b.mode && a.exchange === b.exchange && a.symbol === b.symbol && a.interval === b.interval;
}

/** Candles that the chart's table and its description are made of. */
export function newestCandles(feed: CandleFeed | null, count: number): readonly Candle[] {
  return feed?.list.tail(count) ?? [];
}
