import { MINUTE_MS, SECOND_MS } from '../../domain/model/candle.ts';

const SECONDS = MINUTE_MS / SECOND_MS;
/** Minutes of one pair that are remembered: more than ticks usually reach back to. One that is forgotten is told whole. */
const MINUTES_MAX = 4;

/** Ticks of one minute that have been told of. */
interface ToldMinute {
  readonly openMs: number;
  total: number;
  readonly bySecond: Uint32Array;
}

/** Finds the seconds of a minute that have changed by their counts: any change of a second is one more tick in it. */
export class ToldMinutes {
  private readonly ofPair = new Map<number, ToldMinute[]>();

  /**
   * Openings of the seconds of the minute at `minuteMs` that have more ticks than were told, which they are from now
   * on. `count` is the minute's, or infinite if it is not known; `likelyMs` is where to look first, `countAt` tells the
   * ticks of one second.
   */
  changed(
    pair: number,
    minuteMs: number,
    count: number,
    likelyMs: number,
    countAt: (openMs: number) => number,
  ): readonly number[] {
    const told = this.minuteOf(pair, minuteMs);
    const changed: number[] = [];
    const first =
      likelyMs >= minuteMs && likelyMs < minuteMs + MINUTE_MS ? Math.floor((likelyMs - minuteMs) / SECOND_MS) : 0;
    let missing = count - told.total;
    for (let k = 0; k < SECONDS && missing > 0; k++) {
      const second = (first - k + SECONDS) % SECONDS;
      const openMs = minuteMs + second * SECOND_MS;
      const more = countAt(openMs) - (told.bySecond[second] ?? 0);
      if (more <= 0) continue;
      told.bySecond[second] = (told.bySecond[second] ?? 0) + more;
      missing -= more;
      changed.push(openMs);
    }
    told.total = Number.isFinite(count) ? count : told.bySecond.reduce((sum, ticks) => sum + ticks, 0);
    return changed;
  }

  private minuteOf(pair: number, openMs: number): ToldMinute {
    let minutes = this.ofPair.get(pair);
    if (minutes === undefined) {
      minutes = [];
      this.ofPair.set(pair, minutes);
    }
    let told = minutes.find((minute) => minute.openMs === openMs);
    if (told === undefined) {
      told = { openMs, total: 0, bySecond: new Uint32Array(SECONDS) };
      minutes.push(told);
      if (minutes.length > MINUTES_MAX) minutes.shift();
    }
    return told;
  }
}
