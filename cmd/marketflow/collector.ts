import { FeedEngine } from '../../internal/adapter/in/exchange/feed-engine.ts';
import type { Happenings } from '../../internal/application/port/out/happenings.ts';
import { IngestTicks, type IngestTicksParts } from '../../internal/application/usecase/ingest-ticks.ts';
import { SwitchMode } from '../../internal/application/usecase/switch-mode.ts';
import { SymbolDirectory } from '../../internal/application/usecase/symbol-directory.ts';
import { WatchSources } from '../../internal/application/usecase/watch-sources.ts';
import { withDeadline } from '../../pkg/concurrency/deadline.ts';
import type { Part } from '../../pkg/concurrency/lifecycle.ts';
import type { Aggregator } from './aggregator.ts';
import { isClosedTickLog } from './data-errors.ts';
import { spawnDecodeThread } from './decode-thread-source.ts';
import { feedSource } from './feed-sources.ts';
import type { MarketFlowOptions } from './process.ts';

/** What is read may take this long to be accepted when the process stops. */
const DRAIN_MS = 4_000;
/** How long the start waits for the mode to be in the log before HTTP answers: at once but for a full disk. */
const MODE_WAIT_MS = 1_000;

/** What is listened to: feeds, the way from them into the log, and which mode's they are. */
export interface Collector {
  readonly symbols: SymbolDirectory;
  readonly ingest: IngestTicks;
  readonly feeds: FeedEngine;
  readonly watch: WatchSources;
  readonly mode: SwitchMode;
  /** In order of start: what is up before HTTP answers, and what is not. */
  readonly partsBeforeHttp: readonly Part[];
  readonly partsAfterHttp: readonly Part[];
}

export interface CollectorParts {
  readonly aggregator: Aggregator;
  readonly happenings: Happenings;
  readonly onFolded: NonNullable<IngestTicksParts['onFolded']>;
  /** The feeds of the mode are being connected. */
  readonly onStarted: () => void;
}

export function buildCollector(options: MarketFlowOptions, collectorParts: CollectorParts): Collector {
  const { settings, nowMs, onFatal } = options;
  const { aggregator, happenings, onFolded, onStarted } = collectorParts;
  const { log, state, checkpoints } = aggregator;
  const symbols = new SymbolDirectory(state.symbols, settings.symbols, settings.symbolLimit);
  const ingest = new IngestTicks({
    ...{ log, state, symbols, happenings, nowMs, onFolded },
    onFatal: (cause) => {
      if (!isClosedTickLog(cause)) onFatal(cause);
    },
    commit: () => checkpoints.commit(),
  });
  if (settings.symbols !== '*') for (const name of settings.symbols) ingest.addSymbol(name);

  const elapsedMs = () => performance.now();
  const { feeds: timings, pipeline } = settings;
  const feeds = new FeedEngine({
    sources: {
      live: settings.live.sources.map((source) => feedSource(source, settings, nowMs)),
      test: settings.test.sources.map((source) => feedSource(source, settings, nowMs)),
    },
    intake: ingest,
    happenings,
    timings,
    backoffMinMs: timings.backoffMinMs,
    backoffMaxMs: timings.backoffMaxMs,
    frameMaxBytes: timings.frameMaxBytes,
    chunkBytes: timings.chunkBytes,
    threads: pipeline.threads,
    workersPerSource: pipeline.workersPerSource,
    spawnThread: spawnDecodeThread,
    nowMs,
    elapsedMs,
    random: Math.random,
  });
  const watch = new WatchSources({
    ...{ state, feeds, ingest, nowMs, elapsedMs },
    staleAfterMs: timings.staleAfterMs,
  });
  const mode = new SwitchMode({ state, feeds, ingest, happenings, nowMs });

  const partsBeforeHttp: readonly Part[] = [
    { name: 'decoders', stop: () => feeds.close() },
    {
      name: 'mode',
      // With a full disk it takes until there is room, and HTTP has to say so meanwhile.
      start: async () => {
        await withDeadline(mode.decide(settings.mode), MODE_WAIT_MS, 'the mode').catch(() => undefined);
      },
    },
  ];
  const partsAfterHttp: readonly Part[] = [
    { name: 'watch', start: () => watch.start(), stop: () => watch.stop() },
    {
      name: 'feeds',
      start: () => {
        void mode.start().then(onStarted, onFatal);
      },
      stop: () => mode.stop(DRAIN_MS),
      deadlineMs: DRAIN_MS + 500,
    },
  ];
  return { symbols, ingest, feeds, watch, mode, partsBeforeHttp, partsAfterHttp };
}
