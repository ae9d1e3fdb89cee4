import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = new URL('./main.ts', import.meta.url).pathname;

interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function testgen(args: string): { child: ChildProcessWithoutNullStreams; finished: Promise<Finished> } {
  const child = spawn(process.execPath, [MAIN, ...args.split(' ')], { timeout: 10_000 });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return { child, finished: once(child, 'close').then(([exitCode]) => ({ exitCode, stdout, stderr })) };
}

test('wrong flags are one line and exit 64', async () => {
  const { exitCode, stderr, stdout } = await testgen('--rate 0 --what').finished;
  assert.equal(exitCode, 64);
  assert.match(stderr, /^testgen: [^\n]*--what[^\n]*--rate[^\n]*--exchange[^\n]*\n$/);
  assert.equal(stdout, '');
});

test('a taken port, and a record that cannot be written, are one line and exit 69', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = (server.address() as { port: number }).port;
  const taken = await testgen(`--exchange free=0,exchange1=${port}`).finished;
  server.close();
  assert.equal(taken.exitCode, 69);
  assert.match(taken.stderr, /^testgen: --exchange: exchange1 can't listen on port \d+: [^\n]*EADDRINUSE[^\n]*\n$/);
  const unwritable = await testgen('--exchange a=0 --record /nowhere/at/all').finished;
  assert.equal(unwritable.exitCode, 69);
  assert.match(unwritable.stderr, /^testgen: --record: [^\n]*\n$/);
});

test('help and version exit 0', async () => {
  const [help, version] = await Promise.all([testgen('--help').finished, testgen('--version').finished]);
  assert.deepEqual([help.exitCode, version.exitCode], [0, 0]);
  assert.match(help.stdout, /--exchange NAME=PORT/);
  assert.match(version.stdout, /^testgen \d+\.\d+\.\d+\n$/);
});

test('two exchanges run until SIGTERM, and the record is what a client got', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testgen-'));
  const recordPath = join(folder, 'sent.ndjson');
  const faults = '--faults badutf8:0.1,blank:0.1,garbage:0.1';
  const { child, finished } = testgen(`--exchange one=0,two=0 --rate 500 --quantity --record ${recordPath} ${faults}`);
  let announced = '';
  while (announced.split('\n').length < 3) announced += String((await once(child.stdout, 'data'))[0]);
  const ports = [...announced.matchAll(/^(?:one|two) listening on tcp:\/\/127\.0\.0\.1:(\d+)$/gm)].map((match) =>
    Number(match[1]),
  );
  assert.equal(ports.length, 2);
  const chunks: Buffer[] = [];
  const socket = connect(ports[1]!, '127.0.0.1').on('data', (chunk) => chunks.push(chunk));
  await sleep(500);
  child.kill('SIGTERM');
  await once(socket, 'close');
  const { exitCode, stdout, stderr } = await finished;
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.match(
    stdout,
    /^one sent lines=0 connections=0 dropped=0 skipped=0 faults: none\ntwo sent lines=\d+ .*badutf8=/m,
  );
  const recorded = readFileSync(recordPath, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const lines = recorded.map(({ line, lineBase64 }) =>
    Buffer.from(line ?? lineBase64, line === undefined ? 'base64' : 'utf8'),
  );
  const rebuilt = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  const received = Buffer.concat(chunks);
  assert.ok(received.length > 10_000 && received.equals(rebuilt.subarray(0, received.length)));
  assert.deepEqual(
    new Set(recorded.map(({ exchange, connection }) => `${exchange} ${connection}`)),
    new Set(['two 1']),
  );
  assert.deepEqual(new Set(recorded.map(({ expect }) => expect)), new Set(['tick', 'bad_utf8', 'blank', 'bad_json']));
  rmSync(folder, { recursive: true });
});
