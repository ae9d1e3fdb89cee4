import { useEffect } from 'preact/hooks';
import type { Dashboard } from '../data/dashboard.ts';
import { priceText } from '../data/text.ts';
import { AuditLine } from './audit-line.tsx';
import { ChartPanel } from './chart-panel.tsx';
import { ConnectionBanner } from './connection-banner.tsx';
import { Footer } from './footer.tsx';
import { ModeControl } from './mode-control.tsx';
import { PairsPanel } from './pairs-panel.tsx';
import { RateMeter } from './rate-meter.tsx';
import { SourcesPanel } from './sources-panel.tsx';

interface AppProps {
  readonly dashboard: Dashboard;
  readonly version: string;
}

export function App({ dashboard, version }: AppProps) {
  useEffect(() => {
    document.title = titleOf(dashboard);
  });
  return (
    <>
      <header class="bar">
        <button type="button" class="skip" onClick={skipToChart}>
          Skip to the chart
        </button>
        <h1>MarketFlow</h1>
        <ModeControl dashboard={dashboard} />
        <RateMeter health={dashboard.health} rates={dashboard.rates} />
        <AuditLine audit={dashboard.audit} failure={dashboard.auditFailure} />
      </header>
      <ConnectionBanner dashboard={dashboard} />
      <main class={dashboard.isLost ? 'lost' : ''}>
        <PairsPanel dashboard={dashboard} />
        <ChartPanel dashboard={dashboard} />
        <SourcesPanel dashboard={dashboard} />
      </main>
      <Footer version={version} />
    </>
  );
}

/** For who has the page open behind others. */
function titleOf(dashboard: Dashboard): string {
  const pair = dashboard.pair();
  const quote = pair === null ? undefined : dashboard.prices.quote(pair.exchange, pair.symbol);
  if (pair === null || quote === undefined) return 'MarketFlow';
  const price = priceText(quote.price, dashboard.prices.decimalsOf(pair.symbol));
  return `${price} ${pair.symbol} · ${pair.exchange} · MarketFlow`;
}

/** Not a link: the URL's fragment says what is shown. */
function skipToChart(): void {
  document.getElementById('chart')?.focus();
}
