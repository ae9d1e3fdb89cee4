import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { intervalText } from '../../../../domain/model/interval-text.ts';
import { matchesEtag } from '../negotiation.ts';
import { pageSchema, renderPage, sendPage } from '../page.ts';
import { STATUS, sendProblem } from '../problem.ts';
import type { RouteSchema } from '../schemas.ts';
import { type Asset, acceptedEncoding, DashboardAssets, etagOf, type ReadFile } from './assets.ts';
import { renderShell } from './shell.ts';

export interface DashboardParts {
  readonly intervalsMs: readonly number[];
  readonly version: string;
  readonly hasStream: boolean;
  /** Default: the files that the build has made. */
  readonly readFile?: ReadFile | undefined;
}

/** A name of a year ago has the content of a year ago. */
const FOREVER = 'public, max-age=31536000, immutable';

/** Scripts, styles and connections of this server only; no frame around it, and no form that leads elsewhere. */
const SHELL_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-cache',
};

const NOT_BUILT = renderPage(
  'MarketFlow',
  '<h1>The dashboard is not built</h1><p>Run <code>make dashboard</code> and reload; <a href="/docs">the API pages</a> work without it.</p>',
);

export function addDashboardRoutes(
  app: FastifyInstance,
  { intervalsMs, version, hasStream, readFile }: DashboardParts,
): void {
  const assets = new DashboardAssets(readFile);
  let shell: Asset | null = null;
  app.get('/', { schema: pageSchema('Dashboard: prices, candles, sources and the books') }, (request, reply) => {
    const manifest = assets.manifest();
    if (manifest === null) {
      sendPage(reply, NOT_BUILT);
      return;
    }
    shell ??= shellAsset(renderShell({ ...manifest, intervals: intervalsMs.map(intervalText), version, hasStream }));
    sendAsset(request, reply.headers(SHELL_HEADERS), shell);
  });
  app.get<{ Params: { name: string } }>('/assets/:name', { schema: ASSET_SCHEMA }, (request, reply) => {
    const { name } = request.params;
    const encoding = acceptedEncoding(request.headers['accept-encoding']);
    const asset = assets.asset(name, encoding);
    if (asset === null) {
      sendProblem(reply, 'not_found');
      return;
    }
    if (encoding !== 'identity') reply.header('content-encoding', encoding);
    reply
      .header('content-type', name.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8')
      .header('cache-control', FOREVER)
      .header('vary', 'accept-encoding')
      .header('x-content-type-options', 'nosniff')
      .header('cross-origin-resource-policy', 'same-origin');
    sendAsset(request, reply, asset);
  });
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, { bytes, etag }: Asset): void {
  reply.header('etag', etag);
  if (!matchesEtag(request.headers['if-none-match'], etag)) reply.send(bytes);
  else reply.removeHeader('content-type').removeHeader('content-encoding').code(STATUS.notModified).send();
}

function shellAsset(html: string): Asset {
  const bytes = Buffer.from(html);
  return { bytes, etag: etagOf(bytes) };
}

const ASSET_SCHEMA: RouteSchema & { readonly hide: true } = {
  ...pageSchema('A file of the dashboard'),
  hide: true,
};
