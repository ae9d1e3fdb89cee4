import { close, closeSync, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { StoreError } from './store-error.ts';

const syncFile = promisify(fdatasync);
const closeFile = promisify(close);

/** 2 MiB of log: copying them back takes 1 to 4 ms. */
const TRIM_AT_PAGES = 500;

/**
 * Makes commits durable, and keeps the write-ahead log short, without a disk's latency on the main thread.
 *
 * SQLite would sync inside COMMIT (`synchronous=FULL`) and inside a checkpoint, both blocking. Under NORMAL a COMMIT
 * does not sync: after a power loss the file is sound but the last commits may be gone, and the tick log they came
 * from with them, since it is dropped once a commit has returned. So both syncs are done here, by the thread pool:
 *
 * - after COMMIT, of the log; the commit counts as done when that returns;
 * - after a checkpoint that ran with `synchronous=OFF`, of the database file, before the next transaction: only that
 *   could start the log over, so until then its frames, synced earlier, still hold everything the file may lack.
 *
 * The sync of the log's header when it starts over is SQLite's own, under NORMAL, and blocks for one page.
 * The caller sees to it that neither call overlaps a transaction.
 */
export class WalKeeper {
  readonly #writer: DatabaseSync;
  readonly #path: string;
  readonly #measure: StatementSync;
  readonly #copyBack: StatementSync;
  readonly #logFd: number;
  readonly #databaseFd: number;

  /** After the writer's first statement: only then is there a log file. */
  constructor(writer: DatabaseSync, path: string) {
    this.#writer = writer;
    this.#path = path;
    this.#measure = writer.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#copyBack = writer.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    try {
      this.#logFd = openSync(`${path}-wal`, 'r');
    } catch (error) {
      throw StoreError.from(error, path);
    }
    try {
      this.#databaseFd = openSync(path, 'r');
    } catch (error) {
      closeSync(this.#logFd);
      throw StoreError.from(error, path);
    }
  }

  /** What was committed is durable when this resolves. A failure is final: nobody knows what is on the disk then. */
  syncLog(): Promise<void> {
    return this.#sync(this.#logFd, `${this.#path}-wal`);
  }

  /** Copies the log back into the file when it is long; as far as readers allow. After `syncLog` only. */
  async trim(): Promise<void> {
    const size = this.#measure.get();
    if (Number(size?.['log']) - Number(size?.['checkpointed']) < TRIM_AT_PAGES) return;
    this.#writer.exec('PRAGMA synchronous = OFF');
    try {
      this.#copyBack.get();
    } catch (error) {
      const failure = StoreError.from(error, this.#path);
      // A full disk or a lock: the log stays as it is, and the next commit tries again.
      if (failure.severity !== 'retry') throw failure;
    } finally {
      this.#writer.exec('PRAGMA synchronous = NORMAL');
    }
    await this.#sync(this.#databaseFd, this.#path);
  }

  /** After the last connection is closed: closing a descriptor of the database drops the process's locks on it. */
  async close(): Promise<void> {
    await closeFile(this.#logFd);
    await closeFile(this.#databaseFd);
  }

  async #sync(fd: number, path: string): Promise<void> {
    try {
      await syncFile(fd);
    } catch (error) {
      throw new StoreError('io', `${path}: could not be synced`, error);
    }
  }
}
