import { readFileSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';
import { withDeadline } from '../../../../pkg/concurrency/deadline.ts';
import { CACHE_DEADLINE_MS } from '../../../application/port/out/latest-prices.ts';
import type { RedisAddress } from './redis-address.ts';
import { RedisError } from './redis-error.ts';
import { ANNOUNCE, PUBLISH, REPORT } from './scripts.ts';

const CONNECT_TIMEOUT_MS = 1_000;
/** For a server to end a connection that we have ended. */
const DISCONNECT_MS = 300;
/** A connection from which nothing came for so long after a command is replaced: the server, or the way to it, is frozen. */
const SILENCE_MS = 1_200;
/** The n-th wait before a new try is uniform up to `RETRY_MIN_MS` · 2ⁿ, but at most … */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 800;
/** … and at least this long where the password is refused: the next try will be as well, and each one is logged there. */
const REFUSED_RETRY_MS = 3_000;
/** A replica that was the master yesterday: a new connection may lead to the new one. */
const READONLY_RECONNECT_MS = 1_000;

/** Commands of ours that ioredis has no types for: key count or not, keys, arguments. */
interface ScriptCommands {
  /** An array, not arguments: of a hundred thousand arguments a call overflows the stack. */
  marketflowPublish(keyCount: number, keysAndArguments: readonly (string | number)[]): Promise<string[]>;
  marketflowAnnounce(...keyAndArguments: (string | number)[]): Promise<string[]>;
  marketflowReport(...keyAndArguments: (string | number)[]): Promise<string[]>;
}

const SCRIPTS = {
  marketflowPublish: { lua: PUBLISH },
  marketflowAnnounce: { lua: ANNOUNCE, numberOfKeys: 1 },
  marketflowReport: { lua: REPORT, numberOfKeys: 1 },
};

/**
 * Calls of scripts go on their own. In a cluster their number of keys would be taken for the first key, and mix up the
 * nodes; and what throws while it joins a pipeline shifts everybody else's answers there, and ends the process
 * (https://github.com/redis/ioredis/issues/1931).
 */
const PIPELINING = { enableAutoPipelining: true, autoPipeliningIgnoredCommands: Object.keys(SCRIPTS) };

type RedisClient = (Redis | Cluster) & ScriptCommands;

/**
 * The connection: it comes up, fails and comes up again by itself, whatever the server does. Nothing waits in a queue
 * for it; every call ends within `CACHE_DEADLINE_MS`.
 */
export class RedisLink {
  private readonly client: RedisClient;
  private readonly random: () => number;
  /** Why the connection was last lost or refused; null while it is well. */
  private lastRefusal: RedisError | null = null;
  private lastReadonlyMs = Number.NEGATIVE_INFINITY;
  private closed = false;

  /** Returns at once; it connects in the background. */
  constructor(address: RedisAddress, random: () => number) {
    this.random = random;
    this.client = this.open(address) as RedisClient;
    this.client.on('error', (error: unknown) => this.refused(error));
    this.client.on('node error', (error: unknown) => this.refused(error));
    this.client.on('ready', () => {
      this.lastRefusal = null;
    });
    this.client.connect().catch(() => undefined);
  }

  /** Rejects with RedisError. */
  async run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    if (this.closed) throw new RedisError('closed', null);
    try {
      return await withDeadline(work(this.client), CACHE_DEADLINE_MS, 'Redis');
    } catch (cause) {
      const error = RedisError.from(cause);
      // That there is no connection is less than why there is none.
      throw error.code === 'unavailable' ? (this.lastRefusal ?? error) : error;
    }
  }

  close(): void {
    this.closed = true;
    this.client.disconnect();
  }

  private refused(error: unknown): void {
    this.lastRefusal = RedisError.from(error);
  }

  private open(address: RedisAddress): Redis | Cluster {
    const { kind, endpoints, masterName } = address;
    const common = this.options(address);
    if (kind === 'cluster') {
      return new Cluster([...endpoints], {
        redisOptions: common,
        scripts: SCRIPTS,
        ...PIPELINING,
        lazyConnect: true,
        enableOfflineQueue: false,
        clusterRetryStrategy: this.retryAfter,
        // Within the deadline of one call.
        maxRedirections: 4,
        retryDelayOnFailover: 50,
        retryDelayOnClusterDown: 50,
        slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
        slotsRefreshInterval: 5_000,
      });
    }
    const shared = {
      ...common,
      scripts: SCRIPTS,
      db: address.database,
      enableOfflineQueue: false,
      retryStrategy: this.retryAfter,
      ...PIPELINING,
    };
    const [server] = endpoints;
    if (kind === 'server') return new Redis({ ...shared, host: server?.host ?? '', port: server?.port ?? 0 });
    return new Redis({
      ...shared,
      sentinels: [...endpoints],
      name: masterName,
      role: 'master',
      sentinelCommandTimeout: CACHE_DEADLINE_MS,
      sentinelRetryStrategy: this.retryAfter,
      failoverDetector: true,
      ...(address.sentinelUsername === null ? {} : { sentinelUsername: address.sentinelUsername }),
      ...(address.sentinelPassword === null ? {} : { sentinelPassword: address.sentinelPassword }),
      ...(address.isTls ? { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(address) } : {}),
    });
  }

  private options(address: RedisAddress) {
    const { username, password, isTls } = address;
    return {
      ...(username === null ? {} : { username }),
      ...(password === null ? {} : { password }),
      ...(isTls ? { tls: tlsOptions(address) } : {}),
      lazyConnect: true,
      // A server that has too many clients says so in answer to the first command, and those for names swallow it.
      disableClientInfo: true,
      protocol: 2 as const,
      commandTimeout: CACHE_DEADLINE_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MS,
      disconnectTimeout: DISCONNECT_MS,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      maxLoadingRetryTime: 500,
      reconnectOnError: this.shouldReconnect,
    };
  }

  private readonly retryAfter = (tries: number): number => {
    const capMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(tries, 10));
    const waitMs = 1 + this.random() * capMs;
    return this.lastRefusal?.code === 'authentication' ? REFUSED_RETRY_MS + waitMs : waitMs;
  };

  private readonly shouldReconnect = (error: Error): boolean => {
    if (!error.message.startsWith('READONLY')) return false;
    const nowMs = performance.now();
    if (nowMs - this.lastReadonlyMs < READONLY_RECONNECT_MS) return false;
    this.lastReadonlyMs = nowMs;
    return true;
  };
}

function tlsOptions({ caFile }: RedisAddress): { ca?: Buffer } {
  return caFile === null ? {} : { ca: readFileSync(caFile) };
}
