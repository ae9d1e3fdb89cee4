import type { Dashboard } from '../data/dashboard.ts';
import type { PeriodFigures } from '../data/period-figures.ts';
import { countText, percentText, priceText } from '../data/text.ts';
import { PeriodSelect, periodText } from './period-select.tsx';
import { Time } from './time.tsx';

/** Average and range of the chosen period. */
export function FiguresPanel({ dashboard }: { readonly dashboard: Dashboard }) {
  const { selection } = dashboard;
  const { figures } = dashboard.period;
  return (
    <section class="figures" aria-label="Figures of the period">
      <PeriodSelect label="Period" period={selection.period} onSelect={(period) => dashboard.select({ period })} />
      {figures.kind === 'figures' && <Figures dashboard={dashboard} figures={figures.figures} />}
      {figures.kind === 'loading' && <p class="soft">…</p>}
      {figures.kind === 'none' && (
        <p class="soft">
          {figures.code === 'no_data' ? `No tick in ${periodText(selection.period)}.` : figures.detail}
        </p>
      )}
    </section>
  );
}

interface FiguresProps {
  readonly dashboard: Dashboard;
  readonly figures: PeriodFigures;
}

function Figures({ dashboard, figures: { average, highest, lowest } }: FiguresProps) {
  const pair = dashboard.pair();
  const decimals = dashboard.prices.decimalsOf(average.symbol);
  const newest = pair === null ? undefined : dashboard.prices.quote(pair.exchange, pair.symbol)?.price;
  const range = highest.price - lowest.price;
  return (
    <>
      <dl>
        <div>
          <dt>Lowest</dt>
          <dd>
            {priceText(lowest.price, decimals)}{' '}
            <small>
              at <Time atMs={lowest.timestamp} />
            </small>
          </dd>
        </div>
        <div>
          <dt>Average</dt>
          <dd>
            {priceText(average.price, decimals)} <small>of {countText(average.count)} ticks</small>
          </dd>
        </div>
        <div>
          <dt>Highest</dt>
          <dd>
            {priceText(highest.price, decimals)}{' '}
            <small>
              at <Time atMs={highest.timestamp} />
            </small>
          </dd>
        </div>
        <div>
          <dt>Range</dt>
          <dd>
            {priceText(range, decimals)} <small>{percentText(range / lowest.price)}</small>
          </dd>
        </div>
      </dl>
      <RangeBar low={lowest.price} high={highest.price} average={average.price} newest={newest} />
    </>
  );
}

interface RangeBarProps {
  readonly low: number;
  readonly high: number;
  readonly average: number;
  readonly newest: number | undefined;
}

/** The same figures for the eye. */
function RangeBar({ low, high, average, newest }: RangeBarProps) {
  const at = (price: number): string =>
    `${high === low ? 50 : Math.min(100, Math.max(0, ((price - low) / (high - low)) * 100))}%`;
  return (
    <div class="range" aria-hidden="true" title="Lowest to highest; the line is the average, the dot the newest price">
      <span class="range-average" style={{ left: at(average) }} />
      {newest !== undefined && <span class="range-newest" style={{ left: at(newest) }} />}
    </div>
  );
}
