import { DeadlineError } from '../../../../pkg/concurrency/deadline.ts';
import { hideSecrets } from '../../../../pkg/config/secrets.ts';

/** What people are told to look at. All but `closed` may be over at the next call. */
const ADVICE = {
  unavailable: 'cannot be reached',
  timeout: 'does not answer',
  readonly: 'is read-only (a replica?)',
  out_of_memory: 'is full (maxmemory)',
  wrong_type: 'has something of another type under a key of ours',
  authentication: 'refuses the password or the user',
  too_many_clients: 'refuses further clients (maxclients)',
  loading: 'is loading its data',
  cluster_down: 'is a cluster without an owner for some slots',
  closed: 'is closed',
  internal: 'refuses',
} as const;

export type RedisErrorCode = keyof typeof ADVICE;

const CODE_OF_REPLY: readonly (readonly [RegExp, RedisErrorCode])[] = [
  [/^READONLY\b/, 'readonly'],
  [/^OOM\b/, 'out_of_memory'],
  [/^WRONGTYPE\b/, 'wrong_type'],
  [/^(NOAUTH|WRONGPASS|NOPERM)\b|invalid (username-)?password|AUTH <password> called without/, 'authentication'],
  [/max number of clients/i, 'too_many_clients'],
  [/^(LOADING|MASTERDOWN)\b/, 'loading'],
  [/^(CLUSTERDOWN|TRYAGAIN)\b|Failed to refresh slots|Too many Cluster redirections/i, 'cluster_down'],
  [/timed ?out|timeout/i, 'timeout'],
  [/isn't writeable|Connection is closed|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|sentinels/i, 'unavailable'],
  [/None of startup nodes|Cluster isn't ready|aborted due to connection close|retries per request/i, 'unavailable'],
];

/** Every failure of this cache. `message` is one readable line without secrets. */
export class RedisError extends Error {
  override readonly name = 'RedisError';
  readonly code: RedisErrorCode;
  readonly severity: 'retry' | 'fatal';

  constructor(code: RedisErrorCode, reason: string | null, cause?: unknown) {
    const more = reason === null ? '' : `: ${hideSecrets(reason)}`;
    super(`Redis ${ADVICE[code]}${more}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.severity = code === 'closed' ? 'fatal' : 'retry';
  }

  static from(error: unknown): RedisError {
    if (error instanceof RedisError) return error;
    if (error instanceof DeadlineError) return new RedisError('timeout', null, error);
    const text = reasonOf(error);
    const code = CODE_OF_REPLY.find(([pattern]) => pattern.test(text))?.[1] ?? systemCode(error) ?? 'internal';
    return new RedisError(code, code === 'timeout' ? null : text, error);
  }
}

/** One line; of a cluster's refusal, the nodes' own. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = 'lastNodeError' in error ? error.lastNodeError : null;
  const text = inner instanceof Error ? `${error.message}: ${inner.message}` : error.message;
  // Where in a script it came up is nothing for an operator.
  return (text || error.name).replace(/ script: [0-9a-f]{40}.*$/s, '').replace(/\s+/g, ' ');
}

function systemCode(error: unknown): RedisErrorCode | null {
  const isSystem =
    error instanceof Error && ('syscall' in error || 'errno' in error || error.name === 'AggregateError');
  return isSystem ? 'unavailable' : null;
}
