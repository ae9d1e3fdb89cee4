import { seededDraw } from '../../cmd/testgen/seeded-random.ts';
import { atEnd, type CleanUp } from './clean-up.ts';
import { LineFeed, lineOf } from './line-feed.ts';

const MINUTE_MS = 60_000;
/** Between ticks of the past. */
const PAST_STEP_MS = 10_000;

export interface HistoryPlan {
  /** First price of each symbol. */
  readonly symbols: Readonly<Record<string, number>>;
  /** Minutes of the past that whoever comes first is sent; the newest tick is of now. */
  readonly minutes: number;
  readonly seed: number;
  /** Of the ticks of now, for each symbol. */
  readonly everyMs: number;
}

/** An exchange with a past: hours of ticks at once, then one now and then, to whoever is connected. */
export async function startHistoryFeed(cleanUp: CleanUp, plan: HistoryPlan): Promise<LineFeed> {
  const feed = await LineFeed.listen(cleanUp);
  const draw = seededDraw(String(plan.seed));
  const prices = new Map(Object.entries(plan.symbols));
  let tradeId = 0;
  const tick = (symbol: string, timestamp: number, step: number, size: number): string => {
    const before = prices.get(symbol) ?? 1;
    const after = before * (1 + (draw() - 0.5) * step);
    prices.set(symbol, after);
    const price = Number(after.toPrecision(6));
    const quantity = Number((size / (0.05 + draw())).toFixed(3));
    return `${lineOf({ symbol, price, timestamp, quantity, tradeId: tradeId++ })}\n`;
  };
  let hasPast = false;
  const timer = setInterval(() => {
    const nowMs = Date.now();
    let lines = '';
    if (!hasPast && feed.sockets.length > 0) {
      hasPast = true;
      for (let at = nowMs - plan.minutes * MINUTE_MS; at < nowMs - PAST_STEP_MS; at += PAST_STEP_MS) {
        for (const symbol of prices.keys()) lines += tick(symbol, at, 0.001, 1);
      }
    }
    for (const symbol of prices.keys()) lines += tick(symbol, nowMs, 0.0002, plan.everyMs / PAST_STEP_MS);
    for (const socket of feed.sockets) socket.write(lines);
  }, plan.everyMs);
  atEnd(cleanUp, () => clearInterval(timer));
  return feed;
}
