import { join } from 'node:path';
import { WalTickLog } from '../../internal/adapter/out/wal/wal-tick-log.ts';
import type { LogEntry } from '../../internal/domain/model/log-record.ts';

export function tickLogFolder(dataDir: string): string {
  return join(dataDir, 'ticklog');
}

/** Gives every record of the tick log to `take`, oldest first. Only when no process works in the folder. */
export async function readTickLog(dataDir: string, take: (entry: LogEntry) => void): Promise<void> {
  const log = await WalTickLog.open({ dir: tickLogFolder(dataDir), durability: 'os', nowMs: Date.now });
  try {
    for await (const entry of log.read(0)) take(entry);
  } finally {
    await log.close();
  }
}
