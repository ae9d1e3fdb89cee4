import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { test } from 'node:test';
import { atEnd, type CleanUp } from '../harness/clean-up.ts';
import { waitUntil } from '../harness/wait.ts';
import { ImageStage, makeVolume, runAs } from './image-file.ts';

/** No container engine is needed: the images' files in a folder, their commands as their user on this machine. */

const HEALTHY = 0;
const UNHEALTHY = 1;

interface Container {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
  readonly exited: Promise<unknown[]>;
  /** Exit code of the HEALTHCHECK's command. */
  checkHealth(environment: Record<string, string>): number | null;
}

function makeImage(cleanUp: CleanUp): string {
  const folder = mkdtempSync(join(tmpdir(), 'marketflow-image-'));
  atEnd(cleanUp, () => {
    openTree(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return folder;
}

/** So that somebody who is not root can remove it. */
function openTree(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) openTree(join(folder, entry.name));
}

function run(cleanUp: CleanUp, stage: ImageStage, folder: string, environment: Record<string, string>): Container {
  const env = { ...stage.environment, PATH: `${join(folder, 'usr/local/bin')}:/usr/bin:/bin`, ...environment };
  const inImage = (program = '') => (program.startsWith('/') ? join(folder, program) : program);
  const as = { ...runAs(stage.user()), cwd: join(folder, stage.one('WORKDIR')) };
  const [program, ...args] = stage.command('ENTRYPOINT');
  const child = spawn(inImage(program), args, { ...as, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  atEnd(cleanUp, async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const output: Interface = createInterface({ input: child.stdout });
  return {
    folder,
    child,
    exited,
    lines: output[Symbol.asyncIterator](),
    checkHealth(more) {
      const [check, ...checkArgs] = stage.command('HEALTHCHECK');
      return spawnSync(inImage(check), checkArgs, { ...as, env: { ...env, ...more }, timeout: 20_000 }).status;
    },
  };
}

async function lineWith(lines: AsyncIterator<string>, part: string): Promise<string> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`it ended without a line with ${part}`);
    if ((value as string).includes(part)) return value as string;
  }
}

/** Files that the process holds open for writing. It has to be stopped: what runs closes files while they are listed. */
function writtenFiles(pid: number): string[] {
  const descriptors = readdirSync(`/proc/${pid}/fd`);
  const isWritable = (fd: string) => {
    const [, flags = '0'] = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')) ?? [];
    return (Number.parseInt(flags, 8) & 3) !== 0;
  };
  return descriptors
    .filter(isWritable)
    .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
    .filter((path) => path.startsWith('/') && !path.startsWith('/dev/'));
}

test('the image runs as its user with nothing writable but its volume, says how it is, and stops when told', async (t) => {
  const stage = new ImageStage('marketflow');
  assert.notEqual(stage.user().uid, 0);
  const folder = makeImage(t);
  const volume = stage.one('VOLUME');
  mkdirSync(join(folder, 'usr'));
  makeVolume(join(folder, volume), stage.user());
  stage.copyFiles(folder);
  chmodSync(join(folder, volume), 0o750);
  const filesBefore = readdirSync(folder, { recursive: true });
  assert.equal(stage.environment['MARKETFLOW_DATA_DIR'], volume);

  const dataDir = join(folder, volume);
  const container = run(t, stage, folder, { MARKETFLOW_DATA_DIR: dataDir, MARKETFLOW_SERVER_PORT: '0' });
  const { url } = JSON.parse(await lineWith(container.lines, '"listening"')) as { url: string };
  const { port } = new URL(url);
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  assert.equal(answer.status, 200);
  const running = { MARKETFLOW_SERVER_PORT: port };
  assert.equal(container.checkHealth(running), HEALTHY);

  const pid = container.child.pid ?? -1;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  if (process.getuid?.() === 0) assert.match(status, new RegExp(`^Uid:\\s+${stage.user().uid}\\s`, 'm'));

  container.child.kill('SIGSTOP');
  assert.equal(container.checkHealth(running), UNHEALTHY, 'frozen');
  const written = writtenFiles(pid);
  assert.ok(written.length > 0);
  assert.deepEqual(
    written.filter((path) => !path.startsWith(`${dataDir}/`)),
    [],
  );
  container.child.kill('SIGCONT');
  await waitUntil('it is healthy again', () => container.checkHealth(running) === HEALTHY);
  container.child.kill(stage.one('STOPSIGNAL') as NodeJS.Signals);
  assert.deepEqual(await container.exited, [0, null]);
  assert.equal(container.checkHealth(running), UNHEALTHY, 'stopped');
  const isOutside = (name: string | Buffer) => !`/${name}`.startsWith(`${volume}/`);
  assert.deepEqual(readdirSync(folder, { recursive: true }).filter(isOutside), filesBefore);
});

test('the health check takes no other answer than 200', async (t) => {
  const stage = new ImageStage('marketflow');
  const folder = makeImage(t);
  stage.copyFiles(folder);
  let status = 200;
  const server = createServer((_, response) => response.writeHead(status).end());
  atEnd(t, () => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const port = String((server.address() as AddressInfo).port);
  const [check = ''] = stage.command('HEALTHCHECK');
  // Not spawnSync: the server answers from this very process.
  const exitCode = async () => {
    const child = spawn(join(folder, check), { env: { MARKETFLOW_SERVER_PORT: port }, stdio: 'ignore' });
    return (await once(child, 'exit'))[0] as number;
  };
  assert.equal(await exitCode(), HEALTHY);
  for (status of [503, 404, 204]) assert.equal(await exitCode(), UNHEALTHY, `${status}`);
});

test('the stand-in of an exchange runs as its user, sends ticks and stops when told', async (t) => {
  const stage = new ImageStage('exchange', { EXCHANGE: 'exchange2', PORT: '40102' });
  assert.deepEqual(stage.environment, { EXCHANGE: 'exchange2', PORT: '40102' });
  assert.equal(stage.one('EXPOSE'), '40102');
  assert.notEqual(stage.user().uid, 0);
  const folder = makeImage(t);
  // What the base image brings.
  mkdirSync(join(folder, 'usr/local/bin'), { recursive: true });
  copyFileSync(process.execPath, join(folder, 'usr/local/bin/node'));
  stage.copyFiles(folder);
  const container = run(t, stage, folder, { PORT: '0' });
  const line = await lineWith(container.lines, 'listening');
  const [, port = ''] = /^exchange2 listening on tcp:\/\/0\.0\.0\.0:(\d+)$/.exec(line) ?? [];
  const socket = connect(Number(port), '127.0.0.1');
  atEnd(t, () => socket.destroy());
  const [tick] = (await once(createInterface({ input: socket }), 'line')) as [string];
  assert.deepEqual(Object.keys(JSON.parse(tick) as object).sort(), ['price', 'symbol', 'timestamp']);
  assert.equal(container.checkHealth({ PORT: port }), HEALTHY);
  container.child.kill(stage.one('STOPSIGNAL') as NodeJS.Signals);
  assert.deepEqual(await container.exited, [0, null]);
  assert.equal(container.checkHealth({ PORT: port }), UNHEALTHY);
});
