import type { DamageRecord } from '../../../domain/model/log-record.ts';
import { type FileOps, nodeFileOps } from './file-ops.ts';
import type { TickLogError } from './tick-log-error.ts';

const MIB = 1024 * 1024;

/** os: accepted when written · sync: accepted when fdatasync has returned as well. */
export type Durability = 'os' | 'sync';

/** What happened, for log lines and metrics. `flushed` comes once per group of appends, the others are rare. */
export type TickLogEvent =
  | { readonly type: 'flushed'; readonly records: number; readonly bytes: number; readonly tookMs: number }
  | {
      readonly type: 'segment_dropped';
      readonly firstPosition: number;
      readonly lastPosition: number;
      readonly bytes: number;
    }
  | { readonly type: 'segment_drop_failed'; readonly firstPosition: number; readonly error: TickLogError }
  | { readonly type: 'low_disk_start'; readonly freeBytes: number; readonly requiredBytes: number }
  | { readonly type: 'low_disk_end'; readonly freeBytes: number; readonly requiredBytes: number }
  | { readonly type: 'full_start'; readonly bytes: number; readonly releasedPosition: number }
  | { readonly type: 'full_end'; readonly bytes: number; readonly releasedPosition: number }
  | { readonly type: 'torn_tail_cut'; readonly path: string; readonly bytes: number; readonly lastPosition: number }
  /** The log ended before the checkpoint; `fromPosition … toPosition` are lost and already in the checkpoint. */
  | { readonly type: 'positions_skipped'; readonly fromPosition: number; readonly toPosition: number }
  /** `position` is the last one missing. Once per damage, however often it is read. */
  | { readonly type: 'damaged_batch'; readonly position: number; readonly damage: DamageRecord }
  | { readonly type: 'broken'; readonly error: TickLogError };

export interface WalOptions {
  readonly dir: string;
  readonly durability: Durability;
  /** Default 64 MiB; never more than a quarter of `maxBytes`. */
  readonly segmentBytes?: number;
  /** Default 4 GiB. */
  readonly maxBytes?: number;
  /** Default 10 minutes. */
  readonly retentionMs?: number;
  /** Default 64 MiB; never more than a tenth of the file system is asked for. */
  readonly minFreeBytes?: number;
  readonly nowMs: () => number;
  readonly onEvent?: (event: TickLogEvent) => void;
  /** The checkpoint's position: new records are numbered after it, and what is missing up to it is no damage. */
  readonly afterPosition?: number;
  /** How often a full disk is tried again. Default 500 ms. */
  readonly spacePollMs?: number;
  /** For faults that real files can't be made to show. */
  readonly fileOps?: FileOps;
}

export type WalSettings = Required<WalOptions>;

export function withDefaults(options: WalOptions): WalSettings {
  const maxBytes = options.maxBytes ?? 4096 * MIB;
  return {
    dir: options.dir,
    durability: options.durability,
    segmentBytes: Math.max(1, Math.min(options.segmentBytes ?? 64 * MIB, Math.floor(maxBytes / 4))),
    maxBytes,
    retentionMs: options.retentionMs ?? 600_000,
    minFreeBytes: options.minFreeBytes ?? 64 * MIB,
    nowMs: options.nowMs,
    onEvent: options.onEvent ?? (() => {}),
    afterPosition: options.afterPosition ?? 0,
    spacePollMs: options.spacePollMs ?? 500,
    fileOps: options.fileOps ?? nodeFileOps,
  };
}
