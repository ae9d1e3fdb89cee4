import type { Audit } from '../../internal/application/port/in/queries.ts';
import { atEnd, type CleanUp } from './clean-up.ts';
import { LineFeed, lineOf, sourcesOf } from './line-feed.ts';
import type { Service } from './service.ts';
import { waitUntil } from './wait.ts';

const STEP_MS = 10;

/** Exchanges that send ticks of the moment until they are told to pause; all that they sent is known. */
export class SteadyFeeds {
  readonly exchanges: readonly string[];
  readonly symbols: readonly string[];
  sent = 0;
  private readonly feeds: LineFeed[] = [];
  private timer: NodeJS.Timeout | null = null;
  private steps = 0;

  private constructor(exchanges: readonly string[], symbols: readonly string[]) {
    this.exchanges = exchanges;
    this.symbols = symbols;
  }

  static async listen(
    cleanUp: CleanUp,
    exchanges: readonly string[] = ['exchange1', 'exchange2'],
    symbols: readonly string[] = ['BTCUSDT', 'ETHUSDT', 'TONUSDT'],
  ): Promise<SteadyFeeds> {
    const steady = new SteadyFeeds(exchanges, symbols);
    for (const _ of exchanges) steady.feeds.push(await LineFeed.listen(cleanUp));
    atEnd(cleanUp, () => steady.stop());
    return steady;
  }

  /** The setting that names them. */
  get sources(): string {
    return sourcesOf(Object.fromEntries(this.exchanges.map((exchange, k) => [exchange, this.feeds[k] ?? { port: 0 }])));
  }

  async run(): Promise<void> {
    await Promise.all(this.feeds.map((feed) => feed.connected()));
    this.timer ??= setInterval(() => this.step(), STEP_MS);
  }

  /** Resolves when the service has all that was sent in its books; returns them. */
  async pause(service: Service): Promise<Audit> {
    this.stop();
    await waitUntil('all ticks have come', async () => (await service.audit()).received === this.sent);
    return service.audit();
  }

  private step(): void {
    const timestamp = Date.now();
    for (const feed of this.feeds) {
      this.steps++;
      const lines = this.symbols.map((symbol, k) =>
        lineOf({ symbol, price: 100 * (k + 1) + (this.steps % 997) / 8, timestamp: timestamp - (this.steps % 7) * 3 }),
      );
      if (feed.sockets.length === 0) continue;
      this.sent += lines.length;
      void feed.sendLines(lines).catch(() => undefined);
    }
  }

  private stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}
