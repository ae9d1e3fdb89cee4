import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { STATUS } from './problem.ts';
import { noQuery, type RouteSchema } from './schemas.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2530;--soft:#5b6876;--line:#d9dfe6;--panel:#f5f7f9;--page:#fff;--mark:#0b63c5;--good:#1a7f37;--warn:#9a6700;--bad:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaef;--soft:#9aa7b5;--line:#2d3743;--panel:#161d25;--page:#0e1319;--mark:#6cb0ff;--good:#4cc26b;--warn:#e0b13e;--bad:#ff7b6e}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}
header{border-bottom:1px solid var(--line);background:var(--panel)}
header div{max-width:62rem;margin:0 auto;padding:.8rem 1.25rem;display:flex;flex-wrap:wrap;gap:.4rem 1.2rem;align-items:baseline}
header strong{font-size:1.15rem}
a{color:var(--mark);text-decoration:none}a:hover{text-decoration:underline}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.25rem;margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
h3{font-size:1rem;margin:0}h4{font-size:.8rem;margin:1rem 0 .3rem;color:var(--soft);text-transform:uppercase;letter-spacing:.05em}
p{margin:.4rem 0}.soft{color:var(--soft)}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.7rem .9rem;overflow:auto;margin:.4rem 0}
table{border-collapse:collapse;width:100%;margin:.4rem 0}
th,td{text-align:left;padding:.35rem .7rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:.85rem}
.number{text-align:right;font-variant-numeric:tabular-nums}
article{border:1px solid var(--line);border-radius:8px;padding:.9rem 1.1rem;margin:1rem 0}
.method{display:inline-block;min-width:3.2rem;font-weight:700;color:var(--mark)}.post{color:var(--warn)}
.badge{border:1px solid var(--line);border-radius:99px;padding:.05rem .6rem;font-weight:600}
.live,.ok{color:var(--good)}.quiet,.stale,.test{color:var(--warn)}.down{color:var(--bad)}
summary{cursor:pointer;color:var(--soft)}
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Nothing from another host, no script, no frame; the one style by its hash. */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

/** `body` is HTML; whatever in it is data has been through `escapeHtml`. */
export function renderPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><header><div><strong><a href="/">MarketFlow</a></strong>
<a href="/docs">API</a><a href="/docs/streams">Streams</a><a href="/openapi.json">OpenAPI</a><a href="/health">Health</a><a href="/metrics">Metrics</a><a href="/v1/audit">Audit</a>
</div></header><main>${body}</main></body></html>
`;
}

export function sendPage(reply: FastifyReply, html: string): void {
  reply.code(STATUS.ok).headers(PAGE_HEADERS).header('cache-control', 'no-store').send(html);
}

export function pageSchema(summary: string): RouteSchema {
  return {
    summary,
    tags: ['Pages'],
    querystring: noQuery,
    produces: ['text/html'],
    response: { [STATUS.ok]: { type: 'string', description: 'A page.' } },
  };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
