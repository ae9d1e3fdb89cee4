import type { SourceHealth } from '../../../../../../application/port/in/queries.ts';
import type { Dashboard } from '../data/dashboard.ts';
import { countText, durationText, rateText } from '../data/text.ts';
import { StatusShape } from './price-status.tsx';

/** How the feeds are. */
export function SourcesPanel({ dashboard: { health, names, mode, isLost } }: { readonly dashboard: Dashboard }) {
  const addressOf = (name: string): string | undefined =>
    names.exchanges?.find(({ exchange }) => exchange === name)?.address ?? undefined;
  return (
    <section class="panel sources" aria-labelledby="sources-title">
      <div class="panel-head">
        <h2 id="sources-title">Sources</h2>
      </div>
      {health !== null && health.sources.length === 0 && (
        <p class="empty">No source is set for {mode?.mode ?? 'this'} mode.</p>
      )}
      {health === null && <p class="empty">Loading…</p>}
      {health !== null && health.sources.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Exchange</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Ticks/s
              </th>
              <th scope="col" class="number">
                Last tick
              </th>
              <th scope="col" class="number">
                Reconnects
              </th>
            </tr>
          </thead>
          <tbody>
            {health.sources.map((source) => (
              <SourceRow key={source.exchange} source={source} address={addressOf(source.exchange)} isLost={isLost} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

interface SourceRowProps {
  readonly source: SourceHealth;
  readonly address: string | undefined;
  readonly isLost: boolean;
}

function SourceRow({ source, address, isLost }: SourceRowProps) {
  const { exchange, state, ticksPerSecond, ageMs, reconnects } = source;
  return (
    <tr>
      <th scope="row" title={address}>
        {exchange}
      </th>
      <td class={`state ${state}`}>
        <StatusShape status={state} /> {isLost ? 'was ' : ''}
        {state}
      </td>
      <td class="number">{rateText(ticksPerSecond)}</td>
      <td class="number">{ageMs === null ? 'none yet' : ageMs < 1_000 ? 'now' : durationText(ageMs)}</td>
      <td class="number">{countText(reconnects)}</td>
    </tr>
  );
}
