import { Backoff } from '../../../../../../../pkg/concurrency/backoff.ts';
import type { ServerMessage, Subscription } from './stream-wire.ts';

export type StreamState =
  | { readonly kind: 'connecting'; readonly tries: number }
  | { readonly kind: 'open' }
  /** `retryAtMs` by `performance.now()`. */
  | { readonly kind: 'lost'; readonly tries: number; readonly retryAtMs: number }
  | { readonly kind: 'paused' };

/** What is used of a WebSocket. */
export interface Socket {
  send(text: string): void;
  /** Nothing is told of it any more. */
  close(): void;
}

export interface SocketEvents {
  readonly onText: (text: string) => void;
  readonly onClose: () => void;
}

export type OpenSocket = (events: SocketEvents) => Socket;

export interface StreamParts {
  readonly open: OpenSocket;
  readonly random: () => number;
  readonly nowMs: () => number;
  readonly onMessage: (message: ServerMessage) => void;
  readonly onState: (state: StreamState) => void;
}

/** What the page is told of the market by. */
export interface MarketLink {
  start(): void;
  /** Says nothing until `start`; what is wanted stays wanted. */
  pause(): void;
  retryNow(): void;
  /** Null: not wanted any more. What had this id before is replaced. */
  want(id: string, subscription: Subscription | null): void;
}

const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 15_000;
const OPEN_WITHIN_MS = 8_000;
const CHECK_EVERY_MS = 1_000;
/** `health` comes every second: a silence that long is answered by a ping, one twice as long ends the connection. */
const SILENCE_MS = 5_000;
/** After this the server takes as many messages again as there are subscriptions. */
const REFUSED_WAIT_MS = 2_000;

/**
 * Keeps one WebSocket open and everything in `want` subscribed. After a loss it comes back by itself, with full jitter,
 * and asks topics of candles to go on where they were.
 */
export class Stream implements MarketLink {
  private readonly parts: StreamParts;
  private readonly backoff: Backoff;
  private readonly wanted = new Map<string, Subscription>();
  private readonly lastSeqs = new Map<string, number>();
  private socket: Socket | null = null;
  private isOpen = false;
  private isPaused = true;
  private openedAtMs = 0;
  private heardAtMs = 0;
  private hasPinged = false;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private again: ReturnType<typeof setTimeout> | null = null;
  private watch: ReturnType<typeof setInterval> | null = null;

  constructor(parts: StreamParts) {
    this.parts = parts;
    this.backoff = new Backoff({ minMs: BACKOFF_MIN_MS, maxMs: BACKOFF_MAX_MS, random: parts.random });
  }

  start(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.watch = setInterval(() => this.check(), CHECK_EVERY_MS);
    this.connect();
  }

  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    if (this.watch !== null) clearInterval(this.watch);
    this.drop();
    this.parts.onState({ kind: 'paused' });
  }

  retryNow(): void {
    if (!this.isPaused && this.socket === null) this.connect();
  }

  want(id: string, subscription: Subscription | null): void {
    const before = this.wanted.get(id);
    if (JSON.stringify(before) === JSON.stringify(subscription ?? undefined)) return;
    if (before !== undefined) {
      this.wanted.delete(id);
      if (this.isOpen) this.unsubscribe(id, before);
    }
    if (subscription === null) return;
    this.wanted.set(id, subscription);
    if (this.isOpen) this.subscribe(id, subscription);
  }

  private subscribe(id: string, subscription: Subscription): void {
    const resume: Record<string, number> = {};
    const { channel, exchanges = [], symbols = [] } = subscription;
    // Of all other topics the newest state is all there is.
    if (channel.startsWith('candles:')) {
      for (const exchange of exchanges) {
        for (const symbol of symbols) {
          const topic = `${channel}:${exchange}:${symbol}`;
          const seq = this.lastSeqs.get(topic);
          if (seq !== undefined) resume[topic] = seq;
        }
      }
    }
    this.say({ op: 'subscribe', id, ...subscription, resume });
  }

  /** Ends topics that others have too: those begin again. */
  private unsubscribe(id: string, subscription: Subscription): void {
    this.say({ op: 'unsubscribe', id, ...subscription });
    for (const [otherId, other] of this.wanted) if (areOverlapping(other, subscription)) this.subscribe(otherId, other);
  }

  private subscribeAll(): void {
    for (const [id, subscription] of this.wanted) this.subscribe(id, subscription);
  }

  private connect(): void {
    this.drop();
    this.parts.onState({ kind: 'connecting', tries: this.backoff.tries });
    this.openedAtMs = this.parts.nowMs();
    this.heardAtMs = this.openedAtMs;
    this.hasPinged = false;
    this.socket = this.parts.open({ onText: (text) => this.take(text), onClose: () => this.lose() });
  }

  private take(text: string): void {
    this.heardAtMs = this.parts.nowMs();
    this.hasPinged = false;
    const message = JSON.parse(text) as ServerMessage;
    if (message.type === 'welcome') {
      this.isOpen = true;
      this.backoff.reset();
      this.parts.onState({ kind: 'open' });
      this.parts.onMessage(message);
      this.subscribeAll();
      return;
    }
    // It does not say which one it has refused.
    if (message.type === 'error' && message.code === 'rate_limited') {
      this.again ??= setTimeout(() => {
        this.again = null;
        this.subscribeAll();
      }, REFUSED_WAIT_MS);
    }
    if (message.type === 'mode') this.lastSeqs.clear();
    if ('seq' in message && message.topic.startsWith('candles:')) this.lastSeqs.set(message.topic, message.seq);
    this.parts.onMessage(message);
  }

  /** A server that is frozen keeps its connections: silence is the only sign. */
  private check(): void {
    if (this.socket === null) return;
    const nowMs = this.parts.nowMs();
    const silentMs = nowMs - this.heardAtMs;
    if (!this.isOpen) {
      if (nowMs - this.openedAtMs > OPEN_WITHIN_MS) this.lose();
    } else if (silentMs > 2 * SILENCE_MS) this.lose();
    else if (silentMs > SILENCE_MS && !this.hasPinged) {
      this.hasPinged = true;
      this.say({ op: 'ping' });
    }
  }

  private lose(): void {
    this.drop();
    const waitMs = this.backoff.nextMs();
    this.parts.onState({ kind: 'lost', tries: this.backoff.tries, retryAtMs: this.parts.nowMs() + waitMs });
    this.retry = setTimeout(() => this.connect(), waitMs);
  }

  private drop(): void {
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
    if (this.again !== null) clearTimeout(this.again);
    this.again = null;
    this.isOpen = false;
    this.socket?.close();
    this.socket = null;
  }

  private say(message: object): void {
    this.socket?.send(JSON.stringify(message));
  }
}

function areOverlapping(a: Subscription, b: Subscription): boolean {
  return a.channel === b.channel && (a.symbols ?? []).some((symbol) => b.symbols?.includes(symbol));
}
