/** retry: the same call may succeed later · drop: this call never will, others do · fatal: stop and say so. */
export type StoreErrorSeverity = 'retry' | 'drop' | 'fatal';

const SEVERITY = {
  /** Another process has the data folder. */
  folder_taken: 'fatal',
  /** The folder or the file can't be created, opened or written. */
  unwritable: 'fatal',
  /** Written by a newer version of this program. */
  newer_format: 'fatal',
  /** The schema is not what the migrations made, or that of another program. */
  corrupt_schema: 'fatal',
  not_a_database: 'fatal',
  /** The file's content contradicts itself. */
  corrupt: 'fatal',
  /** Reading, writing or syncing failed: what is on the disk is no longer known. */
  io: 'fatal',
  disk_full: 'retry',
  /** Another connection holds the lock, or too many calls wait. */
  busy: 'retry',
  /** The commit is older than what is stored. */
  stale: 'drop',
  /** The store is closed. */
  closed: 'fatal',
  /** A fault of ours. */
  internal: 'fatal',
} as const satisfies Record<string, StoreErrorSeverity>;

export type StoreErrorCode = keyof typeof SEVERITY;

/** https://www.sqlite.org/rescode.html: primary codes, the low byte of an extended one. */
const CODE_OF_SQLITE: Readonly<Record<number, StoreErrorCode>> = {
  3: 'unwritable', // PERM
  5: 'busy', // BUSY
  6: 'busy', // LOCKED
  8: 'unwritable', // READONLY
  10: 'io', // IOERR
  11: 'corrupt', // CORRUPT
  13: 'disk_full', // FULL
  14: 'unwritable', // CANTOPEN
  26: 'not_a_database', // NOTADB
};

const CODE_OF_SYSTEM: Readonly<Record<string, StoreErrorCode>> = {
  EACCES: 'unwritable',
  EEXIST: 'unwritable',
  EISDIR: 'unwritable',
  ELOOP: 'unwritable',
  ENAMETOOLONG: 'unwritable',
  ENOENT: 'unwritable',
  ENOTDIR: 'unwritable',
  EPERM: 'unwritable',
  EROFS: 'unwritable',
  EDQUOT: 'disk_full',
  ENOSPC: 'disk_full',
  EIO: 'io',
};

/** Every failure of this store. `message` is one readable line that names the file. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly severity: StoreErrorSeverity;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.severity = SEVERITY[code];
  }

  /** `path`: the file or folder that the failed call was about. */
  static from(error: unknown, path: string): StoreError {
    if (error instanceof StoreError) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new StoreError(codeOf(error), `${path}: ${text}`, error);
  }
}

function codeOf(error: unknown): StoreErrorCode {
  if (!(error instanceof Error)) return 'internal';
  if ('errcode' in error && typeof error.errcode === 'number')
    return CODE_OF_SQLITE[error.errcode & 0xff] ?? 'internal';
  if ('code' in error && typeof error.code === 'string') return CODE_OF_SYSTEM[error.code] ?? 'internal';
  return 'internal';
}
