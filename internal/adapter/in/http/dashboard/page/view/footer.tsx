/** The notice and the link are what the licence of the chart's library asks for. */
export function Footer({ version }: { readonly version: string }) {
  return (
    <footer>
      <nav aria-label="More">
        <a href="/docs">API</a> <a href="/docs/streams">Streams</a> <a href="/health">Health</a>{' '}
        <a href="/v1/audit">Audit</a> <a href="/metrics">Metrics</a>
      </nav>
      <p>
        MarketFlow {version}. Charts: TradingView Lightweight Charts™, Copyright © 2025 TradingView, Inc.{' '}
        <a href="https://www.tradingview.com/" rel="noopener noreferrer">
          www.tradingview.com
        </a>
      </p>
    </footer>
  );
}
