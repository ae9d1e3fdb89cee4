import type { StreamLimits } from '../../../../application/port/in/market-stream.ts';
import { escapeHtml, renderPage } from '../page.ts';
import { type DocumentedMessage, documentedMessages, ERROR_CODES } from './asyncapi.ts';
import { CLOSE } from './websocket-client.ts';

/** `/docs/streams`: the protocol with every message of it. */
export function renderStreamPage(limits: StreamLimits): string {
  const messages = documentedMessages(limits);
  const articles = (from: 'client' | 'server') =>
    messages
      .filter((message) => message.from === from)
      .map(article)
      .join('');
  return renderPage(
    'MarketFlow streams',
    `<h1>Streams</h1>
<p>A WebSocket at <code>/v1/stream</code>, JSON in text frames; or one subscription as server-sent events at
<code>/v1/stream/sse?channel=latest&amp;exchanges=*&amp;symbols=BTCUSDT</code>. As a document for programs: <a href="/asyncapi.json">AsyncAPI</a>.</p>
<h2 id="topics">Topics</h2>
${table([
  [
    'latest:exchange1:BTCUSDT',
    `The newest tick, as /prices/latest answers; at most every ${limits.intervalMs} ms, and when its status changes.`,
  ],
  [
    'candles:1m:exchange1:BTCUSDT',
    `The candles that changed, of any interval that is kept; at most every ${limits.intervalMs} ms. The snapshot has the newest ten in memory.`,
  ],
  [
    'ticks:exchange1:BTCUSDT',
    `Every counted tick, in batches, at most one every ${limits.intervalMs} ms. It has no state: its snapshot is empty.`,
  ],
  ['health', 'The sources, about once a second.'],
])}
<p>In <code>exchanges</code> and <code>symbols</code>, <code>*</code> stands for all that have had ticks in the mode in force, and for those that come later: of such a pair the snapshot comes unasked.</p>
<h2 id="sequences">Sequences, cuts and slow readers</h2>
<p>Sequences of a topic are the same for every client and rise by one with each update. A client that comes back gives the last ones that it saw as <code>resume</code>: a topic goes on from there (<code>resumed</code>) or says that it cannot (<code>snapshot</code> with <code>"resumed":false</code>), as after a restart of the service or a switch of the mode. Ticks are kept for 30 s for those who come back, up to 1 MiB a topic and 16 MiB in all.</p>
<p>A client may have 128 KiB under way. Beyond, its topics wait; when it has read on it gets what holds then, with <code>dropped</code>: the updates in between. Ticks are sent on from what is kept; <code>lost</code> says how many are gone. Who stays behind for ${limits.slowMs / 1_000} s is closed.</p>
<h2 id="client">Messages of clients</h2>${articles('client')}
<h2 id="server">Messages of the service</h2>${articles('server')}
<h2 id="errors">Errors</h2>${table(Object.entries(ERROR_CODES))}
<h2 id="close">Close codes</h2>${table([
      ...Object.values(CLOSE).map(({ code, reason }): [string, string] => [String(code), reason]),
      ['1009', 'a message is longer than 4 KiB'],
      ['1007', 'a message is not UTF-8'],
    ])}
<h2 id="limits">Limits</h2>${table(Object.entries(limits).map(([name, value]) => [name, String(value)]))}
<p>Pages of another origin are refused with 403, more clients than allowed with 503. An idle connection is pinged every 20 s and closed when it does not answer within 10 s; server-sent events have a comment every 15 s.</p>`,
  );
}

function article({ name, summary, example, payload }: DocumentedMessage): string {
  return `<article id="message-${escapeHtml(name)}"><h3><code>${escapeHtml(name)}</code></h3><p>${escapeHtml(summary)}</p>
<pre>${escapeHtml(JSON.stringify(example))}</pre>
<details><summary>JSON Schema</summary><pre>${escapeHtml(JSON.stringify(payload, null, 2))}</pre></details></article>`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const cells = rows.map(
    ([name, text]) => `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(text)}</td></tr>`,
  );
  return `<table>${cells.join('')}</table>`;
}
