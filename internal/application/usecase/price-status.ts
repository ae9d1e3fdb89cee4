import type { FeedState, PriceStatus } from '../port/in/queries.ts';

/** A pair without a tick for longer than this, on a feed that is well, is `quiet`. */
export const QUIET_AFTER_MS = 10_000;

export function priceStatus(feed: FeedState | undefined, ageMs: number): PriceStatus {
  if (feed === undefined || feed === 'down' || feed === 'connecting') return 'down';
  if (feed === 'stale') return 'stale';
  return ageMs > QUIET_AFTER_MS ? 'quiet' : 'live';
}
