import type { WalSettings } from './options.ts';
import { HEADER_BYTES } from './record-layout.ts';
import { listSegments, type Segment } from './segment-file.ts';
import { SegmentScanner } from './segment-scanner.ts';
import { TickLogError } from './tick-log-error.ts';

export interface Recovered {
  /** Oldest first. */
  readonly segments: Segment[];
  /** The one that appends go on in, the last of `segments`; null: the next append begins a new one. */
  readonly active: Segment | null;
  readonly lastPosition: number;
}

/**
 * Takes stock of the folder: the last segment is read whole, and cut behind its last good record; of the others only
 * the header is read. Throws `newer_format` and `unusable_dir`.
 */
export async function recover(settings: WalSettings): Promise<Recovered> {
  try {
    await settings.fileOps.mkdir(settings.dir);
    const segments = await listSegments(settings.fileOps, settings.dir);
    const last = segments.at(-1);
    if (last !== undefined) await cutTornTail(settings, last);
    return await afterCheckpoint(settings, segments, last ?? null);
  } catch (error) {
    throw TickLogError.from(error, 'unusable_dir', `can't open ${settings.dir}`);
  }
}

async function cutTornTail(settings: WalSettings, last: Segment): Promise<void> {
  const { fileOps, onEvent } = settings;
  const goodBytes = await scanToLastGood(settings, last);
  const cutBytes = last.bytes - goodBytes;
  last.bytes = goodBytes;
  if (cutBytes === 0) return;
  const fd = await fileOps.open(last.path, 'change');
  try {
    await fileOps.truncate(fd, goodBytes);
    if (settings.durability === 'sync') await fileOps.fdatasync(fd);
  } finally {
    await fileOps.close(fd);
  }
  onEvent({ type: 'torn_tail_cut', path: last.path, bytes: cutBytes, lastPosition: last.lastPosition });
}

/** Sets `lastPosition`; returns where the last good record ends, 0 if there is none. */
async function scanToLastGood(settings: WalSettings, segment: Segment): Promise<number> {
  const scanner = await SegmentScanner.open(settings.fileOps, {
    path: segment.path,
    fromOffset: HEADER_BYTES,
    endOffset: segment.bytes,
    minPosition: segment.firstPosition,
    maxPosition: Number.MAX_SAFE_INTEGER,
  });
  let goodBytes = 0;
  try {
    while (await scanner.next()) {
      if ((await scanner.payload()) === null) continue;
      goodBytes = scanner.nextOffset;
      segment.lastPosition = scanner.header.position;
    }
  } finally {
    await scanner.close();
  }
  return goodBytes;
}

/** A log that ends before the checkpoint (the page cache was lost) goes on behind it, in a new segment. */
async function afterCheckpoint(settings: WalSettings, segments: Segment[], last: Segment | null): Promise<Recovered> {
  const { afterPosition, fileOps, onEvent } = settings;
  const lastPosition = last?.lastPosition ?? 0;
  if (lastPosition >= afterPosition) return { segments, active: last, lastPosition };
  if (last !== null && last.bytes === 0) {
    await fileOps.unlink(last.path);
    segments.pop();
  }
  onEvent({ type: 'positions_skipped', fromPosition: lastPosition + 1, toPosition: afterPosition });
  return { segments, active: null, lastPosition: afterPosition };
}
