import type { Dashboard } from '../data/dashboard.ts';
import { countText, percentText, priceText } from '../data/text.ts';
import { PeriodSelect } from './period-select.tsx';
import { PriceCell } from './price-cell.tsx';

/** All pairs by exchange. */
export function PairsPanel({ dashboard }: { readonly dashboard: Dashboard }) {
  const { selection, filter } = dashboard;
  const { symbols } = dashboard.names;
  const { matching, shown, canShowMore } = dashboard.rows();
  return (
    <section class="panel pairs" aria-labelledby="pairs-title">
      <div class="panel-head">
        <h2 id="pairs-title">Pairs</h2>
        <label class="field">
          <span>Filter</span>
          <input
            type="search"
            value={filter}
            placeholder={symbols === null ? '' : `${countText(symbols.length)} pairs`}
            onInput={(event) => dashboard.setFilter(event.currentTarget.value)}
          />
        </label>
        <PeriodSelect
          label="Change over"
          period={selection.period}
          onSelect={(period) => dashboard.select({ period })}
        />
      </div>
      {shown.length > 0 ? <PairTable dashboard={dashboard} shown={shown} /> : <NoPairs dashboard={dashboard} />}
      {matching.length > shown.length && (
        <p class="more">
          {countText(shown.length)} of {countText(matching.length)} are shown.{' '}
          {canShowMore ? (
            <button type="button" onClick={() => dashboard.showMore()}>
              Show more
            </button>
          ) : (
            'The filter finds the others.'
          )}
        </p>
      )}
    </section>
  );
}

function NoPairs({ dashboard: { names, filter } }: { readonly dashboard: Dashboard }) {
  const { symbols } = names;
  if (symbols === null) return <p class="empty">Loading the pairs…</p>;
  if (symbols.length > 0) return <p class="empty">No pair has “{filter}” in its name.</p>;
  return <p class="empty">No pair is known yet. It appears here with its first tick.</p>;
}

function PairTable({ dashboard, shown }: { readonly dashboard: Dashboard; readonly shown: readonly string[] }) {
  const exchanges = dashboard.names.exchangeNames();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label="Prices by pair and exchange">
      <table class="pair-table">
        <thead>
          <tr>
            <th scope="col">Pair</th>
            {exchanges.map((exchange) => (
              <th scope="col" class="number" key={exchange}>
                {exchange}
              </th>
            ))}
            <th
              scope="col"
              class="number spread"
              title="Highest − lowest price of the exchanges that are up, of the lowest"
            >
              Spread
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((symbol) => (
            <tr key={symbol}>
              <th scope="row">
                {symbol}
                <SpreadNote dashboard={dashboard} symbol={symbol} exchanges={exchanges} />
              </th>
              {exchanges.map((exchange) => (
                <td key={exchange} class="number">
                  <PriceCell dashboard={dashboard} exchange={exchange} symbol={symbol} />
                </td>
              ))}
              <SpreadCell dashboard={dashboard} symbol={symbol} exchanges={exchanges} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface SpreadCellProps {
  readonly dashboard: Dashboard;
  readonly symbol: string;
  readonly exchanges: readonly string[];
}

/** In place of the column where there is no room for it. */
function SpreadNote({ dashboard: { prices }, symbol, exchanges }: SpreadCellProps) {
  const spread = prices.spread(symbol, exchanges);
  return <small class="spread-note">{spread === null ? '' : `spread ${percentText(spread.ratio)}`}</small>;
}

function SpreadCell({ dashboard: { prices }, symbol, exchanges }: SpreadCellProps) {
  const spread = prices.spread(symbol, exchanges);
  if (spread === null) return <td class="number spread soft">–</td>;
  const absolute = priceText(spread.absolute, prices.decimalsOf(symbol));
  return (
    <td class="number spread" title={`Lowest at ${spread.lowest}, highest at ${spread.highest}`}>
      {percentText(spread.ratio)}
      <small>{absolute}</small>
    </td>
  );
}
