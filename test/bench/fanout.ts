/** Fan-out of one topic; also on its own: `node test/bench/fanout.ts [SECONDS]`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { atMost, type Figure, info, render } from './figures.ts';
import { Subject, sleep } from './subject.ts';

const UPDATES_PER_SECOND = 1_000;
const SUBSCRIBERS = [1, 100, 1_000];
const WARM_UP_MS = 2_000;

interface Report {
  readonly messages: number;
  readonly closes: number;
  readonly p50: number;
  readonly p99: number;
  readonly ticks: number;
}

/**
 * 1,000 ticks a second of one pair, each to every subscriber: in batches of 20 ms as by default, and every tick on its
 * own (`streams.interval` 1ms). Ages are from the exchange's `write` to the subscriber's reading; the subscribers are
 * one process on the same two cores.
 */
export async function benchFanout(seconds = 10): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const interval of ['20ms', '1ms']) {
    for (const subscribers of SUBSCRIBERS) figures.push(...(await fanOut(subscribers, interval, seconds)));
  }
  return figures;
}

async function fanOut(subscribers: number, interval: string, seconds: number): Promise<Figure[]> {
  const exchange = createServer({ noDelay: true });
  exchange.listen(0, '127.0.0.1');
  await once(exchange, 'listening');
  const stopTicks = sendTicks(exchange);
  const { port } = exchange.address() as AddressInfo;
  const subject = await Subject.start({
    MODE: 'live',
    LIVE_SOURCES: `probe=tcp://127.0.0.1:${port}`,
    STREAMS_INTERVAL: interval,
  });
  const clients = spawn(process.execPath, ['test/bench/fanout-clients.ts', subject.url, String(subscribers), 'ticks'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: clients.stdout });
    await once(lines, 'line');
    await sleep(WARM_UP_MS);
    const cpuBefore = await subject.metric('process_cpu_seconds_total');
    // The subscribers count from this answer on: nothing may come between it and the clock.
    await ask(clients, lines);
    const fromMs = performance.now();
    await sleep(seconds * 1_000);
    const { messages, closes, p50, p99, ticks } = await ask(clients, lines);
    const passedS = (performance.now() - fromMs) / 1_000;
    const cpuS = (await subject.metric('process_cpu_seconds_total')) - cpuBefore;
    if (closes > 0) throw new Error(`${closes} of ${subscribers} subscribers were closed`);
    const name = `fan-out, ${UPDATES_PER_SECOND} ticks/s to ${subscribers}, interval ${interval}`;
    const age = subscribers === 1_000 && interval === '1ms' ? info : aimedAt50;
    return [
      info(`${name}: messages`, messages / passedS, 'messages/s'),
      info(`${name}: ticks delivered`, (ticks / passedS) * subscribers, 'ticks/s'),
      info(`${name}: age, p50`, p50, 'ms'),
      age(`${name}: age, p99`, p99, 'ms'),
      info(`${name}: CPU time of the service`, (cpuS / passedS) * 100, '%'),
    ];
  } finally {
    clients.kill('SIGKILL');
    stopTicks();
    await subject.end();
    exchange.close();
  }
}

function aimedAt50(name: string, value: number, unit: string): Figure {
  return atMost(name, value, unit, 50);
}

/** To whoever is connected, one tick a write. */
function sendTicks(exchange: Server): () => void {
  const sockets = new Set<Socket>();
  exchange.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  let sent = 0;
  const startMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startMs) * UPDATES_PER_SECOND) / 1_000;
    for (; sent < due; sent++) {
      const line = `{"symbol":"BTCUSDT","price":${1_000 + (sent % 100)},"timestamp":${Date.now()}}\n`;
      for (const socket of sockets) socket.write(line);
    }
  }, 1);
  return () => {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  };
}

async function ask(clients: ChildProcess, lines: Interface): Promise<Report> {
  const answer = once(lines, 'line');
  clients.stdin?.write('\n');
  const [line] = await answer;
  return JSON.parse(String(line)) as Report;
}

if (import.meta.main) process.stdout.write(render(await benchFanout(Number(process.argv[2] ?? 10))));
