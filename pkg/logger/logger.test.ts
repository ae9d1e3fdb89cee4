import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { createLogger } from './logger.ts';

function memory() {
  const lines: string[] = [];
  return { lines, write: (line: string) => void lines.push(line) };
}

test('one JSON line each: ISO time, level by name, the base fields and no others', async () => {
  const destination = memory();
  const logger = await createLogger({ level: 'info', base: { service: 'x' }, pretty: false, destination });
  logger.debug('hidden by level');
  logger.info({ port: 1 }, 'listening');
  assert.equal(destination.lines.length, 1);
  const { time, ...rest } = JSON.parse(destination.lines[0]!);
  assert.equal(new Date(time).toISOString(), time);
  assert.deepEqual(rest, { level: 'info', service: 'x', port: 1, msg: 'listening' });
});

test('no secret gets out: fields, nested fields, URLs, errors, bearer tokens', async () => {
  for (const pretty of [false, true]) {
    const destination = memory();
    const logger = await createLogger({ level: 'trace', base: {}, pretty, destination });
    logger.info({
      password: 'hunter2',
      req: { headers: { authorization: 'Basic hunter2' } },
      db: { token: 'hunter2' },
    });
    logger.error(new Error('connect to postgres://me:hunter2@db/x failed'));
    logger.child({ url: 'redis://:hunter2@h' }).warn('Bearer hunter2hunter2 at http://h/?token=hunter2');
    assert.equal(destination.lines.length, 3);
    assert.doesNotMatch(destination.lines.join(''), /hunter2/);
    assert.match(destination.lines.join(''), /\(hidden\)@db\/x failed/);
  }
});

test('the url of a bound address is kept', async () => {
  const destination = memory();
  const logger = await createLogger({ level: 'info', base: {}, pretty: false, destination });
  logger.info({ url: 'http://127.0.0.1:8080' }, 'listening');
  assert.equal(JSON.parse(destination.lines[0]!).url, 'http://127.0.0.1:8080');
});

test('silent is silent, and a pretty line is readable', async () => {
  const destination = memory();
  const options = { base: {}, destination };
  (await createLogger({ ...options, level: 'silent', pretty: false })).fatal('x');
  (await createLogger({ ...options, level: 'info', pretty: true })).info({ port: 1 }, 'listening');
  assert.equal(destination.lines.length, 1);
  assert.match(destination.lines[0]!, /INFO.*listening.*"port":1.*\n$/s);
});

const PROGRAM = `
  const { createLogger, stdoutDestination } = await import(${JSON.stringify(new URL('./logger.ts', import.meta.url).href)});
  const destination = stdoutDestination();
  const logger = await createLogger({ level: 'info', base: {}, pretty: false, destination });
  logger.info('first');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  for (let line = 0; line < 1_000; line++) logger.info('x'.repeat(1_000));
  process.exitCode = 7;
  process.stdin.destroy();
`;

test('a reader of stdout that goes away does not stop the process', { timeout: 20_000 }, async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.stdin.write('go');
  assert.deepEqual(await exited, [7, null]);
});

test('a line is written before process.exit ends the process', { timeout: 20_000 }, async () => {
  const program = PROGRAM.replace(/await new Promise.*/s, 'process.exit(3);');
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = await once(child.stdout, 'data');
  assert.match(String(chunk), /"msg":"first"/);
});
