import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { SymbolEntry, TickIntake } from '../../../application/port/in/tick-intake.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import type { TickBatch } from '../../../domain/model/tick-batch.ts';
import type { DecodeThreadData } from './decode-thread.ts';
import type { FeedSource } from './feed-supervisor.ts';
import { type Decoded, readBatch } from './line-json/decode.test-kit.ts';

export const NAMES = ['BTCUSDT', 'ETHUSDT'];
export const TIME_MS = 1_786_310_819_000;

export const line = (price: number | string, symbol = 'BTCUSDT') =>
  `{"symbol":"${symbol}","price":${price},"timestamp":${TIME_MS}}\n`;

export function spawnDecodeThread(data: DecodeThreadData): Worker {
  return new Worker(new URL('./decode-thread.ts', import.meta.url), { workerData: data });
}

/** Polls until `isTrue`; fails with what was waited for. */
export async function until(what: string, isTrue: () => boolean, deadlineMs = 5_000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await wait(2);
  }
}

/** Takes everything, unless its gate is shut, and remembers it in order. */
export class TestIntake implements TickIntake {
  /** What came, per source: batches as they are read, `up` and `down`. */
  readonly events = new Map<number, (Decoded | 'up' | 'down')[]>();
  /** Resolves: batches of this source are accepted. */
  readonly gates = new Map<number, Promise<void>>();
  isKeeping = true;
  private readonly sourceNames: string[] = [];
  private readonly listeners: ((entry: SymbolEntry) => void)[] = [];
  private readonly entries: SymbolEntry[] = NAMES.map((name, id) => ({ name, id }));

  readonly symbols = {
    limit: 8,
    open: false,
    entries: () => this.entries,
    onAdded: (listener: (entry: SymbolEntry) => void) => void this.listeners.push(listener),
  };

  openSource(mode: Mode, exchange: string): number {
    const name = `${mode} ${exchange}`;
    const known = this.sourceNames.indexOf(name);
    return known < 0 ? this.sourceNames.push(name) - 1 : known;
  }

  async accept(batch: TickBatch): Promise<void> {
    await this.gates.get(batch.source);
    // Read when it is accepted: until then nobody may touch it.
    if (this.isKeeping) this.of(batch.source).push(readBatch(batch, NAMES));
    else this.counts[batch.source] = (this.counts[batch.source] ?? 0) + batch.count;
  }

  /** Ticks per source while nothing is kept. */
  readonly counts: number[] = [];

  async feedChanged(source: number, _epoch: number, up: boolean): Promise<void> {
    this.of(source).push(up ? 'up' : 'down');
  }

  of(source: number): (Decoded | 'up' | 'down')[] {
    const events = this.events.get(source) ?? [];
    this.events.set(source, events);
    return events;
  }

  prices(source = 0): number[] {
    return this.of(source).flatMap((event) => (typeof event === 'string' ? [] : event.ticks.map(({ price }) => price)));
  }

  rejected(source = 0): Record<string, number> {
    const total: Record<string, number> = {};
    for (const event of this.of(source)) {
      if (typeof event === 'string') continue;
      for (const [reason, count] of Object.entries(event.rejected)) total[reason] = (total[reason] ?? 0) + count;
    }
    return total;
  }
}

/** A feed on a port of its own. */
export class TestFeed {
  readonly sockets = new Set<Socket>();
  readonly connectedAtMs: number[] = [];
  opened = 0;
  closed = 0;
  private readonly server: Server;
  private readonly onSocket: (socket: Socket) => void;

  constructor(onSocket: (socket: Socket) => void = () => undefined) {
    this.onSocket = onSocket;
    this.server = createServer((socket) => {
      this.connectedAtMs.push(performance.now());
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
      this.onSocket(socket);
    });
  }

  async listen(port = 0): Promise<this> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  source(exchange: string, port = this.port): FeedSource {
    return {
      exchange,
      address: `tcp://127.0.0.1:${port}`,
      open: async () => {
        this.opened++;
        return { host: '127.0.0.1', port, close: async () => void this.closed++ };
      },
    };
  }

  send(text: string | Uint8Array): void {
    for (const socket of this.sockets) socket.write(text);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Sockets and timers that this process holds. */
export function handles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kind === 'TCPSocketWrap' || kind === 'TCPWrap' || kind === 'Timeout' || kind === 'TCPConnectWrap')
    .sort();
}
