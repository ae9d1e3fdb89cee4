import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Audit } from '../../internal/application/port/in/queries.ts';
import { atEnd, type CleanUp } from './clean-up.ts';
import { waitUntil } from './wait.ts';

const MAIN = fileURLToPath(new URL('../../cmd/marketflow/main.ts', import.meta.url));
const START_DEADLINE_MS = 20_000;
const REQUEST_DEADLINE_MS = 10_000;
/** Log lines and stderr that are kept of one process. */
const OUTPUT_MAX_CHARS = 4 * 1024 * 1024;

export interface ServiceOptions {
  readonly dataDir: string;
  /** Settings beside the free port and the data folder. Nothing of the test's own environment is passed on. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON, whatever its type. */
  // biome-ignore lint/suspicious/noExplicitAny: a test names the fields that it looks at
  json(): any;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of the real entry point as a process of its own. */
export class Service {
  readonly startedAtMs = performance.now();
  readonly ended: Promise<ProcessEnd>;
  stdout = '';
  stderr = '';
  private readonly child: ChildProcess;
  private readonly agent = new Agent({ keepAlive: false });
  private baseUrl: string | null = null;
  private end: ProcessEnd | null = null;

  constructor({ dataDir, environment = {}, args = [] }: ServiceOptions) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      env: {
        MARKETFLOW_SERVER_PORT: '0',
        MARKETFLOW_DATA_DIR: dataDir,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (this.stdout.length < OUTPUT_MAX_CHARS) this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (this.stderr.length < OUTPUT_MAX_CHARS) this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.end = { code, signal };
        resolve(this.end);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.end === null;
  }

  /** Resolves when it listens; rejects when it ends before. */
  async listening(): Promise<string> {
    await waitUntil(
      'the listening line',
      () => {
        if (this.end !== null) throw new Error(`ended with ${JSON.stringify(this.end)}: ${this.stderr}${this.stdout}`);
        this.baseUrl ??= (this.logLine('listening')?.['url'] as string | undefined) ?? null;
        return this.baseUrl !== null;
      },
      START_DEADLINE_MS,
      5,
    );
    return this.url;
  }

  get url(): string {
    if (this.baseUrl === null) throw new Error('it does not listen yet');
    return this.baseUrl;
  }

  /** Whole log lines so far. */
  logLines(): Record<string, unknown>[] {
    const lines = this.stdout.split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  logLine(message: string): Record<string, unknown> | undefined {
    if (!this.stdout.includes(message)) return undefined;
    return this.logLines().find((line) => line['msg'] === message);
  }

  request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const options = { method, headers: { ...headers }, agent: this.agent, timeout: REQUEST_DEADLINE_MS };
      const sent = request(`${this.url}${path}`, options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: () => JSON.parse(text),
          });
        });
      });
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in time`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }

  get(path: string): Promise<HttpAnswer> {
    return this.request('GET', path);
  }

  post(path: string): Promise<HttpAnswer> {
    return this.request('POST', path);
  }

  async audit(): Promise<Audit> {
    return (await this.get('/v1/audit')).json() as Audit;
  }

  signal(name: NodeJS.Signals): void {
    if (this.end === null) this.child.kill(name);
  }

  /** SIGTERM, and what came of it. */
  stop(): Promise<ProcessEnd> {
    this.signal('SIGTERM');
    return this.ended;
  }

  kill(): Promise<ProcessEnd> {
    this.signal('SIGKILL');
    return this.ended;
  }

  rssBytes(): number {
    const [, kib = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? [];
    return Number(kib) * 1024;
  }

  /** Open files, sockets included. */
  handleCount(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }
}

/** Starts and waits until it listens; at the end of the test it is killed if it still runs. */
export async function startService(cleanUp: CleanUp, options: ServiceOptions): Promise<Service> {
  const service = spawnService(cleanUp, options);
  await service.listening();
  return service;
}

/** The same for a start that is not to succeed. */
export function spawnService(cleanUp: CleanUp, options: ServiceOptions): Service {
  const service = new Service(options);
  atEnd(cleanUp, async () => {
    await service.kill();
  });
  return service;
}
