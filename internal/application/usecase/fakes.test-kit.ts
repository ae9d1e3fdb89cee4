import type { Mode } from '../../domain/model/mode.ts';
import { MarketState } from '../../domain/service/market-state.ts';
import type { FeedState } from '../port/in/queries.ts';
import type { Happenings } from '../port/out/happenings.ts';
import type { FeedStatus, MarketFeeds } from '../port/out/market-feeds.ts';

export const OPTIONS = {
  ...{ latenessMs: 120_000, slackMs: 2_000, secondsRetentionMs: 86_400_000 },
  intervalsMs: [1_000, 60_000, 300_000, 3_600_000],
};
export const T0 = 1_786_310_760_000;

/** A clock that goes when it is told to. */
export class ManualClock {
  ms = T0;
  readonly nowMs = (): number => this.ms;
}

/** Notes what happened, as `name(arguments)`. */
export function noteHappenings(into: string[] = []): Happenings {
  return new Proxy({} as Happenings, {
    get:
      (_, name) =>
      (...details: unknown[]) =>
        void into.push(`${String(name)}(${details.join(', ')})`),
  });
}

/** Feeds that do nothing but say that they were started and stopped. */
export class FakeFeeds implements MarketFeeds {
  readonly calls: string[] = [];
  readonly names: Readonly<Record<Mode, readonly string[]>>;
  running: { readonly mode: Mode; readonly epoch: number } | null = null;
  state: FeedState = 'live';
  /** How long a stop takes. */
  stopping: () => Promise<void> = async () => undefined;

  constructor(names: Readonly<Record<Mode, readonly string[]>> = { live: ['one', 'two'], test: ['one'] }) {
    this.names = names;
  }

  async start(mode: Mode, epoch: number): Promise<void> {
    this.calls.push(`start ${mode} ${epoch}`);
    this.running = { mode, epoch };
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
    await this.stopping();
    this.running = null;
  }

  status(): readonly FeedStatus[] {
    return this.names[this.running?.mode ?? 'live'].map((exchange) => ({
      ...{ exchange, address: `tcp://${exchange}`, state: this.state, reconnects: 0, lastByteAtMs: null },
    }));
  }

  stateOf(exchange: string): FeedState | undefined {
    return this.status().find((status) => status.exchange === exchange)?.state;
  }

  exchanges(mode: Mode): readonly string[] {
    return this.names[mode];
  }
}

export const newState = (): MarketState => new MarketState(OPTIONS);
