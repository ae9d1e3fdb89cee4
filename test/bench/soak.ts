/**
 * `make soak`: 100,000 ticks/s with 15 pairs for 30 minutes; how resident memory and heap grow in the last 20. The first ten
 * fill the rolling windows. Resident memory goes up and down by 15 MiB every six minutes or so, with V8's collections of
 * the old generation, so that a shorter run shows a slope of its own. Arguments: minutes, and a number of symbols: then 20,000
 * ticks/s of as many at three exchanges, and what memory comes to.
 */
import type { Audit } from '../../internal/application/port/in/queries.ts';
import { atMost, type Figure, info, render } from './figures.ts';
import { Subject, sleep, startExchanges } from './subject.ts';

const MIB = 1_048_576;
const SAMPLES_A_MINUTE = 60;

const WARM_UP_MINUTES = 10;
/** 300 MB. */
const MEMORY_MIB = 286;

const [, , minutesText = '30', symbolsText] = process.argv;
const minutes = Number(minutesText);
const symbols = Array.from({ length: Number(symbolsText ?? 0) }, (_, k) => `S${k}USDT`).join(',');
const isWide = symbols !== '';
const { child, sources } = await startExchanges(
  3,
  isWide ? ['--rate', '6667', '--symbols', symbols] : ['--rate', '33334'],
);
const subject = await Subject.start({ MODE: 'live', LIVE_SOURCES: sources, ...(isWide && { SYMBOLS: '*' }) });
const rss: number[] = [];
const heap: number[] = [];
for (let minute = 0; minute < minutes; minute++) {
  // The least of a minute is what is left after a collection.
  let leastRss = Number.POSITIVE_INFINITY;
  let leastHeap = Number.POSITIVE_INFINITY;
  for (let k = 0; k < SAMPLES_A_MINUTE; k++) {
    await sleep(60_000 / SAMPLES_A_MINUTE);
    leastRss = Math.min(leastRss, subject.rssBytes() / MIB);
    leastHeap = Math.min(leastHeap, (await subject.metric('nodejs_heap_size_used_bytes')) / MIB);
  }
  rss.push(leastRss);
  heap.push(leastHeap);
  process.stderr.write(`minute ${minute + 1}: rss ${leastRss.toFixed(1)} MiB, heap ${leastHeap.toFixed(1)} MiB\n`);
}
const audit = await subject.get<Audit>('/v1/audit');
await subject.end();
await child.stop();
if (!audit.balanced) throw new Error('the books do not balance');

const figures: Figure[] = [
  info('soak: ticks counted', audit.counted, 'ticks'),
  atMost('soak: resident memory at the end', rss.at(-1) ?? Number.NaN, 'MiB', MEMORY_MIB, rss),
];
if (!isWide) {
  figures.push(
    atMost('soak: slope of resident memory', slope(rss.slice(WARM_UP_MINUTES)), 'MiB/min', 1, rss),
    atMost('soak: slope of the heap after collection', slope(heap.slice(WARM_UP_MINUTES)), 'MiB/min', 1, heap),
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
