/**
 * Why a frame is not counted as a tick: the closed list, in the order of judgement.
 * A frame with several faults counts once, under the first that applies.
 */
export const REJECTION_REASONS = [
  'frame_too_long',
  'bad_utf8',
  'bad_json',
  'bad_schema',
  'bad_price',
  'bad_quantity',
  'bad_time',
  'unknown_symbol',
  'stale_epoch',
  'future',
  'duplicate',
  'late',
  'shed',
] as const;

export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** Index of each reason in a counter array of `REJECTION_REASONS.length` entries. */
export const Reason = {
  frame_too_long: 0,
  bad_utf8: 1,
  bad_json: 2,
  bad_schema: 3,
  bad_price: 4,
  bad_quantity: 5,
  bad_time: 6,
  unknown_symbol: 7,
  stale_epoch: 8,
  future: 9,
  duplicate: 10,
  late: 11,
  shed: 12,
} as const satisfies Record<RejectionReason, number>;

/** A tick whose event time is further ahead of our clock at its receipt is `future`. */
export const FUTURE_LIMIT_MS = 5_000;

export const REASON_COUNT = REJECTION_REASONS.length;

/** Sum of a counter array. */
export function totalRejected(counts: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < REASON_COUNT; i++) total += counts[i] ?? 0;
  return total;
}
