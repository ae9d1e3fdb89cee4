import { MINUTE_MS } from '../../domain/model/candle.ts';
import { COARSE_STEP_MS, COARSE_WINDOW_MS, FINE_STEP_MS, FINE_WINDOW_MS } from '../../domain/service/market-state.ts';

/** The window `[fromMs, toMs)` that answers for a period, on edges of `stepMs`. */
export interface PeriodWindow {
  readonly stepMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * `toMs` is the first edge after now, `fromMs` the last edge at or before now − period; edges of 100 ms for periods
 * up to a minute, 1 s up to ten minutes, a minute beyond.
 */
export function periodWindow(periodMs: number, nowMs: number): PeriodWindow {
  const stepMs = periodMs <= FINE_WINDOW_MS ? FINE_STEP_MS : periodMs <= COARSE_WINDOW_MS ? COARSE_STEP_MS : MINUTE_MS;
  return {
    stepMs,
    fromMs: Math.floor((nowMs - periodMs) / stepMs) * stepMs,
    toMs: (Math.floor(nowMs / stepMs) + 1) * stepMs,
  };
}
