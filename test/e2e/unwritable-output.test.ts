import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../cmd/marketflow/main.ts', import.meta.url));
const COMMANDS: readonly (readonly string[])[] = [['--help'], ['--version'], ['config', 'check']];

interface End {
  readonly code: unknown;
  readonly stderr: string;
}

/** `gone`: stdout is a pipe that nobody reads. */
async function endOf(args: readonly string[], stdout: number | 'gone'): Promise<End> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: {},
    stdio: ['ignore', stdout === 'gone' ? 'pipe' : stdout, 'pipe'],
  });
  child.stdout?.destroy();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}

test('an answer that a full disk does not take ends with 70, in one line', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  for (const args of COMMANDS) {
    assert.deepEqual(
      await endOf(args, full),
      { code: 70, stderr: "marketflow: stdout can't be written (ENOSPC)\n" },
      args.join(' '),
    );
  }
});

test('an answer whose reader has gone ends with 0 and says nothing', async () => {
  for (const args of COMMANDS) assert.deepEqual(await endOf(args, 'gone'), { code: 0, stderr: '' }, args.join(' '));
});

test('wrong flags and settings keep their codes where stderr takes nothing', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const cases = [
    [['--nonsense'], {}, 64],
    [['config', 'check'], { MARKETFLOW_MODE: 'sideways' }, 78],
    [[], { MARKETFLOW_MODE: 'sideways' }, 78],
  ] as const;
  for (const [args, env, expected] of cases) {
    const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'ignore', full] });
    const [code] = await once(child, 'close');
    assert.equal(code, expected, args.join(' '));
  }
});
