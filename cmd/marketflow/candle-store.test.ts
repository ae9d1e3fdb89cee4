import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TickLogStats } from '../../internal/application/port/out/tick-log.ts';
import { refuseGap } from './candle-store.ts';
import { EXIT_CODE, StartupError } from './exit-code.ts';

const statsFrom = (firstPosition: number): TickLogStats => ({
  ...{ kind: 'wal', bytes: 0, pendingRecords: 0, segments: 1, state: 'ok', damagedBatches: 0 },
  firstPosition,
  lastPosition: 100,
});

test('a tick log that begins behind the checkpoint is refused in a folder that was used with PostgreSQL', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'candle-store-'));
  t.after(() => rmSync(folder, { recursive: true }));
  refuseGap(folder, 10, statsFrom(50));
  writeFileSync(join(folder, 'log-id'), 'x\n');
  for (const first of [1, 10, 11]) refuseGap(folder, 10, statsFrom(first));
  assert.throws(
    () => refuseGap(folder, 10, statsFrom(12)),
    (error) =>
      error instanceof StartupError && error.exitCode === EXIT_CODE.unavailable && / 11 to 11 /.test(error.message),
  );
});
