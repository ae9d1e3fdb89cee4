/**
 * The straightforward build of the same job, to compare with: one `JSON.parse` a line, one object a tick, one Map entry
 * a pair. It keeps no log, no windows and no books. Argument: the sources; prints the address that answers with the count.
 */
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

interface Tick {
  exchange: string;
  symbol: string;
  price: number;
  timestamp: number;
}

interface Candle {
  open: number;
  high: number;
  low: number;
  close: number;
  sum: number;
  count: number;
}

const candles = new Map<string, Candle>();
const latest = new Map<string, Tick>();
let counted = 0;

function take(tick: Tick): void {
  if (typeof tick.symbol !== 'string' || !(tick.price > 0) || !Number.isInteger(tick.timestamp)) return;
  const pair = `${tick.exchange}:${tick.symbol}`;
  latest.set(pair, tick);
  const key = `${pair}:${Math.floor(tick.timestamp / 60_000)}`;
  const candle = candles.get(key);
  if (candle === undefined) {
    candles.set(key, {
      open: tick.price,
      high: tick.price,
      low: tick.price,
      close: tick.price,
      sum: tick.price,
      count: 1,
    });
  } else {
    candle.high = Math.max(candle.high, tick.price);
    candle.low = Math.min(candle.low, tick.price);
    candle.close = tick.price;
    candle.sum += tick.price;
    candle.count++;
  }
  counted++;
}

for (const source of (process.argv[2] ?? '').split(',')) {
  const [exchange = '', address = ''] = source.split('=');
  const { hostname, port } = new URL(address);
  let rest = '';
  connect(Number(port), hostname)
    .setEncoding('utf8')
    .on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        try {
          take({ exchange, ...(JSON.parse(line) as Omit<Tick, 'exchange'>) });
        } catch {}
      }
    });
}

const server = createServer((_request, response) => response.end(String(counted)));
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
