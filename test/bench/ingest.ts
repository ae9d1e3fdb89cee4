import type { Audit } from '../../internal/application/port/in/queries.ts';
import { atLeast, type Figure, info, median } from './figures.ts';
import { type Child, Subject, sleep, startExchanges, startScript } from './subject.ts';

const SAMPLES = 5;
const SAMPLE_MS = 2_000;
const WARM_UP_MS = 2_500;

/** Ingest over loopback TCP, three sources, five symbols, to aggregated and accepted; the sender shares the machine. */
export async function benchIngest(): Promise<Figure[]> {
  const memory = await ingest({ TICK_LOG_KIND: 'memory' });
  const disk = await ingest({ TICK_LOG_KIND: 'disk' });
  const minutesOnly = await ingest({ TICK_LOG_KIND: 'disk', CANDLES_INTERVALS: '1m' });
  const sync = await ingest({ TICK_LOG_KIND: 'disk', TICK_LOG_DURABILITY: 'sync' });
  const threads = await ingest({ TICK_LOG_KIND: 'disk', PIPELINE_THREADS: '2' });
  const naive = await ingestNaive();
  return [
    atLeast('ingest, log in memory', median(memory) / 1e6, 'M ticks/s', 8, memory),
    atLeast('ingest, log on disk (os)', median(disk) / 1e6, 'M ticks/s', 5, disk),
    info('ingest, log on disk (os), one-minute candles alone', median(minutesOnly) / 1e6, 'M ticks/s', minutesOnly),
    atLeast('candles of all intervals against those of a minute', (median(disk) / median(minutesOnly)) * 100, '%', 80),
    info('ingest, log on disk (sync)', median(sync) / 1e6, 'M ticks/s', sync),
    info('ingest, log on disk (os), threads: 2', median(threads) / 1e6, 'M ticks/s', threads),
    info('straightforward build, no log', median(naive) / 1e6, 'M ticks/s', naive),
    info('log on disk against the straightforward build', median(disk) / median(naive), '×'),
  ];
}

async function ingest(settings: Readonly<Record<string, string>>): Promise<number[]> {
  const { child, sources } = await startExchanges(3, ['--rate', 'max']);
  const subject = await Subject.start({ MODE: 'live', LIVE_SOURCES: sources, LOG_LEVEL: 'info', ...settings });
  try {
    const rates = await sample(async () => {
      const audit = await subject.get<Audit>('/v1/audit');
      if (!audit.balanced) throw new Error('the books do not balance');
      return audit.counted;
    });
    return rates;
  } finally {
    await subject.end();
    await child.stop();
  }
}

async function ingestNaive(): Promise<number[]> {
  const { child, sources } = await startExchanges(3, ['--rate', 'max']);
  let naive: Child | null = null;
  try {
    naive = await startScript('test/bench/naive-build.ts', [sources], {}, /http/);
    const { line } = naive;
    return await sample(async () => Number(await (await fetch(line)).text()));
  } finally {
    await naive?.stop('SIGKILL');
    await child.stop();
  }
}

async function sample(counted: () => Promise<number>): Promise<number[]> {
  await sleep(WARM_UP_MS);
  const rates: number[] = [];
  let from = await counted();
  let fromMs = performance.now();
  for (let k = 0; k < SAMPLES; k++) {
    await sleep(SAMPLE_MS);
    const to = await counted();
    const toMs = performance.now();
    rates.push(((to - from) / (toMs - fromMs)) * 1_000);
    from = to;
    fromMs = toMs;
  }
  return rates;
}
