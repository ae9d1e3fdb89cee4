import type { Candle } from '../../../../../../application/port/in/candle-queries.ts';

/** Longer gaps are shortened to this many empty places. */
const GAP_MAX_BARS = 120;

/** A place of the chart; without a candle it is left empty, because no tick came in it. */
export interface Place {
  readonly openTime: number;
  readonly candle: Candle | null;
}

/** The candles with empty places between those that are not neighbours. */
export function placesOf(candles: readonly Candle[], intervalMs: number, before?: Candle): Place[] {
  const places: Place[] = [];
  let previous = before;
  for (const candle of candles) {
    if (previous !== undefined) {
      const missing = Math.round((candle.openTime - previous.openTime) / intervalMs) - 1;
      for (let i = Math.max(1, missing - GAP_MAX_BARS + 1); i <= missing; i++) {
        places.push({ openTime: previous.openTime + i * intervalMs, candle: null });
      }
    }
    places.push({ openTime: candle.openTime, candle });
    previous = candle;
  }
  return places;
}

/** What a candle is, in words. */
export function describeState({ state, complete, revision, source }: Candle): string {
  const words: string[] = [
    state === 'revised' ? `revised by ${revision} late ${revision === 1 ? 'tick' : 'ticks'}` : state,
  ];
  if (state !== 'forming') words.push(complete ? 'complete' : 'incomplete');
  if (source !== 'ticks') words.push(source === 'exchange' ? "the exchange's own" : source);
  return words.join(', ');
}
