import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';
import type { StreamHealth } from '../../../../../../application/port/in/market-stream.ts';
import type { LatestPrice } from '../../../../../../application/port/in/queries.ts';
import type { Mode } from '../../../../../../domain/model/mode.ts';

/** Messages of `GET /v1/stream` that the page reads; stream/README.md says what they mean. */
export type ServerMessage =
  | {
      readonly type: 'welcome';
      readonly mode: Mode;
      readonly epoch: number;
      readonly limits: { readonly topics: number };
    }
  | { readonly type: 'mode'; readonly mode: Mode; readonly epoch: number }
  | { readonly type: 'resumed'; readonly topic: string; readonly seq: number }
  | TopicUpdate
  | { readonly type: 'error'; readonly id?: string; readonly code: string; readonly detail: string }
  | { readonly type: 'subscribed' | 'unsubscribed' | 'pong' };

export interface TopicUpdate {
  readonly type: 'snapshot' | 'update';
  readonly topic: string;
  readonly seq: number;
  readonly data: LatestPrice | null | readonly Candle[] | StreamHealth;
}

export interface Subscription {
  readonly channel: string;
  readonly exchanges?: readonly string[];
  readonly symbols?: readonly string[];
}

/** One to a pair, as in topics: `exchange1:BTCUSDT`. Symbols may hold colons, exchanges may not. */
export function pairKey(exchange: string, symbol: string): string {
  return `${exchange}:${symbol}`;
}
