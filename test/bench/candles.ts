import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { startPostgres } from '../harness/postgres-server.ts';
import { type Figure, info, quantile } from './figures.ts';
import { Subject, sleep } from './subject.ts';

const ROWS = 1_000;
const MINUTES = 1_500;
const TICKS_A_MINUTE = 6;
const REQUESTS = 400;
const WARM_UP = 50;
const START_MS = Date.UTC(2026, 0, 5);

/** `GET /v1/candles` of 1,000 one-minute rows out of each store, one request after the other. */
export async function benchCandles(): Promise<Figure[]> {
  const steps: (() => Promise<void> | void)[] = [];
  try {
    const postgres = await startPostgres({ after: (step) => steps.push(step) }, { fsync: true });
    return [
      ...(await benchStore('SQLite', {})),
      ...(await benchStore(postgres.hasTimescale ? 'TimescaleDB' : 'PostgreSQL', { POSTGRES_URL: postgres.url })),
    ];
  } finally {
    for (const step of steps.reverse()) await step();
  }
}

async function benchStore(store: string, settings: Readonly<Record<string, string>>): Promise<Figure[]> {
  const feed = createServer((socket) => sendMinutes(socket)).listen(0, '127.0.0.1');
  await once(feed, 'listening');
  const { port } = feed.address() as AddressInfo;
  const subject = await Subject.start({ MODE: 'live', LIVE_SOURCES: `exchange1=tcp://127.0.0.1:${port}`, ...settings });
  try {
    await untilStored(subject);
    const toMs = START_MS + ROWS * 60_000;
    const path = `/v1/candles/exchange1/BTCUSDT?interval=1m&from=${START_MS}&to=${toMs}&limit=${ROWS}`;
    const samples: number[] = [];
    for (let k = 0; k < WARM_UP + REQUESTS; k++) {
      const fromMs = performance.now();
      const response = await fetch(subject.url + path);
      const { candles } = (await response.json()) as { candles: unknown[] };
      if (candles.length !== ROWS) throw new Error(`${candles.length} candles: ${response.status}`);
      if (k >= WARM_UP) samples.push(performance.now() - fromMs);
    }
    const mean = samples.reduce((sum, ms) => sum + ms, 0) / samples.length;
    return [
      info(`${ROWS} candles out of ${store}, p50`, quantile(samples, 0.5), 'ms'),
      info(`${ROWS} candles out of ${store}, p99`, quantile(samples, 0.99), 'ms'),
      info(`candles out of ${store}`, (ROWS / mean) * 1_000, 'rows/s'),
    ];
  } finally {
    await subject.end();
    feed.close();
  }
}

function sendMinutes(socket: Socket): void {
  socket.on('error', () => undefined);
  const lines: string[] = [];
  for (let k = 0; k < MINUTES * TICKS_A_MINUTE; k++) {
    const timestamp = START_MS + (k * 60_000) / TICKS_A_MINUTE;
    const price = 60_000 + ((k * 7_919) % 1_000) / 10;
    lines.push(JSON.stringify({ symbol: 'BTCUSDT', price, timestamp, quantity: 0.5, tradeId: k }));
  }
  socket.write(`${lines.join('\n')}\n`);
}

/** All minutes but the last few have left memory: what is asked for comes from the store. */
async function untilStored(subject: Subject): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const audit = await subject.get<{ counted: number; position: { folded: number; checkpoint: number } }>('/v1/audit');
    if (audit.counted === MINUTES * TICKS_A_MINUTE && audit.position.folded === audit.position.checkpoint) return;
    await sleep(200);
  }
  throw new Error('the candles are not stored');
}
