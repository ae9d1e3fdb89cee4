/** retry: the same call may succeed later · drop: this call never will, others do · fatal: stop and say so. */
export type PostgresStoreErrorSeverity = 'retry' | 'drop' | 'fatal';

const SEVERITY = {
  /** No connection, or it was lost; the server starts or stops. */
  unreachable: 'retry',
  /** No answer by our deadline, or by the server's own. */
  timeout: 'retry',
  /** Deadlock, or a transaction that can't be put in order with another. */
  conflict: 'retry',
  /** Somebody holds a lock for too long, or too many calls wait here. */
  busy: 'retry',
  /** A standby, or writing is switched off. */
  read_only: 'retry',
  /** The server has no connection, memory or disk left. */
  no_resources: 'retry',
  /** Of the server's disk. */
  io: 'retry',
  bad_address: 'fatal',
  authentication: 'fatal',
  /** The server's certificate is not what the address asks for. */
  certificate: 'fatal',
  no_database: 'fatal',
  rights: 'fatal',
  /** A table, column or function is not what the migrations made. */
  wrong_schema: 'fatal',
  /** Migrated by a newer version of this program. */
  newer_format: 'fatal',
  /** A migration that was applied is not this program's. */
  corrupt_schema: 'fatal',
  /** A row contradicts itself. */
  corrupt: 'fatal',
  /** The server is older than what we use. */
  old_server: 'fatal',
  /** Another process has taken over. */
  fenced: 'fatal',
  /** The checkpoint belongs to the tick log of another data folder. */
  other_log: 'fatal',
  /** Opened for reading alone. */
  reader: 'drop',
  /** The commit is older than what is stored. */
  stale: 'drop',
  /** The store is closed. */
  closed: 'fatal',
  /** A fault of ours. */
  internal: 'fatal',
} as const satisfies Record<string, PostgresStoreErrorSeverity>;

export type PostgresStoreErrorCode = keyof typeof SEVERITY;

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: whole codes first, then classes. */
const CODE_OF_SQLSTATE: Readonly<Record<string, PostgresStoreErrorCode>> = {
  '25006': 'read_only',
  '25P03': 'timeout', // idle_in_transaction_session_timeout
  '25P04': 'timeout', // transaction_timeout
  '3D000': 'no_database',
  '3F000': 'wrong_schema', // schema does not exist
  '40001': 'conflict',
  '40003': 'unreachable', // statement completion unknown
  '40P01': 'conflict',
  '42501': 'rights',
  '42703': 'wrong_schema', // column
  '42704': 'wrong_schema', // object, type
  '42883': 'wrong_schema', // function
  '42804': 'wrong_schema', // datatype mismatch
  '42P01': 'wrong_schema', // table
  '42P10': 'wrong_schema', // no unique key for ON CONFLICT
  '55006': 'busy', // object in use
  '55P03': 'busy', // lock not available
  '57014': 'timeout', // statement_timeout
  '57P01': 'unreachable', // administrator's shutdown
  '57P02': 'unreachable', // crash shutdown
  '57P03': 'unreachable', // cannot connect now
  '57P05': 'unreachable', // idle session timeout
  '08': 'unreachable',
  '28': 'authentication',
  '40': 'conflict',
  '53': 'no_resources',
  '57': 'unreachable',
  '58': 'io',
};

const CODE_OF_SYSTEM: Readonly<Record<string, PostgresStoreErrorCode>> = {
  CONNECTION_CLOSED: 'unreachable',
  CONNECTION_DESTROYED: 'unreachable',
  CONNECTION_ENDED: 'unreachable',
  CONNECT_TIMEOUT: 'unreachable',
  EAI_AGAIN: 'unreachable',
  ECONNABORTED: 'unreachable',
  ECONNREFUSED: 'unreachable',
  ECONNRESET: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  EMFILE: 'no_resources',
  ENETDOWN: 'unreachable',
  ENETRESET: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENFILE: 'no_resources',
  ENOENT: 'unreachable', // no Unix socket
  ENOTFOUND: 'unreachable',
  EPIPE: 'unreachable',
  ETIMEDOUT: 'unreachable',
  ERR_SOCKET_CLOSED: 'unreachable',
  ERR_STREAM_DESTROYED: 'unreachable',
  SASL_SIGNATURE_MISMATCH: 'authentication',
};

/** Every failure of this store. `message` is one readable line that names the server, never a secret. */
export class PostgresStoreError extends Error {
  override readonly name = 'PostgresStoreError';
  readonly code: PostgresStoreErrorCode;
  readonly severity: PostgresStoreErrorSeverity;
  /** The server's own code; null: the failure is not the server's. */
  readonly sqlState: string | null;

  constructor(code: PostgresStoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.severity = SEVERITY[code];
    this.sqlState = sqlStateOf(cause);
  }

  /** `server`: what the message begins with. */
  static from(error: unknown, server: string): PostgresStoreError {
    if (error instanceof PostgresStoreError) return error;
    const sqlState = sqlStateOf(error);
    const text = readable(error);
    return new PostgresStoreError(codeOf(error), `${server}: ${text}${sqlState === null ? '' : ` (${sqlState})`}`, {
      // The driver's error holds the parameters of its query: prices by the thousand, in no log line.
      message: text,
      code: sqlState ?? undefined,
    });
  }
}

export function codeOf(error: unknown): PostgresStoreErrorCode {
  const sqlState = sqlStateOf(error);
  if (sqlState !== null) {
    return CODE_OF_SQLSTATE[sqlState] ?? CODE_OF_SQLSTATE[sqlState.slice(0, 2)] ?? 'internal';
  }
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return 'internal';
  if (/CERT|SELF_SIGNED|ISSUER|VERIFY|_SSL_|TLS/.test(error.code)) return 'certificate';
  return CODE_OF_SYSTEM[error.code] ?? 'internal';
}

/** Five characters that the server gave with its error. */
function sqlStateOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  const { code } = error;
  const ofServer = !(error instanceof Error) || 'severity' in error || 'routine' in error;
  return ofServer && typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

function readable(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(readable).join(', ');
  return error instanceof Error ? error.message : String(error);
}
