import type { FastifyInstance } from 'fastify';
import type { LatestPrice, ModeControl, PriceQueries, SystemQueries } from '../../../application/port/in/queries.ts';
import { escapeHtml, pageSchema, renderPage, sendPage } from './page.ts';

export interface LandingSources {
  readonly prices: PriceQueries;
  readonly mode: ModeControl;
  readonly system: SystemQueries;
  readonly version: string;
  readonly nowMs: () => number;
}

const ROWS_MAX = 50;

export function addLandingPage(app: FastifyInstance, sources: LandingSources): void {
  app.get('/', { schema: pageSchema('Mode and latest prices') }, (_request, reply) => {
    sendPage(reply, renderLanding(sources));
  });
}

function renderLanding({ prices, mode, system, version, nowMs }: LandingSources): string {
  const { mode: name, epoch, sinceMs } = mode.current();
  const symbols = system.symbols();
  const rows = symbols.slice(0, ROWS_MAX).map(({ symbol }) => {
    const answer = prices.latest(null, symbol);
    return answer.ok ? priceRow(answer.value) : emptyRow(symbol);
  });
  const more = symbols.length - rows.length;
  const body = `<h1>Latest prices <span class="badge ${name}">${name}</span></h1>
<p class="soft">Mode epoch ${epoch}, since ${isoTime(sinceMs)}. Version ${escapeHtml(version)}. As of ${isoTime(nowMs())}; reload for newer.</p>
<table><thead><tr><th>Symbol</th><th>Exchange</th><th class="number">Price</th><th class="number">Age</th><th>Status</th></tr></thead>
<tbody>${rows.join('') || '<tr><td colspan="5" class="soft">No symbol is known yet.</td></tr>'}</tbody></table>
${more > 0 ? `<p class="soft">And ${more} more at <a href="/v1/symbols">/v1/symbols</a>.</p>` : ''}
<p>How to ask: <a href="/docs">API pages</a>. How it is: <a href="/health">health</a>, <a href="/metrics">metrics</a>, <a href="/v1/exchanges">exchanges</a>, <a href="/v1/audit">the books</a>.</p>`;
  return renderPage('MarketFlow', body);
}

function priceRow({ symbol, exchange, price, ageMs, status }: LatestPrice): string {
  const link = `/prices/latest/${encodeURIComponent(symbol)}`;
  return `<tr><td><a href="${link}">${escapeHtml(symbol)}</a></td><td>${escapeHtml(exchange)}</td>
<td class="number">${price}</td><td class="number">${ageMs} ms</td><td class="${status}">${status}</td></tr>`;
}

function emptyRow(symbol: string): string {
  return `<tr><td>${escapeHtml(symbol)}</td><td colspan="4" class="soft">no tick yet</td></tr>`;
}

function isoTime(atMs: number): string {
  const time = new Date(atMs);
  return Number.isNaN(time.getTime()) ? 'unknown' : time.toISOString();
}
