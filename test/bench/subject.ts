import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A child process of a benchmark; stopped with it. */
export interface Child {
  readonly process: ChildProcess;
  /** Its first line of output that matches. */
  readonly line: string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const READY_MS = 15_000;

/** Starts a script of this repository and waits for a line of its output. */
export async function startScript(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  ready: RegExp,
): Promise<Child> {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  const lines = createInterface({ input: child.stdout });
  const first = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${script} printed no line like ${ready}`)), READY_MS);
    lines.on('line', (line) => {
      if (!ready.test(line)) return;
      clearTimeout(timer);
      resolve(line);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${script} ended with ${code}`));
    });
  });
  return { process: child, line: await first, stop };
}

/** MarketFlow's own entry point, in a data folder of its own. */
export class Subject {
  readonly url: string;
  readonly dataDir: string;
  private readonly child: Child;

  private constructor(child: Child, dataDir: string) {
    this.child = child;
    this.dataDir = dataDir;
    this.url = (JSON.parse(child.line) as { url: string }).url;
  }

  /** `settings`: environment names without the prefix. `rest`: the environment beside them. */
  static async start(
    settings: Readonly<Record<string, string>>,
    dataDir = newDataDir(),
    rest: Readonly<Record<string, string>> = {},
  ): Promise<Subject> {
    const environment: Record<string, string> = { ...rest, MARKETFLOW_DATA_DIR: dataDir };
    for (const [key, value] of Object.entries(settings)) environment[`MARKETFLOW_${key}`] = value;
    return new Subject(
      await startScript('cmd/marketflow/main.ts', ['--port', '0'], environment, /"listening"/),
      dataDir,
    );
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path);
    return (await response.json()) as T;
  }

  /** Resident set, bytes. */
  rssBytes(): number {
    const status = readFileSync(`/proc/${this.child.process.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024;
  }

  /** Of the process's own view: heap in use after the last collection, bytes. */
  async metric(name: string): Promise<number> {
    // A kept connection may be closed by the server just as it is used again.
    const ask = () => fetch(`${this.url}/metrics`);
    const text = await (await ask().catch(ask)).text();
    return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  }

  signal(name: NodeJS.Signals): void {
    this.child.process.kill(name);
  }

  kill(): Promise<void> {
    return this.child.stop('SIGKILL');
  }

  /** Stops it and removes its data. */
  async end(): Promise<void> {
    await this.child.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

export function newDataDir(): string {
  return mkdtempSync(join(tmpdir(), 'marketflow-bench-'));
}

/** Emulated exchanges in a process of their own. `rate`: ticks/s of each, or `max`. */
export async function startExchanges(
  count: number,
  args: readonly string[],
): Promise<{ child: Child; sources: string }> {
  const ports = await freePorts(count);
  const names = ports.map((port, k) => `exchange${k + 1}=${port}`).join(',');
  const child = await startScript(
    'cmd/testgen/main.ts',
    ['--exchange', names, ...args],
    {},
    new RegExp(`:${ports.at(-1)}`),
  );
  return { child, sources: ports.map((port, k) => `exchange${k + 1}=tcp://127.0.0.1:${port}`).join(',') };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
