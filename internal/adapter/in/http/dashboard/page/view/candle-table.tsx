import { useState } from 'preact/hooks';
import { describeState } from '../data/bars.ts';
import type { CandleFeed } from '../data/candle-feed.ts';
import { newestCandles } from '../data/dashboard.ts';
import { candleTimeText, countText, priceText, quantityText, utcText } from '../data/text.ts';

const ROWS = 20;

interface CandleTableProps {
  readonly feed: CandleFeed | null;
  readonly decimals: number;
}

/** The chart's newest candles in words and numbers. */
export function CandleTable({ feed, decimals }: CandleTableProps) {
  const [isOpen, setOpen] = useState(false);
  const candles = isOpen ? newestCandles(feed, ROWS).toReversed() : [];
  return (
    <details class="candle-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Newest candles as a table</summary>
      {isOpen && feed !== null && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard
        <section class="scroll" tabIndex={0} aria-label="Newest candles">
          <table>
            <thead>
              <tr>
                <th scope="col">Opened</th>
                {['Open', 'High', 'Low', 'Close', 'Volume', 'Ticks'].map((name) => (
                  <th scope="col" class="number" key={name}>
                    {name}
                  </th>
                ))}
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {candles.map((candle) => (
                <tr key={candle.openTime}>
                  <th scope="row" title={utcText(candle.openTime)}>
                    {candleTimeText(candle.openTime, feed.intervalMs)}
                  </th>
                  {(['open', 'high', 'low', 'close'] as const).map((name) => (
                    <td class="number" key={name}>
                      {priceText(candle[name], decimals)}
                    </td>
                  ))}
                  <td class="number">{candle.volume === null ? '–' : quantityText(candle.volume)}</td>
                  <td class="number">{countText(candle.count)}</td>
                  <td>{describeState(candle)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}
