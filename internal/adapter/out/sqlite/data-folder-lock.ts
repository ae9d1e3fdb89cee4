import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from './store-error.ts';

/** The right to be the one process that works in a data folder. */
export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  /** Idempotent. The end of the process, however it comes, releases too. */
  release(): void;
}

/** Held here too: a connection that nobody refers to is collected, and its lock with it. */
const heldLocks = new Set<DatabaseSync>();

/**
 * Creates the folder (mode 0700) when there is none, and takes it. Throws a StoreError: `folder_taken` when this or
 * another process has it, `unwritable` when it can't be created or written.
 *
 * The lock is an open exclusive transaction on `lock.db`: the kernel drops it with the process, so that nothing is
 * left behind by `kill -9`, and SQLite refuses a second one inside the same process too. Nothing else may open and
 * close `lock.db` in this process: closing any descriptor of a file drops the process's locks on it.
 */
export function acquireDataFolder(dir: string): DataFolder {
  const path = resolve(dir);
  let lock: DatabaseSync | null = null;
  try {
    createFolder(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    lock = new DatabaseSync(join(path, 'lock.db'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock?.close();
    const error = StoreError.from(cause, path);
    if (error.code === 'busy')
      throw new StoreError('folder_taken', `${path}: another process works in this folder`, cause);
    throw error;
  }
  const held = lock;
  heldLocks.add(held);
  return {
    path,
    release: () => {
      if (heldLocks.delete(held)) held.close();
    },
  };
}

/** Not `recursive: true`: that never returns where a file system answers ENOENT to every mkdir, as /proc does. */
function createFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) createFolder(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have been faster.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
