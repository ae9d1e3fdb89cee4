import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../cmd/marketflow/node-flags.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { startService } from '../harness/service.ts';

const MAIN = fileURLToPath(new URL('../../cmd/marketflow/main.ts', import.meta.url));

test('however the program is called, the same process runs with the flags of its own, and knows its arguments', async (t) => {
  const service = await startService(t, { dataDir: makeFolder(t), args: ['--mode', 'live'] });
  const words = readFileSync(`/proc/${service.pid}/cmdline`, 'utf8').split('\0');
  assert.deepEqual(words.slice(1, -1), [...NODE_FLAGS, MAIN, '--mode', 'live']);
  assert.equal((await service.get('/mode')).json().mode, 'live');
  assert.equal((await service.stop()).code, 0);
});

test('whoever started it with a channel keeps it', async (t) => {
  const environment = { MARKETFLOW_SERVER_PORT: '0', MARKETFLOW_DATA_DIR: makeFolder(t) };
  const child = fork(MAIN, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [], env: environment });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout ?? assert.fail(), 'data');
  assert.ok(child.connected);
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  assert.deepEqual((await ended)[0], 0);
});
