import type { Audit } from '../../internal/application/port/in/queries.ts';
import { atLeast, type Figure, info, median } from './figures.ts';
import { Subject, sleep, startExchanges, startScript } from './subject.ts';

const ROUNDS = 5;
const SAMPLE_MS = 2_000;
const WARM_UP_MS = 2_500;

/** What takes in the ticks; `counted`: those that are aggregated and accepted by now. */
interface Receiver {
  counted(): Promise<number>;
  end(): Promise<void>;
}

interface Way {
  readonly start: (sources: string) => Promise<Receiver>;
  /** More arguments of the sender. */
  readonly sender?: readonly string[];
}

const WAYS = {
  memory: { start: marketFlow({ TICK_LOG_KIND: 'memory' }) },
  disk: { start: marketFlow({}) },
  minutesOnly: { start: marketFlow({ CANDLES_INTERVALS: '1m' }) },
  trades: { start: marketFlow({}), sender: ['--quantity'] },
  sync: { start: marketFlow({ TICK_LOG_DURABILITY: 'sync' }) },
  threads: { start: marketFlow({ PIPELINE_THREADS: '2' }) },
  naive: { start: startNaive },
} satisfies Readonly<Record<string, Way>>;

/**
 * Ingest over loopback TCP, three sources, five symbols, to aggregated and accepted; the sender shares the machine. Every
 * way is started anew for each of its samples, in turns, so that they all meet the same good and bad times of it.
 */
export async function benchIngest(): Promise<Figure[]> {
  const names = Object.keys(WAYS) as (keyof typeof WAYS)[];
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<keyof typeof WAYS, number[]>;
  for (let round = 0; round < ROUNDS; round++) for (const name of names) rates[name].push(await sample(WAYS[name]));
  const { memory, disk, minutesOnly, trades, sync, threads, naive } = rates;
  const ratio = (of: readonly number[], to: readonly number[]) => of.map((rate, round) => rate / to[round]!);
  const allIntervals = ratio(disk, minutesOnly).map((share) => share * 100);
  const toNaive = ratio(disk, naive);
  return [
    atLeast('ingest, log in memory', median(memory), 'M ticks/s', 8, memory),
    atLeast('ingest, log on disk (os)', median(disk), 'M ticks/s', 5, disk),
    info('ingest, log on disk (os), one-minute candles alone', median(minutesOnly), 'M ticks/s', minutesOnly),
    atLeast('candles of all intervals against those of a minute', median(allIntervals), '%', 80, allIntervals),
    info('ingest, log on disk (os), with quantity and trade id', median(trades), 'M ticks/s', trades),
    info('ingest, log on disk (sync)', median(sync), 'M ticks/s', sync),
    info('ingest, log on disk (os), threads: 2', median(threads), 'M ticks/s', threads),
    info('straightforward build, no log', median(naive), 'M ticks/s', naive),
    info('log on disk against the straightforward build', median(toNaive), '×', toNaive),
  ];
}

/** Millions of ticks a second. */
async function sample({ start, sender = [] }: Way): Promise<number> {
  const { child, sources } = await startExchanges(3, ['--rate', 'max', ...sender]);
  try {
    const receiver = await start(sources);
    try {
      await sleep(WARM_UP_MS);
      const from = await receiver.counted();
      const fromMs = performance.now();
      await sleep(SAMPLE_MS);
      const counted = (await receiver.counted()) - from;
      return counted / (performance.now() - fromMs) / 1_000;
    } finally {
      await receiver.end();
    }
  } finally {
    await child.stop();
  }
}

function marketFlow(settings: Readonly<Record<string, string>>): Way['start'] {
  return async (sources) => {
    const subject = await Subject.start({ MODE: 'live', LIVE_SOURCES: sources, LOG_LEVEL: 'info', ...settings });
    return {
      async counted() {
        const audit = await subject.get<Audit>('/v1/audit');
        if (!audit.balanced) throw new Error('the books do not balance');
        return audit.counted;
      },
      end: () => subject.end(),
    };
  };
}

async function startNaive(sources: string): Promise<Receiver> {
  const naive = await startScript('test/bench/naive-build.ts', [sources], {}, /http/);
  return {
    counted: async () => Number(await (await fetch(naive.line)).text()),
    end: () => naive.stop('SIGKILL'),
  };
}
