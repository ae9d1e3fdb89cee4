import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { atEnd, type CleanUp } from './clean-up.ts';
import { waitUntil } from './wait.ts';

const GUARD = fileURLToPath(new URL('guard-server.sh', import.meta.url));
const PROGRAM = 'redis-server';
const START_DEADLINE_MS = 20_000;
const START_TRIES = 5;
/** Below the range from which Linux takes ports for outgoing connections; 10,000 above is the cluster's own. */
const PORT_RANGE = [11_000, 19_000] as const;

export interface RedisOptions {
  /** As on the command line of `redis-server`. */
  readonly args?: readonly string[];
  readonly password?: string;
  /** TLS alone, with a certificate for 127.0.0.1 that nobody but `RedisServer.caFile` vouches for. */
  readonly tls?: boolean;
  /** A Sentinel that watches this server under the name `prices`, in place of a server with data. */
  readonly sentinelOf?: RedisServer;
}

/**
 * Starts a Redis of the test's own: 127.0.0.1, a free port, an empty folder, nothing saved to disk. It ends and its
 * folder goes with the test, also when the test's process is killed.
 */
export async function startRedis(cleanUp: CleanUp, options: RedisOptions = {}): Promise<RedisServer> {
  const server = new RedisServer(options);
  atEnd(cleanUp, () => server.dispose());
  await server.startFirst();
  return server;
}

export class RedisServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'marketflow-redis-'));
  port = 0;
  private readonly options: RedisOptions;
  private readonly guard: ChildProcess;
  private child: ChildProcess | null = null;
  private ended: Promise<unknown> = Promise.resolve();
  private output = '';
  private admin: Redis | null = null;

  constructor(options: RedisOptions) {
    this.options = options;
    this.guard = spawn(GUARD, [this.pidFile, 'redis-server', this.folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.guard.on('error', () => {});
    this.guard.unref();
  }

  get url(): string {
    const { password, tls } = this.options;
    const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return `${tls ? 'rediss' : 'redis'}://${login}127.0.0.1:${this.port}${tls ? `?ca=${this.caFile}` : ''}`;
  }

  get caFile(): string {
    return join(this.folder, 'certificate.pem');
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  /** Commands of a test, on a connection that stays; `CLIENT KILL TYPE normal SKIPME yes` leaves it. */
  get client(): Redis {
    this.admin ??= this.connect();
    return this.admin;
  }

  /** Same port, an empty server. Resolves when it answers. */
  async start(): Promise<void> {
    if (this.child !== null) return;
    this.output = '';
    const child = spawn(PROGRAM, this.commandLine(), { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.folder });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    this.child = child;
    child.on('error', (error) => {
      this.output += error.message;
    });
    this.ended = new Promise((resolve) => child.once('close', resolve));
    void this.ended.then(() => {
      if (this.child === child) this.child = null;
    });
    await waitUntil(
      'Redis takes connections',
      () => {
        if (this.child !== child) throw new Error(`Redis ended at its start: ${this.output}`);
        return this.output.includes('eady to accept connections') || this.output.includes('+monitor master');
      },
      START_DEADLINE_MS,
    );
  }

  /** A clean stop. */
  async stop(): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    await this.ended;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  /** Every other connection is cut, as a server does that people reconfigure. */
  async cutClients(): Promise<void> {
    await this.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  }

  /** Only for `startRedis`. */
  async startFirst(): Promise<void> {
    if (this.options.tls) makeCertificate(this.folder);
    for (let tries = 1; ; tries++) {
      this.port = await freePort();
      try {
        return await this.start();
      } catch (error) {
        // Somebody else was quicker.
        if (tries === START_TRIES || !this.output.includes('Address already in use')) throw error;
      }
    }
  }

  /** Only for `startRedis`. */
  async dispose(): Promise<void> {
    this.admin?.disconnect();
    try {
      await this.kill();
    } finally {
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
      this.guard.stdin?.destroy();
    }
  }

  private get pidFile(): string {
    return join(this.folder, 'server.pid');
  }

  private commandLine(): string[] {
    const { args = [], password, tls, sentinelOf } = this.options;
    const place = ['--bind', '127.0.0.1', '--dir', this.folder, '--pidfile', this.pidFile, '--daemonize', 'no'];
    const files = ['--tls-cert-file', this.caFile, '--tls-key-file', join(this.folder, 'key.pem')];
    const tlsPort = ['--port', '0', '--tls-port', String(this.port), ...files, '--tls-auth-clients', 'no'];
    if (sentinelOf !== undefined) {
      const file = join(this.folder, 'sentinel.conf');
      const watch = `sentinel monitor prices 127.0.0.1 ${sentinelOf.port} 1`;
      writeFileSync(file, `${watch}\nsentinel down-after-milliseconds prices 1000\n`);
      return [file, '--sentinel', ...place, '--port', String(this.port)];
    }
    return [
      ...place,
      ...(tls ? tlsPort : ['--port', String(this.port)]),
      ...['--save', '', '--appendonly', 'no'],
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...args,
    ];
  }

  private connect(): Redis {
    const { password, tls } = this.options;
    const client = new Redis({
      host: '127.0.0.1',
      port: this.port,
      ...(password === undefined ? {} : { password }),
      ...(tls ? { tls: { ca: readFileSync(this.caFile) } } : {}),
      retryStrategy: () => 50,
      disconnectTimeout: 100,
      commandTimeout: START_DEADLINE_MS,
      protocol: 2,
      disableClientInfo: true,
    });
    client.on('error', () => {});
    return client;
  }
}

function makeCertificate(folder: string): void {
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...files], { stdio: 'ignore', timeout: 20_000 });
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
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}
