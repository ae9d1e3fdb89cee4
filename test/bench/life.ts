import type { Audit } from '../../internal/application/port/in/queries.ts';
import { atMost, type Figure, info, median } from './figures.ts';
import { newDataDir, Subject, sleep, startExchanges } from './subject.ts';

const MIB = 1_048_576;
const STARTS = 5;
const REPLAY_TICKS = 1_000_000;

/** Memory, start-up and restart. */
export async function benchLife(): Promise<Figure[]> {
  return [...(await starts()), ...(await defaultMemory()), ...(await manySymbols()), ...(await replay())];
}

/** From the start of the process to the first price, in an empty folder. */
async function starts(): Promise<Figure[]> {
  const samples: number[] = [];
  for (let k = 0; k < STARTS; k++) {
    const fromMs = performance.now();
    const subject = await Subject.start({});
    await firstPrice(subject);
    samples.push(performance.now() - fromMs);
    await subject.end();
  }
  return [atMost('start to first price, default settings', median(samples), 'ms', 1_000, samples)];
}

async function defaultMemory(): Promise<Figure[]> {
  const subject = await Subject.start({});
  await sleep(30_000);
  const rss = subject.rssBytes() / MIB;
  await subject.end();
  return [atMost('resident memory, default run, after 30 s', rss, 'MiB', 143)];
}

async function manySymbols(): Promise<Figure[]> {
  const symbols = Array.from({ length: 2_000 }, (_, k) => `S${k}USDT`).join(',');
  const { child, sources } = await startExchanges(3, ['--rate', '6667', '--symbols', symbols]);
  const subject = await Subject.start({ MODE: 'live', LIVE_SOURCES: sources, SYMBOLS: '*' });
  await sleep(60_000);
  const rss = subject.rssBytes() / MIB;
  await subject.end();
  await child.stop();
  return [atMost('resident memory, 2,000 symbols on 3 exchanges, 20,000 ticks/s, after 60 s', rss, 'MiB', 286)];
}

/** kill -9 with a million ticks behind the last checkpoint, then from the start to the first price. */
async function replay(): Promise<Figure[]> {
  const { child, sources } = await startExchanges(3, ['--rate', '150000']);
  const dataDir = newDataDir();
  const settings = { MODE: 'live', LIVE_SOURCES: sources, CANDLES_FLUSH_INTERVAL: '60s' };
  const before = await Subject.start(settings, dataDir);
  let counted = 0;
  while (counted < REPLAY_TICKS) {
    await sleep(50);
    counted = (await before.get<Audit>('/v1/audit')).counted;
  }
  await before.kill();
  await child.stop();
  const fromMs = performance.now();
  const after = await Subject.start(settings, dataDir);
  await firstPrice(after);
  const tookMs = performance.now() - fromMs;
  const audit = await after.get<Audit>('/v1/audit');
  await after.end();
  if (audit.counted < counted)
    throw new Error(`${counted} ticks were counted before the kill, ${audit.counted} after it`);
  return [
    info('ticks replayed at that restart', audit.counted, 'ticks'),
    atMost('restart with a million ticks to replay, to first price', tookMs, 'ms', 2_000),
  ];
}

async function firstPrice(subject: Subject): Promise<void> {
  while ((await fetch(`${subject.url}/prices/latest/BTCUSDT`)).status !== 200) await sleep(2);
}
