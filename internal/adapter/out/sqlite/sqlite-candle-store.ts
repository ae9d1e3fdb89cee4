import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CandleRange, CandleStore } from '../../../application/port/out/candle-store.ts';
import type { Extremes } from '../../../domain/model/candle.ts';
import type { CandleRow, Checkpoint, CheckpointDelta } from '../../../domain/model/checkpoint.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import { CandleReader } from './candle-reader.ts';
import { readCheckpoint } from './checkpoint-reader.ts';
import { CheckpointWriter, type EncodedDelta, encodeDelta } from './checkpoint-writer.ts';
import { openReader, openWriter } from './connection.ts';
import { StoreError } from './store-error.ts';
import { SummaryReader } from './summary-reader.ts';
import { WalKeeper } from './wal-keeper.ts';

export interface SqliteCandleStoreOptions {
  /** The database file; its folder must exist and be ours alone (see `acquireDataFolder`). */
  readonly path: string;
  /** How long a statement waits for a lock of another process, blocking. Default 100. */
  readonly busyTimeoutMs?: number;
  /** The file does not grow beyond this: `disk_full`. Default: no limit but the disk's. */
  readonly maxBytes?: number;
}

const BUSY_TIMEOUT_MS = 100;

/** How long a commit works before it lets others in, its transaction open. COMMIT itself and a trim can't be split. */
const SLICE_MS = 2;

/** Commits that wait for their turn; one more is refused. */
const COMMIT_MAX_WAITING = 16;

/** Candles and checkpoint in one SQLite file. All of its failures are StoreErrors. */
export class SqliteCandleStore implements CandleStore {
  readonly kind = 'sqlite';
  readonly #path: string;
  readonly #writer: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #keeper: WalKeeper;
  readonly #statements: CheckpointWriter;
  readonly #summaries: SummaryReader;
  readonly #rows: CandleReader;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #broken: StoreError | null = null;
  #closing: Promise<void> | null = null;

  private constructor(path: string, writer: DatabaseSync, reader: DatabaseSync, openLong: () => DatabaseSync) {
    this.#path = path;
    this.#writer = writer;
    this.#reader = reader;
    this.#keeper = new WalKeeper(writer, path);
    this.#statements = new CheckpointWriter(writer);
    this.#summaries = new SummaryReader(reader, openLong);
    this.#rows = new CandleReader(reader);
  }

  /** Rejects with `unwritable`, `not_a_database`, `newer_format`, `corrupt_schema`, `busy`… */
  static async open(options: SqliteCandleStoreOptions): Promise<SqliteCandleStore> {
    const { path, busyTimeoutMs = BUSY_TIMEOUT_MS, maxBytes = null } = options;
    const writer = openWriter(path, { busyTimeoutMs, maxBytes });
    try {
      const openLong = () => openReader(path, busyTimeoutMs);
      return new SqliteCandleStore(path, writer, openLong(), openLong);
    } catch (error) {
      writer.close();
      throw StoreError.from(error, path);
    }
  }

  async load(): Promise<Checkpoint | null> {
    this.#refuseWhenClosed();
    try {
      return readCheckpoint(this.#reader);
    } catch (error) {
      throw StoreError.from(error, this.#path);
    }
  }

  /**
   * Durable when it resolves. The delta is copied at the call, but for the bytes of trade ids and steps.
   * A large one is written in slices of `SLICE_MS`; calls are served in their order.
   */
  async commit(delta: CheckpointDelta): Promise<void> {
    this.#refuseWhenClosed();
    if (this.#waiting >= COMMIT_MAX_WAITING) throw new StoreError('busy', `${this.#path}: too many commits at once`);
    const encoded = encodeDelta(delta);
    this.#waiting++;
    const done = this.#tail.then(() => this.#commitNow(encoded));
    this.#tail = done.then(
      () => this.#trim(),
      () => undefined,
    );
    return done.finally(() => this.#waiting--);
  }

  async summarise(mode: Mode, exchange: string, symbol: string, fromMs: number, toMs: number): Promise<Extremes> {
    try {
      return await this.#summaries.summarise({ mode, exchange, symbol, fromMs, toMs });
    } catch (error) {
      throw StoreError.from(error, this.#path);
    }
  }

  async candles(range: CandleRange): Promise<readonly CandleRow[]> {
    try {
      return await this.#rows.candles(range);
    } catch (error) {
      throw StoreError.from(error, this.#path);
    }
  }

  async newest(mode: Mode): Promise<readonly CandleRow[]> {
    try {
      return await this.#rows.newest(mode);
    } catch (error) {
      throw StoreError.from(error, this.#path);
    }
  }

  /** Of the candles that are stored of one pair, ms. */
  async intervalsOf(mode: Mode, exchange: string, symbol: string): Promise<readonly number[]> {
    try {
      return this.#rows.intervalsOf(mode, exchange, symbol);
    } catch (error) {
      throw StoreError.from(error, this.#path);
    }
  }

  /** Lets commits finish. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #commitNow(delta: EncodedDelta): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    try {
      this.#writer.exec('BEGIN IMMEDIATE');
      await this.#inSlices(this.#statements.write(delta));
      this.#writer.exec('COMMIT');
    } catch (error) {
      // SQLite has rolled back by itself after some errors.
      if (this.#writer.isTransaction) this.#writer.exec('ROLLBACK');
      throw StoreError.from(error, this.#path);
    }
    await this.#unlessBroken(this.#keeper.syncLog());
  }

  async #inSlices(work: Iterable<void>): Promise<void> {
    let turnAtMs = performance.now();
    for (const _ of work) {
      if (performance.now() - turnAtMs < SLICE_MS) continue;
      await nextTurn();
      turnAtMs = performance.now();
    }
  }

  /** After the commit is answered for, before the next one begins. Its failure is that of the next commit. */
  async #trim(): Promise<void> {
    await this.#unlessBroken(this.#keeper.trim()).catch(() => undefined);
  }

  async #unlessBroken(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#broken = StoreError.from(error, this.#path);
      throw this.#broken;
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== null) throw new StoreError('closed', `${this.#path}: the candle store is closed`);
  }

  async #closeAll(): Promise<void> {
    await this.#tail;
    await this.#summaries.close();
    this.#rows.close();
    this.#reader.close();
    this.#writer.close();
    await this.#keeper.close();
  }
}
