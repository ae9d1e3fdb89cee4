import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { atEnd, type CleanUp } from './clean-up.ts';
import { waitUntil } from './wait.ts';

const GUARD = fileURLToPath(new URL('guard-server.sh', import.meta.url));
const OLDEST_VERSION = 15;
const SUPERUSER = 'marketflow';
const PASSWORD = 'for-tests-only';
const INIT_DEADLINE_MS = 60_000;
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 20_000;
const QUERY_DEADLINE_MS = 20_000;
const START_TRIES = 5;
/** Below the range from which Linux takes ports for outgoing connections: a stopped server's port stays free. */
const PORT_RANGE = [20_000, 32_000] as const;

/** Of postgresql.conf: name → value without quotes. */
export type PostgresSettings = Readonly<Record<string, string>>;

export interface PostgresOptions {
  readonly settings?: PostgresSettings;
  /** Off unless asked for: data of a killed server are safe all the same, those of a crashed machine are not. */
  readonly fsync?: boolean;
  /** Loads TimescaleDB where it is installed (default), or never. */
  readonly timescale?: boolean;
  /** The server's own folder is made in this one; default: the system's folder for temporary files. */
  readonly parentFolder?: string;
}

/**
 * Starts a PostgreSQL of the test's own: 127.0.0.1, a free port, an empty data folder, passwords checked (SCRAM).
 * It ends and its folder goes with the test, also when the test's process is killed.
 */
export async function startPostgres(cleanUp: CleanUp, options: PostgresOptions = {}): Promise<PostgresServer> {
  const server = new PostgresServer(options);
  atEnd(cleanUp, () => server.dispose());
  await server.startFirst();
  return server;
}

export class PostgresServer {
  /** Major version, e.g. 15. */
  readonly version: number;
  /** TimescaleDB is loaded: `CREATE EXTENSION timescaledb` works. */
  readonly hasTimescale: boolean;
  readonly folder: string;
  private readonly programs: string;
  private readonly owner: { readonly uid?: number; readonly gid?: number };
  private readonly guard: ChildProcess;
  private settings: PostgresSettings;
  private child: ChildProcess | null = null;
  private ended: Promise<unknown> = Promise.resolve();
  private databases = 0;
  private port = 0;

  constructor({ settings = {}, fsync = false, timescale = true, parentFolder = tmpdir() }: PostgresOptions) {
    this.version = newestVersion();
    this.programs = `/usr/lib/postgresql/${this.version}/bin`;
    this.hasTimescale = timescale && existsSync(`/usr/share/postgresql/${this.version}/extension/timescaledb.control`);
    this.owner = process.getuid?.() === 0 ? userIds('postgres') : {};
    this.folder = mkdtempSync(join(parentFolder, 'marketflow-postgres-'));
    this.guard = spawn(GUARD, [join(this.dataFolder, 'postmaster.pid'), 'postgres', this.folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.guard.unref();
    this.settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.folder,
      // Shared memory in the data folder goes with it, however the server ends.
      dynamic_shared_memory_type: 'mmap',
      shared_buffers: '32MB',
      max_worker_processes: '32',
      log_line_prefix: '%m [%p] %u@%d ',
      ...(fsync ? {} : { fsync: 'off', full_page_writes: 'off' }),
      ...(this.hasTimescale ? { shared_preload_libraries: 'timescaledb', 'timescaledb.telemetry_level': 'off' } : {}),
      ...settings,
    };
  }

  /** Of the superuser, to the database `postgres`. */
  get url(): string {
    return this.urlOf('postgres');
  }

  /** The postmaster's; -1 while it does not run. */
  get pid(): number {
    return this.child?.pid ?? -1;
  }

  get dataFolder(): string {
    return join(this.folder, 'data');
  }

  urlOf(database: string, user = SUPERUSER, password = PASSWORD): string {
    return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`;
  }

  /** A new empty database; returns its URL. */
  async createDatabase(name = `test_${++this.databases}`): Promise<string> {
    await this.query(`CREATE DATABASE "${name}" TEMPLATE template0`);
    return this.urlOf(name);
  }

  /** Runs statements on a connection of their own; returns the last one's rows. */
  async query(text: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
    const sql = postgres(this.urlOf(database), { max: 1, connect_timeout: 10, onnotice: () => {} });
    const late = delay(QUERY_DEADLINE_MS).then(() => {
      throw new Error(`no answer within ${QUERY_DEADLINE_MS} ms: ${text}`);
    });
    late.catch(() => {});
    try {
      const rows = await Promise.race([sql.unsafe(text).simple(), late]);
      const last = Array.isArray(rows[0]) ? rows.at(-1) : rows;
      return [...(last as Iterable<Record<string, unknown>>)];
    } finally {
      await sql.end({ timeout: 0 });
    }
  }

  /** Everything that the server wrote so far. */
  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Same port, same data. Resolves when it takes connections. */
  async start(): Promise<void> {
    if (this.child !== null) return;
    this.writeSettings();
    const log = openSync(this.logFile, 'a');
    const child = spawn(join(this.programs, 'postgres'), ['-D', this.dataFolder, '-p', String(this.port)], {
      ...this.owner,
      env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    this.ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
    void this.ended.then(() => {
      if (this.child === child) this.child = null;
    });
    await waitUntil(
      'PostgreSQL takes connections',
      () => {
        if (this.child !== child) throw new Error(`PostgreSQL ended at its start:\n${this.log()}`);
        return this.isReady();
      },
      START_DEADLINE_MS,
    );
  }

  /** A clean stop that ends sessions (`fast`). */
  stop(): Promise<void> {
    return this.endBy('SIGINT');
  }

  /** SIGKILL to every process of it, as when the machine fails. */
  async kill(): Promise<void> {
    if (this.child === null) return;
    const family = this.signal('SIGKILL');
    await this.ended;
    await waitUntil('the killed processes are gone', () => family.every((pid) => parentOf(pid) === null));
  }

  /** To the postmaster and all its children, e.g. SIGSTOP and SIGCONT: the whole server freezes, and goes on. */
  signal(name: NodeJS.Signals): number[] {
    if (this.child === null) return [];
    const postmaster = this.pid;
    // A stopped postmaster has no further children.
    if (name === 'SIGSTOP' || name === 'SIGKILL') sendSignal(postmaster, 'SIGSTOP');
    const children = childrenOf(postmaster);
    for (const pid of children) sendSignal(pid, name);
    sendSignal(postmaster, name);
    return [postmaster, ...children];
  }

  /** Stops and starts with these settings beside, or in place of, those there were. */
  async restartWith(settings: PostgresSettings): Promise<void> {
    await this.stop();
    this.settings = { ...this.settings, ...settings };
    await this.start();
  }

  /** Only for `startPostgres`. */
  async startFirst(): Promise<void> {
    const { uid, gid } = this.owner;
    const passwordFile = join(this.folder, 'password');
    writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
    if (uid !== undefined && gid !== undefined)
      for (const path of [this.folder, passwordFile]) chownSync(path, uid, gid);
    const account = ['--auth=scram-sha-256', `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`];
    const kind = ['--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'];
    // 0.6 s: a prepared copy would save half a second a file of tests.
    execFileSync(join(this.programs, 'initdb'), ['-D', this.dataFolder, ...account, ...kind], {
      ...this.owner,
      cwd: this.folder,
      env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' },
      timeout: INIT_DEADLINE_MS,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    appendFileSync(join(this.dataFolder, 'postgresql.conf'), "\ninclude 'test.conf'\n");
    for (let tries = 1; ; tries++) {
      this.port = await freePort();
      try {
        return await this.start();
      } catch (error) {
        // Somebody else was quicker.
        if (tries === START_TRIES || !this.log().includes('Address already in use')) throw error;
      }
    }
  }

  /** Only for `startPostgres`. */
  async dispose(): Promise<void> {
    try {
      // At once, without a checkpoint.
      await this.endBy('SIGQUIT');
    } finally {
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
      this.guard.stdin?.destroy();
    }
  }

  private get logFile(): string {
    return join(this.folder, 'server.log');
  }

  private async endBy(name: NodeJS.Signals): Promise<void> {
    if (this.child === null) return;
    this.signal('SIGCONT');
    sendSignal(this.pid, name);
    const inTime = await Promise.race([this.ended.then(() => true), delay(STOP_DEADLINE_MS).then(() => false)]);
    if (!inTime) await this.kill();
  }

  private writeSettings(): void {
    const lines = Object.entries(this.settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
    writeFileSync(join(this.dataFolder, 'test.conf'), lines.join(''));
  }

  /** What `pg_ctl --wait` looks at: the postmaster says so in the eighth line. */
  private isReady(): boolean {
    const path = join(this.dataFolder, 'postmaster.pid');
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
    return lines[0] === String(this.pid) && lines[7]?.trim() === 'ready';
  }
}

/** Debian keeps each major version in a folder of its own. */
function newestVersion(): number {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).map(Number) : [];
  const usable = versions.filter((version) => existsSync(join(root, String(version), 'bin', 'postgres')));
  const newest = Math.max(0, ...usable.filter(Number.isInteger));
  if (newest >= OLDEST_VERSION) return newest;
  throw new Error(`these tests need PostgreSQL ${OLDEST_VERSION} or newer in ${root}: make servers`);
}

/** PostgreSQL refuses to run as root. */
function userIds(name: string): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${name}, and PostgreSQL refuses root`);
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORT_RANGE);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}

/** null: there is no such process, or it is dead. */
function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? null : Number(parent);
  } catch {
    return null;
  }
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => parentOf(pid) === parent);
}

function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
