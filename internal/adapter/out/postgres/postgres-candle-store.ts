import type { CandleRange, CandleStore } from '../../../application/port/out/candle-store.ts';
import type { Extremes } from '../../../domain/model/candle.ts';
import type { CandleRow, Checkpoint, CheckpointDelta } from '../../../domain/model/checkpoint.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import { CandleReader } from './candle-reader.ts';
import { readCheckpoint } from './checkpoint-reader.ts';
import { CheckpointWriter, copyDelta } from './checkpoint-writer.ts';
import type { Link } from './link.ts';
import { LinkPool } from './link-pool.ts';
import { OldCandles } from './old-candles.ts';
import { type Opened, openDatabase, type PostgresOptions } from './open-database.ts';
import { PostgresStoreError } from './store-error.ts';

/** Commits that wait for their turn; one more is refused. */
const COMMIT_MAX_WAITING = 16;

/**
 * Candles and checkpoint in PostgreSQL, with TimescaleDB where it is installed. All of its failures are
 * PostgresStoreErrors. One connection writes; up to `poolSize` others read.
 */
export class PostgresCandleStore implements CandleStore {
  readonly kind = 'postgres';
  readonly features: Readonly<Record<string, string>>;
  /** What of TimescaleDB is missed, for a log line; null = nothing. */
  readonly missing: string | null;
  readonly #label: string;
  readonly #openWriter: () => Link;
  readonly #pool: LinkPool;
  readonly #reader: CandleReader;
  readonly #statements: CheckpointWriter | null;
  readonly #oldCandles: OldCandles | null;
  #writer: Link | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closing: Promise<void> | null = null;

  private constructor(opened: Opened, poolSize: number) {
    const { label, epoch, dropBefore } = opened;
    this.#label = label;
    this.features = opened.features;
    this.missing = opened.timescale.missing;
    this.#openWriter = opened.openWriter;
    this.#pool = new LinkPool(opened.openReader, poolSize, label);
    this.#reader = new CandleReader(this.#pool);
    this.#statements = epoch === null ? null : new CheckpointWriter(epoch, label);
    this.#oldCandles = dropBefore === null ? null : new OldCandles(this.#pool, dropBefore);
  }

  /**
   * Migrates, and takes the right to write if there is a log. Rejects with `rights`, `authentication`, `no_database`,
   * `newer_format`, `corrupt_schema`, `other_log`…; a server that can't be reached is tried for `patienceMs`.
   */
  static async open(options: PostgresOptions): Promise<PostgresCandleStore> {
    return new PostgresCandleStore(await openDatabase(options), options.poolSize);
  }

  async load(): Promise<Checkpoint | null> {
    this.#refuseWhenClosed();
    return this.#alone((link) => readCheckpoint(link));
  }

  /** Durable when it resolves. The delta is copied at the call, but for the bytes in it; calls are served in their order. */
  async commit(delta: CheckpointDelta): Promise<void> {
    this.#refuseWhenClosed();
    const statements = this.#statements;
    if (statements === null) throw new PostgresStoreError('reader', `${this.#label}: opened for reading alone`);
    if (this.#waiting >= COMMIT_MAX_WAITING) {
      throw new PostgresStoreError('busy', `${this.#label}: too many commits at once`);
    }
    const copy = copyDelta(delta);
    this.#waiting++;
    return this.#alone((link) => statements.commit(link, copy)).finally(() => this.#waiting--);
  }

  async summarise(mode: Mode, exchange: string, symbol: string, fromMs: number, toMs: number): Promise<Extremes> {
    return this.#reader.summarise(mode, exchange, symbol, fromMs, toMs);
  }

  async candles(range: CandleRange): Promise<readonly CandleRow[]> {
    return this.#reader.candles(range);
  }

  async newest(mode: Mode): Promise<readonly CandleRow[]> {
    return this.#reader.newest(mode);
  }

  /** Lets commits finish that are under way. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  /** On the connection that writes, one after the other. */
  #alone<T>(work: (link: Link) => Promise<T>): Promise<T> {
    const done = this.#tail.then(() => this.#withWriter(work));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #withWriter<T>(work: (link: Link) => Promise<T>): Promise<T> {
    if (this.#writer === null || this.#writer.isClosed) this.#writer = this.#openWriter();
    try {
      return await work(this.#writer);
    } catch (error) {
      throw PostgresStoreError.from(error, this.#label);
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== null) throw new PostgresStoreError('closed', `${this.#label}: the candle store is closed`);
  }

  async #closeAll(): Promise<void> {
    this.#oldCandles?.stop();
    await this.#tail;
    await Promise.all([this.#pool.close(), this.#writer?.close()]);
  }
}
