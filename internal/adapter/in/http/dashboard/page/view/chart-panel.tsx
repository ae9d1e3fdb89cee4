import type { Dashboard } from '../data/dashboard.ts';
import { durationText, priceText } from '../data/text.ts';
import { CandleTable } from './candle-table.tsx';
import { ChartArea } from './chart-area.tsx';
import { FiguresPanel } from './figures-panel.tsx';
import { AGE_SHOWN_MS, Change } from './price-cell.tsx';
import { StatusShape } from './price-status.tsx';

/** The chosen pair: newest price, candles, figures of the period. */
export function ChartPanel({ dashboard }: { readonly dashboard: Dashboard }) {
  const { intervals, selection } = dashboard;
  const pair = dashboard.pair();
  return (
    <section class="panel chart-panel" id="chart" tabIndex={-1} aria-labelledby="chart-title">
      <div class="panel-head">
        <h2 id="chart-title">{pair?.symbol ?? 'No pair yet'}</h2>
        <ExchangeSelect dashboard={dashboard} />
        <NewestPrice dashboard={dashboard} />
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out in a line by all browsers */}
        <div class="buttons" role="group" aria-label="Length of a candle">
          {intervals.map((interval) => (
            <button
              key={interval}
              type="button"
              aria-pressed={interval === selection.interval}
              onClick={() => dashboard.select({ interval })}
            >
              {interval}
            </button>
          ))}
        </div>
      </div>
      <ChartArea dashboard={dashboard} />
      <FiguresPanel dashboard={dashboard} />
      <CandleTable feed={dashboard.feed} decimals={dashboard.prices.decimalsOf(pair?.symbol ?? '')} />
    </section>
  );
}

function ExchangeSelect({ dashboard }: { readonly dashboard: Dashboard }) {
  const chosen = dashboard.pair()?.exchange;
  if (chosen === undefined) return null;
  const known = dashboard.names.exchangeNames();
  const names = known.includes(chosen) ? known : [chosen, ...known];
  return (
    <label class="field">
      <span class="hidden">Exchange</span>
      <select value={chosen} onChange={(event) => dashboard.select({ exchange: event.currentTarget.value })}>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function NewestPrice({ dashboard }: { readonly dashboard: Dashboard }) {
  const pair = dashboard.pair();
  const quote = pair === null ? undefined : dashboard.prices.quote(pair.exchange, pair.symbol);
  if (pair === null || quote === undefined) return null;
  const reference = dashboard.period.reference(pair);
  const ageMs = performance.now() - quote.receivedAtMs;
  return (
    <p class="newest">
      <strong class="newest-price">{priceText(quote.price, dashboard.prices.decimalsOf(pair.symbol))}</strong>{' '}
      <Change ratio={reference === null ? null : quote.price / reference.price - 1} />{' '}
      <span class={`state ${quote.status}`}>
        <StatusShape status={quote.status} /> {dashboard.isLost ? 'was ' : ''}
        {quote.status}
        {ageMs >= AGE_SHOWN_MS && `, ${durationText(ageMs)} old`}
      </span>
    </p>
  );
}
