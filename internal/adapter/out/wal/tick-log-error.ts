/**
 * closed: append after close · bad_record: no record that can be written · newer_format: written by a newer version ·
 * unusable_dir: the folder can't be read or written at opening · io_failed, sync_failed: the log is broken for good ·
 * no_space: closed while the disk was full, what waited is not in the log.
 */
export type TickLogErrorCode =
  | 'closed'
  | 'bad_record'
  | 'newer_format'
  | 'unusable_dir'
  | 'io_failed'
  | 'sync_failed'
  | 'no_space';

export type TickLogSeverity = 'retry' | 'drop' | 'fatal';

const SEVERITY: Record<TickLogErrorCode, TickLogSeverity> = {
  closed: 'drop',
  bad_record: 'drop',
  newer_format: 'fatal',
  unusable_dir: 'fatal',
  io_failed: 'fatal',
  sync_failed: 'fatal',
  no_space: 'retry',
};

export class TickLogError extends Error {
  override readonly name = 'TickLogError';
  readonly code: TickLogErrorCode;
  readonly severity: TickLogSeverity;

  constructor(code: TickLogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.severity = SEVERITY[code];
  }

  /** A `TickLogError` as it is; anything else becomes one of `code`, with its message and itself as the cause. */
  static from(error: unknown, code: TickLogErrorCode, doing: string): TickLogError {
    if (error instanceof TickLogError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    return new TickLogError(code, `tick log: ${doing}: ${reason}`, error);
  }
}

/** The operating system's name of an error (`ENOSPC`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function isNoSpace(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}
