/** What the page shows; all of it is in the URL's fragment: `#symbol=BTCUSDT&exchange=exchange1&interval=1m&period=1h`. */
export interface Selection {
  /** Null: whatever comes first. */
  readonly symbol: string | null;
  readonly exchange: string | null;
  /** As it was written: it may be one that is not kept. */
  readonly interval: string;
  /** As in `?period=`; `all`: all recorded history. */
  readonly period: string;
}

export const PERIODS = ['1m', '5m', '15m', '1h', '4h', '1d', '7d', 'all'] as const;
const PERIOD_DEFAULT = '1h';
const INTERVAL_DEFAULT = '1m';

export function parseSelection(fragment: string, intervals: readonly string[]): Selection {
  const query = new URLSearchParams(fragment.replace(/^#/, ''));
  const value = (name: string): string | null => query.get(name)?.trim().slice(0, 64) || null;
  const usual = intervals.includes(INTERVAL_DEFAULT) ? INTERVAL_DEFAULT : (intervals[0] ?? INTERVAL_DEFAULT);
  return {
    symbol: value('symbol')?.toUpperCase() ?? null,
    exchange: value('exchange')?.toLowerCase() ?? null,
    interval: value('interval') ?? usual,
    period: value('period') ?? PERIOD_DEFAULT,
  };
}

export function formatSelection({ symbol, exchange, interval, period }: Selection): string {
  const query = new URLSearchParams();
  if (symbol !== null) query.set('symbol', symbol);
  if (exchange !== null) query.set('exchange', exchange);
  query.set('interval', interval);
  query.set('period', period);
  return `#${query}`;
}
