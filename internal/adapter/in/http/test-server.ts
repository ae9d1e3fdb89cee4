import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import type { Candle } from '../../../application/port/in/candle-queries.ts';
import type { MarketStream } from '../../../application/port/in/market-stream.ts';
import type { HealthReport, LatestPrice } from '../../../application/port/in/queries.ts';
import { REJECTION_REASONS, type RejectionReason } from '../../../domain/model/rejection.ts';
import { buildHttpServer, type HttpDependencies } from './server.ts';

export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** `route method status` of each observed request. */
  readonly observed: string[];
  readonly faults: unknown[];
  close(): Promise<void>;
}

export const LATEST: LatestPrice = {
  exchange: 'exchange1',
  symbol: 'BTCUSDT',
  price: 67_321.5,
  timestamp: 1_740_411_234_567,
  receivedAt: 1_740_411_234_570,
  ageMs: 12,
  status: 'live',
};

export const CANDLE: Candle = {
  ...{ openTime: 1_740_411_180_000, closeTime: 1_740_411_240_000 },
  ...{ open: 67_300, high: 67_350.5, low: 67_290, close: 67_321.5 },
  ...{ volume: 1.25, quoteVolume: 84_146, count: 112, average: 67_318, vwap: 67_316.8 },
  ...{ firstTradeId: 5_000, lastTradeId: 5_111 },
  ...{ state: 'final', complete: true, source: 'ticks', revision: 0 },
};

export const INTERVALS_MS = [1_000, 60_000, 300_000, 604_800_000];

export const HEALTH: HealthReport = {
  status: 'ok',
  mode: 'test',
  role: 'all',
  uptimeMs: 1_234,
  version: '0.1.0',
  sources: [
    { exchange: 'exchange1', state: 'live', lastTickAt: 1_000, ageMs: 5, ticksPerSecond: 12.5, reconnects: 0 },
    { exchange: 'exchange2', state: 'connecting', lastTickAt: null, ageMs: null, ticksPerSecond: 0, reconnects: 3 },
  ],
  storage: { kind: 'sqlite', status: 'ok' },
  cache: { kind: 'memory', status: 'degraded', detail: 'slow' },
  tickLog: { kind: 'wal', status: 'ok', bytes: 4_096, segments: 1 },
};

const NO_REJECTIONS = Object.fromEntries(REJECTION_REASONS.map((reason) => [reason, 0])) as Record<
  RejectionReason,
  number
>;

const WINDOW = { from: 1_000, to: 11_000, count: 3 };

/** Nobody can subscribe; what it says of its limits is shown. */
const STREAM: MarketStream = {
  limits: { clients: 0, topics: 1_024, wildcards: 32, intervalMs: 20, slowMs: 10_000 },
  open: () => null,
  stats: () => ({ clients: { websocket: 0, sse: 0 }, topics: 0, sent: 0, dropped: 0, ticksLost: 0, closedSlow: 0 }),
  close: () => undefined,
};

export const STUBS: HttpDependencies = {
  prices: {
    latest: (exchange, symbol) => ({ ok: true, value: { ...LATEST, exchange: exchange ?? LATEST.exchange, symbol } }),
    highest: async (exchange, symbol, period) => ({
      ok: true,
      value: {
        exchange: exchange ?? 'best',
        symbol,
        price: 3,
        timestamp: 2_000,
        period: period?.text ?? null,
        ...WINDOW,
      },
    }),
    lowest: async (exchange, symbol, period) => ({
      ok: true,
      value: {
        exchange: exchange ?? 'best',
        symbol,
        price: 1,
        timestamp: 3_000,
        period: period?.text ?? null,
        ...WINDOW,
      },
    }),
    average: async (exchange, symbol, period) => ({
      ok: true,
      value: { exchange, symbol, price: 2, period: period?.text ?? null, ...WINDOW },
    }),
  },
  candles: {
    intervalsMs: INTERVALS_MS,
    candles: async ({ mode, exchange, symbol, fromMs, toMs }) => ({
      ok: true,
      value: {
        ...{ mode: mode ?? 'test', exchange, symbol, fromMs, toMs: toMs ?? 1_740_411_245_000 },
        ...{ candles: [CANDLE], more: false, settled: toMs !== null },
      },
    }),
  },
  indicators: {
    intervalsMs: INTERVALS_MS,
    indicator: async ({ mode, exchange, symbol, fromMs, toMs }) => ({
      ok: true,
      value: {
        ...{ mode: mode ?? 'test', exchange, symbol, fromMs, toMs: toMs ?? 1_740_411_245_000, warmUp: 20, more: false },
        points: [{ openTime: 1_000, closeTime: 2_000, state: 'forming', complete: false, values: { value: 2.5 } }],
      },
    }),
  },
  ticks: {
    ticks: async ({ mode, exchange, symbol }) => ({
      ok: true,
      value: {
        ...{ mode: mode ?? 'test', exchange, symbol, availableFromMs: 500, next: null },
        ticks: [{ price: 2.5, quantity: null, tradeId: null, timestamp: 1_000, receivedAt: 1_010 }],
      },
    }),
  },
  mode: {
    current: () => ({ mode: 'test', epoch: 1, sinceMs: 1_000, switched: false }),
    switchTo: async (mode) => ({ mode, epoch: 2, sinceMs: 2_000, switched: true }),
  },
  system: {
    health: () => HEALTH,
    readiness: () => ({ ready: true, reasons: [] }),
    audit: () => ({
      received: 10,
      accepted: 9,
      rejected: { ...NO_REJECTIONS, late: 1 },
      counted: 7,
      open: 2,
      balanced: true,
      inCandles: 7,
      damaged: { batches: 0, ticks: 0 },
      position: { log: 5, folded: 4, checkpoint: 3 },
      exchanges: [
        { mode: 'test', exchange: 'exchange1', received: 10, counted: 7, rejected: { ...NO_REJECTIONS, late: 1 } },
      ],
    }),
    symbols: () => [
      {
        symbol: 'BTCUSDT',
        status: 'live',
        exchanges: [{ exchange: 'exchange1', status: 'live', lastTickAt: 1_000 }],
      },
      { symbol: 'TONUSDT', status: null, exchanges: [] },
    ],
    exchanges: () => [
      {
        exchange: 'exchange1',
        mode: 'test',
        state: 'live',
        address: 'tcp://127.0.0.1:40101',
        symbols: ['BTCUSDT'],
        lastTickAt: null,
      },
    ],
  },
  metricsText: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' }),
  stream: STREAM,
  observeRoute: () => () => {},
  version: '0.1.0',
  requestsPerSecond: null,
  nowMs: () => 1_740_411_240_000,
};

/** A server on a real socket, closed after the test. */
export async function startServer(t: TestContext, changes: Partial<HttpDependencies> = {}): Promise<TestServer> {
  const observed: string[] = [];
  const faults: unknown[] = [];
  const server = buildHttpServer({
    ...STUBS,
    observeRoute: (route, method) => (status, seconds) => {
      assert.ok(seconds >= 0 && seconds < 60);
      observed.push(`${route} ${method} ${status}`);
    },
    reportFault: (error) => faults.push(error),
    ...changes,
  });
  const { url } = await server.listen('127.0.0.1', 0);
  t.after(() => server.close());
  return { url, port: Number(new URL(url).port), observed, faults, close: () => server.close() };
}

/** The problem document of a response, after its invariants have been checked. */
export async function problemOf(
  response: Response,
): Promise<{ code: string; detail: string; [more: string]: unknown }> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  return checkProblem(await response.text(), response.status);
}

export function checkProblem(body: string, status: number): { code: string; detail: string } {
  const document = JSON.parse(body);
  assert.equal(document.status, status);
  assert.equal(document.type, `/docs#${document.code}`);
  assert.ok(document.title.length > 0 && document.detail.length > 0);
  return document;
}

/** What comes back for these bytes, until the server closes or has been silent for `quietMs`. */
export function rawExchange(port: number, chunks: readonly (string | Buffer)[], quietMs = 400): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => {
      for (const chunk of chunks) socket.write(chunk);
    });
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

export function rawStatus(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
}

/** The problem document at the end of a raw response. */
export function rawProblemOf(text: string): { code: string; detail: string } {
  const split = text.indexOf('\r\n\r\n');
  assert.match(text.slice(0, split), /content-type: application\/problem\+json/i);
  return checkProblem(text.slice(split + 4), rawStatus(text));
}
