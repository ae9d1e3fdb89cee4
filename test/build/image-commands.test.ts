import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CleanUp } from '../harness/clean-up.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { ROOT } from './image-file.ts';

const UNAVAILABLE = 69;

/** Writes down what it is asked for. Fails, saying so, where $FAIL begins the request. */
const ENGINE = `#!/bin/bash
echo "$*" >>"$ENGINE_LOG"
if [[ -n $FAIL && "$*" == $FAIL* ]]; then echo "told to fail" >&2; exit 1; fi
case $1 in load) echo "Loaded image: \${LOADED:-exchange:1.0}" ;; esac
`;

interface Answer {
  readonly code: number | null;
  readonly text: string;
  readonly asked: readonly string[];
}

class Checkout {
  readonly folder: string;

  constructor(cleanUp: CleanUp) {
    this.folder = makeFolder(cleanUp);
    for (const name of ['deployments', 'sources', 'bin']) mkdirSync(join(this.folder, name));
    for (const name of ['deployments/compose.sh', '.env.example', 'package.json'])
      copyFileSync(join(ROOT, name), join(this.folder, name));
    writeFileSync(join(this.folder, 'bin/engine'), ENGINE);
    writeFileSync(join(this.folder, 'bin/uname'), `#!/bin/sh\necho "\${MACHINE:-x86_64}"\n`);
    for (const name of ['engine', 'uname']) chmodSync(join(this.folder, 'bin', name), 0o755);
  }

  archive(name: string): void {
    writeFileSync(join(this.folder, 'sources', name), '');
  }

  run(command: string, environment: Record<string, string> = {}): Answer {
    const log = join(this.folder, 'asked');
    writeFileSync(log, '');
    const { status, stdout, stderr } = spawnSync(join(this.folder, 'deployments/compose.sh'), [command], {
      env: { PATH: `${join(this.folder, 'bin')}:/usr/bin:/bin`, ENGINE: 'engine', ENGINE_LOG: log, ...environment },
      encoding: 'utf8',
      timeout: 60_000,
    });
    const asked = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    return { code: status, text: stdout + stderr, asked: asked.filter((line) => !line.endsWith('version')) };
  }
}

const compose = (command: string) => `compose --env-file .env --file deployments/docker-compose.yml ${command}`;

test('without an engine, without its daemon, without compose: one line that says which', (t) => {
  const checkout = new Checkout(t);
  for (const command of ['up', 'down', 'logs', 'ps']) {
    for (const [environment, sentence] of [
      [{ ENGINE: 'no-such-engine' }, /^compose: no-such-engine is not installed: .*\n$/],
      [{ FAIL: 'version' }, /^compose: engine is installed, but its engine does not answer: told to fail\n$/],
      [{ FAIL: 'compose version' }, /^compose: engine has no compose command: .*\n$/],
    ] as const) {
      const { code, text, asked } = checkout.run(command, environment);
      assert.deepEqual([code, asked], [UNAVAILABLE, []]);
      assert.match(text, sentence);
    }
  }
  assert.equal(existsSync(join(checkout.folder, '.env')), false);
  assert.equal(checkout.run('load-exchanges', { ENGINE: 'no-such-engine' }).code, UNAVAILABLE);
});

test('archives of the machine’s architecture are loaded under the names that compose uses', (t) => {
  const checkout = new Checkout(t);
  checkout.archive('exchange1_arm64.tar');
  const none = checkout.run('load-exchanges');
  assert.deepEqual([none.code, none.asked], [UNAVAILABLE, []]);
  assert.match(none.text, /^compose: there is no sources\/exchange\{1,2,3\}_amd64\.tar to load; .*\n$/);
  const other = checkout.run('load-exchanges', { MACHINE: 'riscv64' });
  assert.equal(other.code, UNAVAILABLE);
  assert.match(other.text, /no exchange images for riscv64/);
  checkout.archive('exchange2_amd64.tar');
  checkout.archive('exchange3_amd64.tar');
  const loaded = checkout.run('load-exchanges', { LOADED: 'registry.example/exchange:7' });
  assert.equal(loaded.code, 0, loaded.text);
  assert.deepEqual(loaded.asked, [
    'load --input sources/exchange2_amd64.tar',
    'tag registry.example/exchange:7 exchange2:latest',
    'load --input sources/exchange3_amd64.tar',
    'tag registry.example/exchange:7 exchange3:latest',
  ]);
  const arm = checkout.run('load-exchanges', { MACHINE: 'aarch64' });
  assert.deepEqual(arm.asked, ['load --input sources/exchange1_arm64.tar', 'tag exchange:1.0 exchange1:latest']);
  const broken = checkout.run('load-exchanges', { FAIL: 'load' });
  assert.equal(broken.code, UNAVAILABLE);
  assert.match(broken.text, /sources\/exchange2_amd64\.tar can't be loaded/);
});

test('up makes up passwords once, builds MarketFlow, loads or builds exchanges, and waits', (t) => {
  const checkout = new Checkout(t);
  const file = join(checkout.folder, '.env');
  const started = [compose('build marketflow'), compose('up --detach --wait --wait-timeout 300')];
  const first = checkout.run('up');
  assert.equal(first.code, 0, first.text);
  assert.deepEqual(first.asked, [...started, compose('ps')]);
  assert.match(first.text, /stand-ins are built/);
  const env = readFileSync(file, 'utf8');
  const passwords = [...env.matchAll(/^\w+_PASSWORD=([0-9a-f]{48})$/gm)].map(([, password]) => password);
  assert.equal(new Set(passwords).size, 2, env);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(!first.text.includes(passwords[0] ?? '?'));

  checkout.archive('exchange1_amd64.tar');
  const second = checkout.run('up', { FAIL: compose('up') });
  assert.equal(readFileSync(file, 'utf8'), env);
  assert.equal(second.code, UNAVAILABLE);
  assert.match(second.text, /not everything became healthy/);
  assert.deepEqual(second.asked, [
    'load --input sources/exchange1_amd64.tar',
    'tag exchange:1.0 exchange1:latest',
    ...started,
    compose('ps --all'),
  ]);
});

test('down keeps volumes; an unknown command is refused', (t) => {
  const checkout = new Checkout(t);
  assert.deepEqual(checkout.run('down').asked, [compose('down')]);
  assert.deepEqual(checkout.run('logs').asked, [compose('logs --follow --tail 200')]);
  assert.deepEqual(checkout.run('ps').asked, [compose('ps --all')]);
  assert.equal(checkout.run('destroy').code, 64);
});
