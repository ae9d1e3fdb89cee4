import type { Dashboard } from '../data/dashboard.ts';
import { changeText, durationText, priceText, timeText } from '../data/text.ts';
import { StatusShape } from './price-status.tsx';

/** From this age on it is told beside the price. */
export const AGE_SHOWN_MS = 2_000;

interface PriceCellProps {
  readonly dashboard: Dashboard;
  readonly exchange: string;
  readonly symbol: string;
}

/** One pair at one exchange: price, change, status, age. Chooses it for the chart. */
export function PriceCell({ dashboard, exchange, symbol }: PriceCellProps) {
  const quote = dashboard.prices.quote(exchange, symbol);
  const reference = dashboard.period.reference({ exchange, symbol });
  const chosen = dashboard.pair();
  const isChosen = chosen?.exchange === exchange && chosen.symbol === symbol;
  const ageMs = quote === undefined ? 0 : performance.now() - quote.receivedAtMs;
  const was = dashboard.isLost ? 'was ' : '';
  const change = quote === undefined || reference === null ? null : quote.price / reference.price - 1;
  return (
    <button
      type="button"
      class="cell"
      aria-pressed={isChosen}
      title={reference === null ? undefined : `Change since ${timeText(reference.openTime)}`}
      onClick={() => {
        dashboard.select({ exchange, symbol });
        showChart();
      }}
    >
      {quote === undefined ? (
        <span class="soft">
          <span class="price">–</span>
          <small>no tick yet</small>
        </span>
      ) : (
        <>
          <span class={`price ${quote.status}`}>{priceText(quote.price, dashboard.prices.decimalsOf(symbol))}</span>
          <small>
            <StatusShape status={quote.status} />
            {quote.status === 'live' ? <span class="hidden"> {was}live</span> : ` ${was}${quote.status}`}
            {quote.status === 'live' && ageMs < AGE_SHOWN_MS ? (
              <Change ratio={change} />
            ) : (
              <span> {durationText(ageMs)}</span>
            )}
          </small>
        </>
      )}
    </button>
  );
}

export function Change({ ratio }: { readonly ratio: number | null }) {
  if (ratio === null) return <span class="change soft"> –</span>;
  const direction = ratio > 0.00005 ? 'up' : ratio < -0.00005 ? 'down' : 'flat';
  return <span class={`change ${direction}`}> {changeText(ratio)}</span>;
}

/** On a phone the chart is below the pairs. */
function showChart(): void {
  const chart = document.getElementById('chart');
  if (chart === null || matchMedia('(min-width: 60rem)').matches) return;
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  chart.scrollIntoView({ behavior: isCalm ? 'auto' : 'smooth', block: 'start' });
}
