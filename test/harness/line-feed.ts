import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { atEnd, type CleanUp } from './clean-up.ts';
import { waitUntil } from './wait.ts';

/** An exchange whose every byte is written by the test. */
export class LineFeed {
  /** Clients that are connected, in the order in which they came. */
  readonly sockets: Socket[] = [];
  /** Clients that ever came. */
  connections = 0;
  private readonly server: Server;

  private constructor() {
    this.server = createServer({ noDelay: true }, (socket) => {
      this.connections++;
      this.sockets.push(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.sockets.splice(this.sockets.indexOf(socket), 1));
      socket.resume();
    });
  }

  static async listen(cleanUp: CleanUp): Promise<LineFeed> {
    const feed = new LineFeed();
    feed.server.listen(0, '127.0.0.1');
    await once(feed.server, 'listening');
    atEnd(cleanUp, () => feed.close());
    return feed;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Resolves when `count` clients have come so far and one is there. */
  connected(count = 1, deadlineMs = 15_000): Promise<void> {
    return waitUntil(
      `connection ${count} of the feed`,
      () => this.connections >= count && this.sockets.length > 0,
      deadlineMs,
      5,
    );
  }

  /** To the client that came last; resolves when the kernel has it all. */
  async send(bytes: string | Buffer): Promise<void> {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('nobody is connected');
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Lines, each with its newline. */
  sendLines(lines: readonly string[]): Promise<void> {
    return this.send(lines.map((line) => `${line}\n`).join(''));
  }

  /** Ends all connections in order. */
  cut(): void {
    for (const socket of [...this.sockets]) socket.end();
  }

  /** Ends all connections by a reset. */
  reset(): void {
    for (const socket of [...this.sockets]) socket.resetAndDestroy();
  }

  /** Ends all connections and takes no more. Idempotent. */
  async close(): Promise<void> {
    for (const socket of [...this.sockets]) socket.destroy();
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }
}

export interface FeedTick {
  readonly symbol: string;
  readonly price: number;
  readonly timestamp: number;
  readonly quantity?: number;
  readonly tradeId?: number;
}

export function lineOf(tick: FeedTick): string {
  return JSON.stringify(tick);
}

/** The setting that makes `feeds` the sources of a mode. */
export function sourcesOf(feeds: Readonly<Record<string, { readonly port: number }>>): string {
  return Object.entries(feeds)
    .map(([exchange, { port }]) => `${exchange}=tcp://127.0.0.1:${port}`)
    .join(',');
}
