import { acquireDataFolder } from '../../internal/adapter/out/sqlite/data-folder-lock.ts';
import type { CandleStore } from '../../internal/application/port/out/candle-store.ts';
import type { Happenings } from '../../internal/application/port/out/happenings.ts';
import type { TickLog } from '../../internal/application/port/out/tick-log.ts';
import { KeepCheckpoints } from '../../internal/application/usecase/keep-checkpoints.ts';
import { replayLog } from '../../internal/application/usecase/recover-state.ts';
import { MarketState } from '../../internal/domain/service/market-state.ts';
import type { Part } from '../../pkg/concurrency/lifecycle.ts';
import { openCandleStore, refuseGap } from './candle-store.ts';
import { asStartupError, isClosedCandleStore } from './data-errors.ts';
import type { MarketFlowOptions } from './process.ts';
import { openTickLog } from './tick-log.ts';

/** What is kept: the tick log, the state that is folded out of it, and the store that has its checkpoint. */
export interface Aggregator {
  readonly store: CandleStore;
  readonly log: TickLog;
  readonly state: MarketState;
  readonly checkpoints: KeepCheckpoints;
  /** In order of start. */
  readonly parts: readonly Part[];
}

/** Opens the data folder and brings the state to the end of the log. Rejects with a StartupError. */
export async function openAggregator(options: MarketFlowOptions, happenings: Happenings): Promise<Aggregator> {
  try {
    return await open(options, happenings);
  } catch (error) {
    throw asStartupError(error);
  }
}

async function open(options: MarketFlowOptions, happenings: Happenings): Promise<Aggregator> {
  const { settings, logger, nowMs, onFatal } = options;
  const folder = acquireDataFolder(settings.dataDir);
  const store = await openCandleStore({ settings, dataDir: folder.path, nowMs, logger });
  const checkpoint = await store.load();

  const { flushIntervalMs, ...fold } = settings.candles;
  const state = new MarketState(fold);
  if (checkpoint !== null) state.restore(checkpoint);
  const afterPosition = state.position;
  const log = await openTickLog({
    ...{ settings: settings.tickLog, dataDir: folder.path, afterPosition, nowMs, logger },
    onWritten: (tookMs) => happenings.logWritten(tookMs),
  });
  refuseGap(folder.path, afterPosition, log.stats());
  await replayLog(state, log, happenings, nowMs);

  const checkpoints = new KeepCheckpoints({
    ...{ state, store, log, happenings, nowMs },
    intervalMs: flushIntervalMs,
    onFatal: (cause) => {
      if (!isClosedCandleStore(cause)) onFatal(cause);
    },
  });
  const parts: readonly Part[] = [
    { name: 'data folder', stop: () => folder.release() },
    { name: 'candle store', stop: () => store.close() },
    { name: 'tick log', stop: () => log.close() },
    { name: 'checkpoints', start: () => checkpoints.start(), stop: () => checkpoints.stop() },
  ];
  return { store, log, state, checkpoints, parts };
}
