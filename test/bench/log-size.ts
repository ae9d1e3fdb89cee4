import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { join } from 'node:path';
import { WalTickLog } from '../../internal/adapter/out/wal/wal-tick-log.ts';
import { TickBatch } from '../../internal/domain/model/tick-batch.ts';
import { atMost, type Figure } from './figures.ts';

const BATCHES = 200;
const ROWS = 1_000;

/** Bytes a tick in the log's files, headers included. */
export async function benchLogSize(): Promise<Figure[]> {
  return [
    atMost('tick log, price and time', await bytesPerTick(false), 'bytes/tick', 16),
    atMost('tick log, with quantity and trade id', await bytesPerTick(true), 'bytes/tick', 28),
  ];
}

async function bytesPerTick(full: boolean): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'marketflow-bench-'));
  const log = await WalTickLog.open({ dir, durability: 'os', nowMs: Date.now });
  const batch = new TickBatch(ROWS);
  for (let k = 0; k < BATCHES; k++) {
    batch.reset(0, 1, Date.now());
    for (let row = 0; row < ROWS; row++) {
      const quantity = full ? Math.random() : Number.NaN;
      batch.push(
        row % 5,
        67_000 + Math.random() * 100,
        Date.now() + Math.floor(row / 10),
        quantity,
        full ? k * ROWS + row : -1,
      );
    }
    await log.append({ kind: 'ticks', batch });
  }
  await log.close();
  const bytes = readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
  rmSync(dir, { recursive: true });
  return bytes / (BATCHES * ROWS);
}
