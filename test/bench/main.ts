/** `make bench`: every figure of the README. Arguments choose among the names below. */

import { benchCandles } from './candles.ts';
import { benchFanout } from './fanout.ts';
import { type Figure, render } from './figures.ts';
import { benchHttp } from './http.ts';
import { benchIngest } from './ingest.ts';
import { benchLatency } from './latency.ts';
import { benchLife } from './life.ts';
import { benchLogSize } from './log-size.ts';

const BENCHES: Readonly<Record<string, () => Promise<Figure[]>>> = {
  ingest: benchIngest,
  latency: benchLatency,
  http: benchHttp,
  candles: benchCandles,
  fanout: () => benchFanout(),
  life: benchLife,
  'log-size': benchLogSize,
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHES);
const figures: Figure[] = [];
for (const name of names) {
  const bench = BENCHES[name];
  if (bench === undefined) throw new Error(`no benchmark ${name}: there are ${Object.keys(BENCHES).join(', ')}`);
  process.stderr.write(`${name} …\n`);
  figures.push(...(await bench()));
}
process.stdout.write(render(figures));
