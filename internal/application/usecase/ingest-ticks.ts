import { sleep } from '../../../pkg/concurrency/deadline.ts';
import type { LogRecord } from '../../domain/model/log-record.ts';
import type { Mode } from '../../domain/model/mode.ts';
import type { TickBatch } from '../../domain/model/tick-batch.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { TickIntake } from '../port/in/tick-intake.ts';
import type { Happenings } from '../port/out/happenings.ts';
import type { TickLog } from '../port/out/tick-log.ts';
import type { SymbolDirectory } from './symbol-directory.ts';

/**
 * Candles that may be added in memory since the last commit before intake waits for the next one: with the store down
 * one-second candles of 45 pairs fill this in 18 minutes, a feed of old data makes thousands a second. 20 MB.
 */
const UNCOMMITTED_MAX = 50_000;
/** Beside the waits of the store's own retries. */
const COMMIT_RETRY_MS = 50;

export interface IngestTicksParts {
  readonly log: TickLog;
  readonly state: MarketState;
  readonly symbols: SymbolDirectory;
  readonly happenings: Happenings;
  readonly nowMs: () => number;
  /** Commits soon; resolves when that is done. */
  readonly commit: () => Promise<void>;
  /** Sees each record in the turn in which it was folded, before anything else is. */
  readonly onFolded?: (record: LogRecord) => void;
  /** The log is broken for good: the process has to stop. */
  readonly onFatal: (cause: unknown) => void;
}

/**
 * The path of a tick after decoding: into the log, and when it is there, into the state. Records are folded in the
 * order of the log, in the same turn in which their append resolves, so nothing is ever in the log and not folded
 * but for a crash, and then the replay folds it.
 */
export class IngestTicks implements TickIntake {
  readonly symbols: SymbolDirectory;
  private readonly parts: IngestTicksParts;
  private sourceIds = new Map<string, number>();
  private nextSourceId: number;
  private countedAt: number;
  private countThen: number;
  private waiting = 0;

  constructor(parts: IngestTicksParts) {
    this.parts = parts;
    this.symbols = parts.symbols;
    for (const source of parts.state.knownSources()) this.sourceIds.set(`${source.mode} ${source.exchange}`, source.id);
    this.nextSourceId = parts.state.sources.length;
    this.countedAt = parts.state.committedPosition;
    this.countThen = parts.state.candleCount();
  }

  openSource(mode: Mode, exchange: string): number {
    const key = `${mode} ${exchange}`;
    const known = this.sourceIds.get(key);
    if (known !== undefined) return known;
    const id = this.nextSourceId++;
    this.sourceIds.set(key, id);
    void this.append({ kind: 'source', id, mode, exchange });
    return id;
  }

  accept(batch: TickBatch): Promise<void> {
    if (batch.newSymbols.length > 0) this.register(batch);
    if (batch.frames === 0) return Promise.resolve();
    return this.append({ kind: 'ticks', batch }).then(() => {
      const { happenings, nowMs } = this.parts;
      happenings.chunkAccepted(batch.count, nowMs() - batch.receivedAtMs);
      return this.uncommittedCount() > UNCOMMITTED_MAX ? this.untilCommitted() : undefined;
    });
  }

  feedChanged(source: number, epoch: number, up: boolean, atMs: number): Promise<void> {
    return this.append({ kind: 'feed', source, epoch, up, atMs });
  }

  /** Accepts a name that a setting lists. */
  addSymbol(name: string): void {
    const entry = this.symbols.add(name);
    if (entry !== null) void this.append({ kind: 'symbol', id: entry.id, name: entry.name });
  }

  /** Why nothing is taken at the moment; null = it is. */
  get waitsFor(): string | null {
    if (this.waiting > 0) return 'candle_store';
    const { state } = this.parts.log.stats();
    return state === 'ok' ? null : state;
  }

  /** Logs and folds. Resolves when that is done; never when the log is broken. */
  append(record: LogRecord): Promise<void> {
    const { log, state, onFolded, onFatal } = this.parts;
    return log.append(record).then(
      (position) => {
        state.apply(record, position);
        onFolded?.(record);
      },
      (cause: unknown) => {
        onFatal(cause);
        return new Promise<void>(() => undefined);
      },
    );
  }

  private uncommittedCount(): number {
    const { state } = this.parts;
    const count = state.candleCount();
    if (state.committedPosition !== this.countedAt) {
      this.countedAt = state.committedPosition;
      this.countThen = count;
    }
    return count - this.countThen;
  }

  /** However long the store is away: what it has not is in memory, and that is bounded. */
  private async untilCommitted(): Promise<void> {
    const { state, commit } = this.parts;
    const position = state.committedPosition;
    this.waiting++;
    await commit();
    while (state.committedPosition === position) {
      await sleep(COMMIT_RETRY_MS);
      await commit();
    }
    this.waiting--;
  }

  private register(batch: TickBatch): void {
    for (const name of batch.newSymbols) {
      const before = this.symbols.size;
      this.addSymbol(name);
      if (this.symbols.size > before) this.parts.happenings.symbolAdded(name, this.symbols.size, this.symbols.limit);
    }
    this.symbols.resolve(batch);
  }
}
