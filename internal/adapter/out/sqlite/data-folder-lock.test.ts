import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { kill, nextLine, outputOf, runModule } from './child-process.test-kit.ts';
import { acquireDataFolder } from './data-folder-lock.ts';

let root = '';
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'data-folder-'));
});
after(() => rm(root, { recursive: true }));

const holder = (dir: string) => `
import { acquireDataFolder } from 'FOLDER/data-folder-lock.ts';
try {
  acquireDataFolder(${JSON.stringify(dir)});
  // Nobody keeps what it returned: the lock must not go with the garbage.
  globalThis.gc?.();
  console.log('taken');
  setInterval(() => {}, 1000);
} catch (error) {
  console.log(error.code + ' ' + error.severity);
}`;

test('creates the folder for its owner alone', async () => {
  const dir = join(root, 'a', 'b');
  const folder = acquireDataFolder(dir);
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
  assert.equal(folder.path, dir);
  folder.release();
});

test('refuses a second taker in the same process until it is released', () => {
  const dir = join(root, 'same');
  const folder = acquireDataFolder(dir);
  assert.throws(() => acquireDataFolder(dir), { code: 'folder_taken' });
  assert.throws(() => acquireDataFolder(join(root, 'same', '..', 'same')), { code: 'folder_taken' });
  folder.release();
  folder.release();
  acquireDataFolder(dir).release();
});

test('refuses a second process, also after a refused try, and is free after kill -9', {
  timeout: 30_000,
}, async (t) => {
  const dir = join(root, 'two');
  const first = runModule(holder(dir));
  t.after(() => first.kill('SIGKILL'));
  assert.equal(await nextLine(first), 'taken');
  for (let i = 0; i < 3; i++) {
    const { stdout } = await outputOf(runModule(holder(dir)));
    assert.equal(stdout, 'folder_taken fatal\n');
    assert.throws(() => acquireDataFolder(dir), { code: 'folder_taken', message: /another process/ });
  }
  await kill(first);
  acquireDataFolder(dir).release();
});

test('says unwritable where there can be no folder', async () => {
  const file = join(root, 'file');
  await writeFile(file, 'x');
  for (const dir of [file, join(file, 'below'), '/proc/marketflow-test', join(root, 'x'.repeat(300))]) {
    assert.throws(() => acquireDataFolder(dir), { code: 'unwritable', severity: 'fatal' }, dir);
  }
});

test('keeps stderr clean', async () => {
  const source = "import { DatabaseSync } from 'node:sqlite'; new DatabaseSync(':memory:').exec('SELECT 1');";
  assert.deepEqual(await outputOf(runModule(source)), { stdout: '', stderr: '' });
});
