import type { DiskSpace } from './disk-space.ts';
import type { WalSettings } from './options.ts';
import { HEADER_BYTES, writeSegmentHeader } from './record-layout.ts';
import type { Retention } from './retention.ts';
import { segmentPath } from './segment-file.ts';
import { isNoSpace, TickLogError } from './tick-log-error.ts';
import type { WriteGroup } from './write-group.ts';

/** Puts groups into the active segment, and begins a new one when a group would not fit any more. */
export class SegmentWriter {
  readonly #settings: WalSettings;
  readonly #retention: Retention;
  readonly #space: DiskSpace;
  #fd: number | null = null;

  constructor(settings: WalSettings, retention: Retention, space: DiskSpace) {
    this.#settings = settings;
    this.#retention = retention;
    this.#space = space;
  }

  /**
   * Resolves when the group is as durable as configured. Waits, however long, while the disk is full. Rejects with
   * `io_failed`, `sync_failed`, or `no_space` when the disk is full and the log is closed.
   */
  async write(group: WriteGroup): Promise<void> {
    const { durability, fileOps, nowMs } = this.#settings;
    const fd = await this.#openFor(group);
    const { active } = this.#retention;
    if (active === null) throw new TickLogError('io_failed', 'tick log: no active segment');
    const isNew = active.bytes === 0;
    if (isNew) writeSegmentHeader(group.buffer, active.firstPosition);
    const fromAt = isNew ? 0 : HEADER_BYTES;
    await this.#writeAll(fd, group.buffer.bytes, fromAt, group.endAt, active.bytes);
    if (durability === 'sync') {
      try {
        await fileOps.fdatasync(fd);
        if (isNew) await fileOps.syncDir(this.#settings.dir);
      } catch (error) {
        throw TickLogError.from(error, 'sync_failed', `can't sync ${active.path}`);
      }
    }
    active.lastPosition = group.lastPosition;
    active.newestAtMs = nowMs();
    this.#retention.grow(group.endAt - fromAt);
  }

  /** `cut`: removes what a write that failed may have left behind the last good record. */
  async close(cut: boolean): Promise<void> {
    const { fileOps } = this.#settings;
    const fd = this.#fd;
    if (fd === null) return;
    this.#fd = null;
    if (cut) await fileOps.truncate(fd, this.#retention.active?.bytes ?? 0).catch(() => {});
    await fileOps.close(fd);
  }

  async #openFor(group: WriteGroup): Promise<number> {
    const { fileOps, segmentBytes, dir } = this.#settings;
    const { active } = this.#retention;
    const isFull = active !== null && active.bytes > 0 && active.bytes + group.recordBytes > segmentBytes;
    if (active !== null && !isFull) {
      this.#fd ??= await this.#untilRoom(() => fileOps.open(active.path, 'change'), `open ${active.path}`);
      return this.#fd;
    }
    const path = segmentPath(dir, group.firstPosition);
    const fd = await this.#untilRoom(() => fileOps.open(path, 'create'), `create ${path}`);
    const { firstPosition } = group;
    const previous = this.#fd;
    this.#fd = fd;
    this.#retention.begin({ path, firstPosition, lastPosition: firstPosition - 1, bytes: 0, newestAtMs: 0 });
    if (previous !== null) await this.#untilRoom(() => fileOps.close(previous), 'close a segment');
    return fd;
  }

  async #writeAll(fd: number, bytes: Uint8Array, fromAt: number, endAt: number, fileOffset: number): Promise<void> {
    const { fileOps } = this.#settings;
    let at = fromAt;
    while (at < endAt) {
      at += await this.#untilRoom(
        () => fileOps.write(fd, bytes, at, endAt - at, fileOffset + at - fromAt),
        'write a segment',
      );
    }
  }

  async #untilRoom<T>(call: () => Promise<T>, doing: string): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!isNoSpace(error)) throw TickLogError.from(error, 'io_failed', `can't ${doing}`);
        if (this.#space.closed) throw TickLogError.from(error, 'no_space', `can't ${doing}`);
        await this.#space.noSpace();
      }
    }
  }
}
