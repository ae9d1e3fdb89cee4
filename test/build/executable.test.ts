import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

test('the single file runs in an empty folder with an empty environment, also with decoding threads', async () => {
  for (const environment of [{}, { MARKETFLOW_PIPELINE_THREADS: '1' }]) {
    const dir = mkdtempSync(join(tmpdir(), 'marketflow-build-'));
    copyFileSync('build/marketflow', join(dir, 'marketflow'));
    const child = spawn(join(dir, 'marketflow'), ['--port', '0'], {
      cwd: dir,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit');
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const { url } = JSON.parse(line) as { url: string };
      let price = await fetch(`${url}/prices/latest/BTCUSDT`);
      for (let tries = 0; price.status !== 200 && tries < 100; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        price = await fetch(`${url}/prices/latest/BTCUSDT`);
      }
      assert.equal(price.status, 200);
      assert.equal((await fetch(`${url}/docs`)).status, 200);
      const page = await (await fetch(`${url}/`)).text();
      const files = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
      assert.equal(files.length, 2, 'the dashboard is in the file');
      for (const file of files) assert.equal((await fetch(`${url}${file}`)).status, 200, file);
      assert.equal(((await (await fetch(`${url}/v1/audit`)).json()) as { balanced: boolean }).balanced, true);
      child.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
      assert.equal(errors, '');
      assert.deepEqual(readdirSync(dir).sort(), ['data', 'marketflow']);
    } finally {
      child.kill('SIGKILL');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    }
  }
});
