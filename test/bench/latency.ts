import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { atMost, type Figure, info, quantile } from './figures.ts';
import { Subject, sleep, startExchanges } from './subject.ts';

const PROBES = 2_000;

/**
 * From a tick's `write` at the exchange to the first answer of /prices/latest that shows it, while 100,000 other ticks a
 * second come in: asked over and over on one kept-alive connection, so the figure includes a request's time.
 */
export async function benchLatency(): Promise<Figure[]> {
  const { child, sources } = await startExchanges(3, ['--rate', '33334']);
  const exchange = createServer({ noDelay: true });
  exchange.listen(0, '127.0.0.1');
  await once(exchange, 'listening');
  const connected = once(exchange, 'connection') as Promise<[Socket]>;
  const { port } = exchange.address() as AddressInfo;
  const subject = await Subject.start({ MODE: 'live', LIVE_SOURCES: `${sources},probe=tcp://127.0.0.1:${port}` });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const [socket] = await connected;
    await sleep(2_000);
    const samples: number[] = [];
    for (let k = 1; k <= PROBES; k++) {
      const price = 1_000 + k;
      const fromMs = performance.now();
      socket.write(`{"symbol":"BTCUSDT","price":${price},"timestamp":${Date.now()}}\n`);
      while ((await latestPrice(subject.url, agent)) !== price);
      samples.push(performance.now() - fromMs);
      await sleep(2);
    }
    return [
      info('receipt to visible at /prices/latest, 100,000 ticks/s, p50', quantile(samples, 0.5), 'ms'),
      atMost('receipt to visible at /prices/latest, 100,000 ticks/s, p99', quantile(samples, 0.99), 'ms', 5),
    ];
  } finally {
    agent.destroy();
    await subject.end();
    await child.stop();
    exchange.close();
  }
}

function latestPrice(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${url}/prices/latest/probe/BTCUSDT`, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve((JSON.parse(body) as { price: number }).price));
    }).on('error', reject);
  });
}
