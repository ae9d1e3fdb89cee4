/** `make bench-peers`: ingest beside QuestDB (ILP over TCP into a WAL table, until the rows are visible). Needs Java and Maven. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { info, median, render } from './figures.ts';
import { benchIngest } from './ingest.ts';
import { sleep } from './subject.ts';

const VERSION = '9.3.4';
const HTTP_PORT = 41_900;
const ILP_PORT = 41_909;
const ROWS = 5_000_000;
const BLOCK_ROWS = 5_000;
const ROUNDS = 3;
const VISIBLE_MS = 120_000;

if (spawnSync('java', ['-version']).status !== 0 || spawnSync('mvn', ['-version']).status !== 0) {
  process.stdout.write('bench-peers: no Java or no Maven here, nothing measured\n');
  process.exit(0);
}

const figures = [...(await benchIngest()), info('QuestDB, WAL table, rows visible', await questDb(), 'M rows/s')];
process.stdout.write(render(figures));

async function questDb(): Promise<number> {
  const jars = join('build', 'questdb');
  mkdirSync(jars, { recursive: true });
  if (!existsSync(join(jars, `questdb-${VERSION}.jar`))) {
    const artifact = `org.questdb:questdb:${VERSION}`;
    execFileSync('mvn', ['-q', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${jars}`], {
      stdio: 'inherit',
    });
  }
  const root = mkdtempSync(join(tmpdir(), 'marketflow-questdb-'));
  const opens = ['java.base/sun.nio.ch', 'java.base/java.nio', 'java.base/jdk.internal.misc', 'java.base/java.lang'];
  const server = spawn(
    'java',
    [
      ...opens.map((module) => `--add-opens=${module}=ALL-UNNAMED`),
      '-cp',
      readdirSync(jars)
        .map((jar) => join(jars, jar))
        .join(':'),
      'io.questdb.ServerMain',
      '-d',
      root,
    ],
    {
      stdio: 'ignore',
      env: {
        ...process.env,
        QDB_HTTP_BIND_TO: `127.0.0.1:${HTTP_PORT}`,
        QDB_LINE_TCP_NET_BIND_TO: `127.0.0.1:${ILP_PORT}`,
        QDB_PG_ENABLED: 'false',
        QDB_HTTP_MIN_ENABLED: 'false',
        QDB_TELEMETRY_ENABLED: 'false',
      },
    },
  );
  const ended = once(server, 'exit');
  try {
    await until(async () => (await query('SELECT 1')) === 1, 30_000);
    await query(
      'CREATE TABLE ticks (exchange SYMBOL, symbol SYMBOL, price DOUBLE, ts TIMESTAMP) TIMESTAMP(ts) PARTITION BY HOUR WAL',
    );
    const rates: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const fromMs = performance.now();
      await Promise.all([1, 2, 3].map((exchange) => send(`exchange${exchange}`, Math.ceil(ROWS / 3))));
      const rows = Math.ceil(ROWS / 3) * 3 * round;
      await until(async () => (await query('SELECT count() FROM ticks')) >= rows, VISIBLE_MS);
      rates.push(ROWS / (performance.now() - fromMs) / 1_000);
    }
    return median(rates);
  } finally {
    server.kill('SIGKILL');
    await ended;
    rmSync(root, { recursive: true, force: true });
  }
}

/** The same ticks as the emulator sends, as ILP lines, one connection for each exchange. */
async function send(exchange: string, rows: number): Promise<void> {
  const socket = connect(ILP_PORT, '127.0.0.1');
  await once(socket, 'connect');
  const symbols = ['BTCUSDT', 'DOGEUSDT', 'TONUSDT', 'SOLUSDT', 'ETHUSDT'];
  for (let sent = 0; sent < rows; sent += BLOCK_ROWS) {
    const lines: string[] = [];
    const nowNs = `${Date.now()}000000`;
    for (let k = 0; k < Math.min(BLOCK_ROWS, rows - sent); k++) {
      lines.push(`ticks,exchange=${exchange},symbol=${symbols[k % 5]} price=${67_000 + (k % 977) / 10} ${nowNs}\n`);
    }
    if (!socket.write(lines.join(''))) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'close');
}

/** First cell of the answer; NaN while the server is not up. */
async function query(sql: string): Promise<number> {
  try {
    const response = await fetch(`http://127.0.0.1:${HTTP_PORT}/exec?query=${encodeURIComponent(sql)}`);
    const { dataset } = (await response.json()) as { dataset?: number[][] };
    return dataset?.[0]?.[0] ?? Number.NaN;
  } catch {
    return Number.NaN;
  }
}

async function until(done: () => Promise<boolean>, deadlineMs: number): Promise<void> {
  const fromMs = performance.now();
  while (!(await done())) {
    if (performance.now() - fromMs > deadlineMs) throw new Error('QuestDB took too long');
    await sleep(50);
  }
}
