import { Serial } from '../../../pkg/concurrency/serial.ts';
import type { Mode, ModeState } from '../../domain/model/mode.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { ModeControl } from '../port/in/queries.ts';
import type { Happenings } from '../port/out/happenings.ts';
import type { MarketFeeds } from '../port/out/market-feeds.ts';
import type { IngestTicks } from './ingest-ticks.ts';

/** How long the old mode's chunks may take to be accepted; those that take longer come out as `stale_epoch` or in the old mode. */
const DRAIN_MS = 1_500;

export interface SwitchModeParts {
  readonly state: MarketState;
  readonly feeds: MarketFeeds;
  readonly ingest: IngestTicks;
  readonly happenings: Happenings;
  readonly nowMs: () => number;
}

/** The mode can't be switched now: the log, which has to know, takes nothing. Nothing has changed. */
export class ModeUnavailableError extends Error {
  override readonly name = 'ModeUnavailableError';
  readonly code = 'unavailable';

  constructor(waitsFor: string) {
    super(`the tick log takes nothing at the moment (${waitsFor})`);
  }
}

/** Live ↔ test at run time: feeds of one mode stop, the switch is logged, feeds of the other start. */
export class SwitchMode implements ModeControl {
  private readonly parts: SwitchModeParts;
  private readonly serial = new Serial();
  private readonly mayStart = Promise.withResolvers<void>();
  private started: Promise<void> = Promise.resolve();
  private isStarted = false;
  private stopped = false;

  constructor(parts: SwitchModeParts) {
    this.parts = parts;
  }

  /**
   * At start-up, before anything is asked: the mode that a user switched to wins over the setting.
   * Waits while the log has no room; until then the mode of the last run answers. Switches wait until the feeds of the
   * decided mode run: else both would start feeds, and log the same epoch.
   */
  decide(setting: Mode): Promise<void> {
    const decided = this.decideNow(setting);
    this.started = this.serial.run(async () => {
      await decided;
      await this.mayStart.promise;
      await this.startFeeds();
      this.isStarted = true;
    });
    this.started.catch(() => undefined);
    return decided;
  }

  /** Feeds of the mode that was decided, as soon as it is. */
  start(): Promise<void> {
    this.mayStart.resolve();
    return this.started;
  }

  current(): ModeState {
    return this.parts.state.mode ?? { mode: 'test', epoch: 0, sinceMs: 0, switched: false };
  }

  async switchTo(mode: Mode): Promise<ModeState> {
    // Else it would wait with the start, for room.
    if (!this.isStarted) this.refuseWithoutRoom();
    return this.serial.run(async () => {
      if (this.current().mode === mode) return this.current();
      this.refuseWithoutRoom();
      const fromMs = this.parts.nowMs();
      await this.parts.feeds.stop(DRAIN_MS);
      await this.log(mode, true);
      if (!this.stopped) await this.parts.feeds.start(mode, this.current().epoch);
      this.parts.happenings.modeSwitched(mode, this.current().epoch, this.parts.nowMs() - fromMs);
      return this.current();
    });
  }

  /** No feed runs after this, and none is started any more: a switch that still comes is for the next start. */
  stop(deadlineMs: number): Promise<void> {
    this.stopped = true;
    return this.parts.feeds.stop(deadlineMs);
  }

  private refuseWithoutRoom(): void {
    const { waitsFor } = this.parts.ingest;
    if (waitsFor !== null) throw new ModeUnavailableError(waitsFor);
  }

  private async decideNow(setting: Mode): Promise<void> {
    const remembered = this.parts.state.mode;
    const mode = remembered?.switched ? remembered.mode : setting;
    if (remembered?.mode !== mode) await this.log(mode, false);
  }

  private async startFeeds(): Promise<void> {
    const { state, ingest, feeds } = this.parts;
    for (const source of state.knownSources()) {
      if (source.isFeedUp) void ingest.feedChanged(source.id, this.current().epoch, false, this.parts.nowMs());
    }
    if (!this.stopped) await feeds.start(this.current().mode, this.current().epoch);
  }

  private log(mode: Mode, switched: boolean): Promise<void> {
    const epoch = this.current().epoch + 1;
    return this.parts.ingest.append({ kind: 'mode', mode, epoch, atMs: this.parts.nowMs(), switched });
  }
}
