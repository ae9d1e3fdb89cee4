import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WalTickLog } from '../../internal/adapter/out/wal/wal-tick-log.ts';
import type { Audit } from '../../internal/application/port/in/queries.ts';
import { TickBatch } from '../../internal/domain/model/tick-batch.ts';
import { atMost, type Figure, info } from './figures.ts';
import { Subject, sleep, startExchanges } from './subject.ts';

const BATCHES = 200;
const ROWS = 1_000;

const RUN_MS = 10_000;

/**
 * Bytes a tick in the log's files, headers included: of records of a thousand ticks, and of those that reads from
 * sockets make. A record is a read, with a header of 64 bytes and 24 of what is common to its ticks: a feed that sends
 * a line at a time has them for each.
 */
export async function benchLogSize(): Promise<Figure[]> {
  return [
    atMost('tick log, price and time, 1,000 ticks a read', await bytesPerTick(false), 'bytes/tick', 16),
    atMost('tick log, with quantity and trade id, 1,000 ticks a read', await bytesPerTick(true), 'bytes/tick', 28),
    atMost('tick log, over sockets at 100,000 ticks/s', await overSockets(['--rate', '33334']), 'bytes/tick', 16),
    info('tick log, over sockets at 1,000 ticks/s', await overSockets(['--rate', '334']), 'bytes/tick'),
  ];
}

async function overSockets(flags: readonly string[]): Promise<number> {
  const { child, sources } = await startExchanges(3, flags);
  const subject = await Subject.start({ MODE: 'live', LIVE_SOURCES: sources });
  await sleep(RUN_MS);
  await child.stop();
  await sleep(200);
  const bytes = await subject.metric('marketflow_tick_log_bytes');
  const { accepted } = await subject.get<Audit>('/v1/audit');
  await subject.end();
  return bytes / accepted;
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
