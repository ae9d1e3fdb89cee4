/**
 * `make soak`: 100,000 ticks/s with 15 pairs for twelve minutes; how resident memory and heap, each after a full collection,
 * grow in the last ten. Between collections memory goes up and down with V8's garbage: the most of each minute is told too.
 * Arguments: minutes, and a number of symbols: then 20,000 ticks/s of as many at three exchanges, without collections of ours,
 * and what memory comes to.
 */
import type { Audit } from '../../internal/application/port/in/queries.ts';
import { atMost, type Figure, info, render } from './figures.ts';
import { Subject, sleep, startExchanges } from './subject.ts';

const MIB = 1_048_576;
const SAMPLES_A_MINUTE = 60;
const COLLECTION_MS = 1_000;
/** Code is compiled, pools are filled. */
const WARM_UP_MINUTES = 2;
/** 300 MB. */
const MEMORY_MIB = 286;
/** The process collects its garbage when it is sent SIGUSR2. With `--expose-gc` from the start compiled code would not be found. */
const ON_SIGNAL = `
  import { setFlagsFromString } from 'node:v8';
  import { runInNewContext } from 'node:vm';
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => collect());`;
const COLLECTING = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ON_SIGNAL)}` };

const [, , minutesText = '12', symbolsText] = process.argv;
const minutes = Number(minutesText);
const symbols = Array.from({ length: Number(symbolsText ?? 0) }, (_, k) => `S${k}USDT`).join(',');
const isWide = symbols !== '';
const { child, sources } = await startExchanges(
  3,
  isWide ? ['--rate', '6667', '--symbols', symbols] : ['--rate', '33334'],
);
const settings = { MODE: 'live', LIVE_SOURCES: sources, ...(isWide && { SYMBOLS: '*' }) };
const subject = await Subject.start(settings, undefined, isWide ? {} : COLLECTING);
const most: number[] = [];
const rss: number[] = [];
const heap: number[] = [];
for (let minute = 0; minute < minutes; minute++) {
  let mostBytes = 0;
  for (let k = 1; k < SAMPLES_A_MINUTE; k++) {
    await sleep(60_000 / SAMPLES_A_MINUTE);
    mostBytes = Math.max(mostBytes, subject.rssBytes());
  }
  if (!isWide) subject.signal('SIGUSR2');
  await sleep(COLLECTION_MS);
  most.push(mostBytes / MIB);
  rss.push(subject.rssBytes() / MIB);
  heap.push((await subject.metric('nodejs_heap_size_used_bytes')) / MIB);
  const figures = [rss, heap, most].map((values) => values.at(-1)?.toFixed(1));
  process.stderr.write(
    `minute ${minute + 1}: rss ${figures[0]} MiB, heap ${figures[1]} MiB, most rss ${figures[2]} MiB\n`,
  );
}
const audit = await subject.get<Audit>('/v1/audit');
await subject.end();
await child.stop();
if (!audit.balanced) throw new Error('the books do not balance');

const figures: Figure[] = [
  info('soak: ticks counted', audit.counted, 'ticks'),
  atMost('soak: resident memory, the most', Math.max(...most), 'MiB', MEMORY_MIB, most),
];
if (!isWide) {
  figures.push(
    atMost('soak: slope of resident memory after collection', slope(rss.slice(WARM_UP_MINUTES)), 'MiB/min', 0.5, rss),
    atMost('soak: slope of the heap after collection', slope(heap.slice(WARM_UP_MINUTES)), 'MiB/min', 0.5, heap),
  );
}
process.stdout.write(render(figures));

/** Least squares, per step. */
function slope(values: readonly number[]): number {
  const meanX = (values.length - 1) / 2;
  const meanY = values.reduce((sum, y) => sum + y, 0) / values.length;
  let xy = 0;
  let xx = 0;
  for (const [x, y] of values.entries()) {
    xy += (x - meanX) * (y - meanY);
    xx += (x - meanX) ** 2;
  }
  return xy / xx;
}
