import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_CODE, errorLine, StartupError } from './exit-code.ts';

test('the table is that of the documentation', () => {
  assert.deepEqual(EXIT_CODE, { ok: 0, usage: 64, unavailable: 69, internal: 70, config: 78 });
});

test('a startup error keeps its code and cause, and is told in one line', () => {
  const cause = new Error('EADDRINUSE');
  const error = new StartupError(EXIT_CODE.unavailable, 'port 80 is taken\n  by someone', { cause });
  assert.equal(error.exitCode, 69);
  assert.equal(error.cause, cause);
  assert.equal(errorLine(error.message), 'marketflow: port 80 is taken by someone\n');
  assert.equal(errorLine('no tcp://me:hunter2@h'), 'marketflow: no tcp://(hidden)@h\n');
});
