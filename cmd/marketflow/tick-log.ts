import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryTickLog } from '../../internal/adapter/out/memory/memory-tick-log.ts';
import type { TickLogEvent } from '../../internal/adapter/out/wal/options.ts';
import { WalTickLog } from '../../internal/adapter/out/wal/wal-tick-log.ts';
import type { TickLog } from '../../internal/application/port/out/tick-log.ts';
import type { Logger } from '../../pkg/logger/logger.ts';
import { EXIT_CODE, StartupError } from './exit-code.ts';
import type { Settings } from './settings.ts';

export interface TickLogParts {
  readonly settings: Settings['tickLog'];
  readonly dataDir: string;
  /** The checkpoint's position: numbering goes on behind it. */
  readonly afterPosition: number;
  readonly nowMs: () => number;
  readonly logger: Logger;
  readonly onWritten: (tookMs: number) => void;
}

export function tickLogFolder(dataDir: string): string {
  return join(dataDir, 'ticklog');
}

export async function openTickLog(parts: TickLogParts): Promise<TickLog> {
  const { settings, dataDir, afterPosition, nowMs, logger, onWritten } = parts;
  const { kind, durability, retentionMs, maxBytes, segmentBytes, minFreeBytes } = settings;
  const dir = tickLogFolder(dataDir);
  if (kind === 'memory' && existsSync(dir)) {
    const rule = 'must be disk, or the folder moved away after a clean stop';
    throw new StartupError(EXIT_CODE.config, `tickLog.kind: memory would pass over the log that is in ${dir}: ${rule}`);
  }
  if (kind === 'memory')
    return new MemoryTickLog({ maxBytes: Math.min(maxBytes, MEMORY_LOG_MAX_BYTES), afterPosition });
  return WalTickLog.open({
    dir,
    durability,
    retentionMs,
    maxBytes,
    segmentBytes,
    minFreeBytes,
    afterPosition,
    nowMs,
    onEvent: (event) => (event.type === 'flushed' ? onWritten(event.tookMs) : report(event, logger)),
  });
}

/** In memory the log only holds what the next checkpoint, a second away, will let go. */
const MEMORY_LOG_MAX_BYTES = 512 * 1024 * 1024;

/** Log lines for what an operator should know of; dropped segments are everyday. */
function report(event: Exclude<TickLogEvent, { type: 'flushed' }>, logger: Logger): void {
  switch (event.type) {
    case 'segment_dropped':
      logger.debug(event, 'tick log segment dropped');
      break;
    case 'low_disk_start':
      logger.error(event, 'disk is nearly full: intake waits until there is room');
      break;
    case 'low_disk_end':
      logger.info(event, 'disk has room again: intake goes on');
      break;
    case 'full_start':
      logger.warn(event, 'tick log is full: intake waits for the checkpoint');
      break;
    case 'full_end':
      logger.info(event, 'tick log has room again: intake goes on');
      break;
    case 'broken':
    case 'segment_drop_failed':
      logger.error({ type: event.type, reason: event.error.message }, 'tick log failure');
      break;
    case 'torn_tail_cut':
      logger.warn(event, 'tick log was not closed cleanly: the record that was being written is cut off');
      break;
    case 'positions_skipped':
      logger.warn(event, 'tick log ends before the checkpoint: it goes on behind it');
      break;
    case 'damaged_batch':
      logger.warn(event, 'tick log has a damaged record: it is passed over');
      break;
    default:
      event satisfies never;
  }
}
