import autocannon from 'autocannon';
import { atLeast, atMost, type Figure, info, median, quantile } from './figures.ts';
import { Subject, sleep, startScript } from './subject.ts';

const STARTS = 5;
const ROUNDS = 4;
const ROUND_S = 2;
const FIRST_PRICES_MS = 3_000;
const PERIODS = ['30s', '5m', '1h', '1d'];
const PERIOD_REQUESTS = 2_000;

/**
 * Requests a second of /prices/latest beside a bare Fastify route with the same body and schema, turn by turn, both started
 * anew for each sample: what V8 makes of the code differs from start to start by a tenth. And times of period queries.
 */
export async function benchHttp(): Promise<Figure[]> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  const periods: Figure[] = [];
  for (let k = 0; k < STARTS; k++) {
    const subject = await Subject.start({});
    const bare = await startScript('test/bench/bare-route.ts', [], {}, /^http/);
    try {
      const [our, their] = [`${subject.url}/prices/latest/BTCUSDT`, `${bare.line}/prices/latest/BTCUSDT`];
      await sleep(FIRST_PRICES_MS);
      await requestsPerSecond(our);
      await requestsPerSecond(their);
      let [ourSum, theirSum] = [0, 0];
      for (let round = 0; round < ROUNDS; round++) {
        theirSum += await requestsPerSecond(their);
        ourSum += await requestsPerSecond(our);
      }
      ours.push(ourSum / ROUNDS);
      theirs.push(theirSum / ROUNDS);
      ratios.push((ourSum / theirSum) * 100);
      if (k === STARTS - 1) periods.push(...(await periodQueries(subject)));
    } finally {
      await bare.stop();
      await subject.end();
    }
  }
  return [
    info('GET /prices/latest/BTCUSDT', median(ours), 'requests/s', ours),
    info('a bare Fastify route, same body and schema', median(theirs), 'requests/s', theirs),
    atLeast('GET /prices/latest/BTCUSDT against the bare route', median(ratios), '%', 85, ratios),
    ...periods,
  ];
}

async function requestsPerSecond(url: string): Promise<number> {
  const result = await autocannon({ url, connections: 16, duration: ROUND_S });
  if (result.non2xx > 0) throw new Error(`${result.non2xx} answers of ${url} are no 2xx`);
  return result.requests.average;
}

async function periodQueries(subject: Subject): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const period of PERIODS) {
    const samples: number[] = [];
    for (let k = 0; k < PERIOD_REQUESTS; k++) {
      const fromMs = performance.now();
      const response = await fetch(`${subject.url}/prices/average/BTCUSDT?period=${period}`);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`period ${period}: ${response.status}`);
      samples.push(performance.now() - fromMs);
    }
    figures.push(atMost(`period query, ${period}, over all exchanges, p99`, quantile(samples, 0.99), 'ms', 5));
  }
  return figures;
}
