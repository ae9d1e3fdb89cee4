import type { Socket } from 'node:net';
import postgres from 'postgres';
import type { Address, Server } from './address.ts';
import { dial } from './dial.ts';
import { PostgresStoreError } from './store-error.ts';

/** A new connection, from the first packet to the server's readiness. */
const CONNECT_MS = 3_000;
const FAREWELL_S = 1;

/** A result row in array form. */
export type Row = readonly unknown[];
export type Value = string | number | null | Uint8Array;

export interface Rows {
  readonly rows: readonly Row[];
  /** `INSERT`, `COMMIT`…, as the server understood it. */
  readonly command: string;
  /** Rows that were written or read. */
  readonly count: number;
}

export interface LinkOptions {
  readonly address: Address;
  readonly server: Server;
  /** Of the session: `search_path`, `statement_timeout`… */
  readonly parameters: Readonly<Record<string, string>>;
  /** The server could not be reached, or is not one that we may use. */
  readonly onUnusable?: () => void;
}

/**
 * One connection, used by one caller at a time. It is made at the first query, and never again: what was begun on it
 * can't go on on another. A query that is not answered by its deadline destroys it, whatever the server does.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #sql: postgres.Sql;
  #socket: Socket | null = null;
  #isReady = false;
  #isClosed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#sql = postgres(this.#driverOptions());
  }

  /** It can't be used any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** It has answered a query before. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** One statement with parameters. Rejects with a PostgresStoreError, also after `deadlineMs`. */
  async query(text: string, values: readonly Value[], deadlineMs: number): Promise<Rows> {
    const query = () => this.#sql.unsafe(text, [...values], { prepare: true }).values();
    const found = await this.#inTime(query, deadlineMs);
    return { rows: found, command: found.command, count: Number(found.count) };
  }

  /** Like `query`, row by row as they arrive: a long answer is never in memory as a whole. */
  async each(text: string, values: readonly Value[], deadlineMs: number, onRow: (row: Row) => void): Promise<void> {
    const query = () => this.#sql.unsafe(text, [...values], { prepare: true }).values();
    // The driver's types do not know that its two ways of asking go together.
    const streamed = () => (query() as unknown as postgres.PendingQuery<postgres.Row[]>).forEach(asRow);
    const asRow = (row: unknown) => onRow(row as Row);
    await this.#inTime(streamed, deadlineMs);
  }

  /** Several statements without parameters; answers are dropped. */
  async script(text: string, deadlineMs: number): Promise<void> {
    await this.#inTime(() => this.#sql.unsafe(text).simple(), deadlineMs);
  }

  /** At once; a query that is under way rejects. Idempotent. */
  destroy(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
    void this.#sql.end({ timeout: 0 }).catch(() => undefined);
  }

  /** Takes leave of the server if that is quick, else like `destroy`. */
  async close(): Promise<void> {
    if (!this.#isClosed) await this.#sql.end({ timeout: FAREWELL_S }).catch(() => undefined);
    this.destroy();
  }

  async #inTime<T>(start: () => PromiseLike<T>, deadlineMs: number): Promise<T> {
    const { label } = this.#options.address;
    if (this.#isClosed) throw new PostgresStoreError('unreachable', `${label}: the connection is closed`);
    const waitMs = Math.max(1, this.#isReady ? deadlineMs : Math.min(deadlineMs, CONNECT_MS));
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new PostgresStoreError('timeout', `${label}: no answer within ${Math.round(waitMs)} ms`));
        this.destroy();
      }, waitMs);
    });
    try {
      const answer = await Promise.race([start(), expiry]);
      this.#isReady = true;
      return answer;
    } catch (cause) {
      const error = PostgresStoreError.from(cause, label);
      if (!this.#isReady) {
        // The driver would keep the next query until it had a connection, which it never will.
        this.destroy();
        if (error.severity === 'retry') this.#options.onUnusable?.();
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #driverOptions(): postgres.Options<Record<string, postgres.PostgresType>> {
    const { address, server, parameters } = this.#options;
    const options = {
      host: server.host,
      port: server.port,
      user: address.user,
      password: address.password,
      database: address.database,
      max: 1,
      // Deadlines are ours: the driver's own timers stay off.
      connect_timeout: 0,
      idle_timeout: 0,
      max_lifetime: 0,
      keep_alive: 0,
      fetch_types: false,
      backoff: 0,
      ssl: false,
      ...(address.primaryOnly ? { target_session_attrs: 'primary' as const } : {}),
      connection: { application_name: 'marketflow', ...parameters, ...address.parameters },
      types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
      onnotice: () => undefined,
      onclose: () => this.destroy(),
      // Not in the driver's types; documented in its README.
      socket: () => this.#dial(),
    };
    return options as unknown as postgres.Options<Record<string, postgres.PostgresType>>;
  }

  /** The driver asks for another socket when this one is lost: that would be another session. */
  #dial(): Promise<Socket> {
    if (this.#isClosed || this.#socket !== null) {
      return Promise.reject(Object.assign(new Error('the connection is closed'), { code: 'CONNECTION_CLOSED' }));
    }
    const { server, address } = this.#options;
    const onSocket = (socket: Socket) => {
      this.#socket = socket;
    };
    return dial({ server, tls: address.tls, onSocket });
  }
}
