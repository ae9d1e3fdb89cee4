import autocannon from 'autocannon';
import { atLeast, atMost, type Figure, info, median, quantile } from './figures.ts';
import { Subject, sleep, startScript } from './subject.ts';

const ROUNDS = 5;
const ROUND_S = 3;
const PERIODS = ['30s', '5m', '1h', '1d'];
const PERIOD_REQUESTS = 2_000;

/** Requests a second of /prices/latest beside a bare Fastify route with the same body and schema, turn by turn; times of period queries. */
export async function benchHttp(): Promise<Figure[]> {
  const subject = await Subject.start({});
  const bare = await startScript('test/bench/bare-route.ts', [], {}, /^http/);
  try {
    await sleep(3_000);
    const ours: number[] = [];
    const theirs: number[] = [];
    await requestsPerSecond(`${subject.url}/prices/latest/BTCUSDT`);
    await requestsPerSecond(`${bare.line}/prices/latest/BTCUSDT`);
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(await requestsPerSecond(`${bare.line}/prices/latest/BTCUSDT`));
      ours.push(await requestsPerSecond(`${subject.url}/prices/latest/BTCUSDT`));
    }
    const ratios = ours.map((rate, round) => (rate / (theirs[round] ?? Number.NaN)) * 100);
    return [
      info('GET /prices/latest/BTCUSDT', median(ours), 'requests/s', ours),
      info('a bare Fastify route, same body and schema', median(theirs), 'requests/s', theirs),
      atLeast('GET /prices/latest/BTCUSDT against the bare route', median(ratios), '%', 85, ratios),
      ...(await periodQueries(subject)),
    ];
  } finally {
    await bare.stop();
    await subject.end();
  }
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
