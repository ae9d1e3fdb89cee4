import type { TickLog, TickLogStats } from '../../../application/port/out/tick-log.ts';
import type { DamageRecord, LogEntry, LogRecord } from '../../../domain/model/log-record.ts';
import { DiskSpace } from './disk-space.ts';
import { readRecords } from './log-reader.ts';
import { type WalOptions, type WalSettings, withDefaults } from './options.ts';
import { encodedBoundBytes } from './record-codec.ts';
import { type Recovered, recover } from './recovery.ts';
import { Retention } from './retention.ts';
import { SegmentWriter } from './segment-writer.ts';
import { TickLogError } from './tick-log-error.ts';
import { type Appending, WriteGroup } from './write-group.ts';

const GROUP_BYTES = 256 * 1024;
const GROUP_FLOOR_BYTES = 4096;
/** Encoded and not yet written are at most twice this; further appends wait, in order. */
const GROUP_MAX_BYTES = 4 * 1024 * 1024;

interface Waiting extends Appending {
  readonly record: LogRecord;
  readonly boundBytes: number;
}

/** The tick log as checksummed segment files in one folder, which no other process may use meanwhile. */
export class WalTickLog implements TickLog {
  readonly #settings: WalSettings;
  readonly #retention: Retention;
  readonly #space: DiskSpace;
  readonly #writer: SegmentWriter;
  readonly #waiting: Waiting[] = [];
  readonly #damagedPositions = new Set<number>();
  #gathering: WriteGroup;
  #inFlight: WriteGroup;
  #nextPosition: number;
  #lastPosition: number;
  #damagedBatches = 0;
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  #isFull = false;
  #failure: TickLogError | null = null;
  #closing: Promise<void> | null = null;

  private constructor(settings: WalSettings, recovered: Recovered) {
    const groupMaxBytes = Math.max(GROUP_FLOOR_BYTES, Math.min(GROUP_MAX_BYTES, settings.segmentBytes & ~7));
    const groupBytes = Math.min(GROUP_BYTES, groupMaxBytes);
    this.#settings = settings;
    this.#lastPosition = recovered.lastPosition;
    this.#nextPosition = recovered.lastPosition + 1;
    const { segments, active } = recovered;
    this.#retention = new Retention(settings, segments, active, () => this.#admitWaiting());
    this.#space = new DiskSpace(settings, () => this.#admitWaiting());
    this.#writer = new SegmentWriter(settings, this.#retention, this.#space);
    this.#gathering = new WriteGroup(groupBytes, groupMaxBytes);
    this.#inFlight = new WriteGroup(groupBytes, groupMaxBytes);
  }

  /** Rejects with a `TickLogError`: `newer_format` or `unusable_dir`. */
  static async open(options: WalOptions): Promise<WalTickLog> {
    const settings = withDefaults(options);
    const log = new WalTickLog(settings, await recover(settings));
    await log.#space.check();
    return log;
  }

  append(record: LogRecord): Promise<number> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#closing !== null) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const append = { record, boundBytes: encodedBoundBytes(record), resolve, reject };
      if (this.#waiting.length > 0 || !this.#admits(append.boundBytes)) this.#waiting.push(append);
      else this.#encode(append);
    });
  }

  read(afterPosition: number): AsyncIterable<LogEntry> {
    return this.#read(afterPosition, this.#lastPosition);
  }

  release(position: number): void {
    this.#retention.release(Math.min(position, this.#lastPosition));
    void this.#retention.drop(this.#headroomBytes());
    this.#admitWaiting();
  }

  stats(): TickLogStats {
    const { segments, bytes } = this.#retention;
    const gathered = this.#gathering.records + this.#inFlight.records;
    return {
      kind: 'wal',
      bytes,
      pendingRecords: gathered + this.#waiting.length,
      firstPosition: segments[0]?.firstPosition ?? this.#lastPosition + 1,
      lastPosition: this.#lastPosition,
      segments: segments.length,
      state: this.#space.low ? 'low_disk' : this.#isFull ? 'full' : 'ok',
      damagedBatches: this.#damagedBatches,
    };
  }

  /** What waits for room on the disk or for a release is rejected with `closed`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#space.close();
    do {
      await this.#writing;
      await this.#retention.idle();
    } while (this.#isWriting);
    for (const append of this.#waiting.splice(0)) append.reject(this.#failure ?? closedError());
    await this.#writer.close(this.#failure !== null);
  }

  async *#read(afterPosition: number, toPosition: number): AsyncGenerator<LogEntry, void, undefined> {
    const { segments, released } = this.#retention;
    const oldestPosition = segments[0]?.firstPosition ?? toPosition + 1;
    const afterRetention = Math.min(released + 1, oldestPosition);
    const reader = { position: Math.max(afterPosition + 1, afterRetention) };
    this.#retention.pin(reader);
    try {
      yield* readRecords({
        ops: this.#settings.fileOps,
        segments: segments.map(({ path, firstPosition, bytes }) => ({ path, firstPosition, bytes })),
        fromPosition: reader.position,
        toPosition,
        onDamage: (position, damage) => this.#noteDamage(position, damage),
        onSegment: (firstPosition) => {
          reader.position = Math.max(reader.position, firstPosition);
        },
      });
    } catch (error) {
      throw TickLogError.from(error, 'io_failed', `can't read ${this.#settings.dir}`);
    } finally {
      this.#retention.unpin(reader);
    }
  }

  #noteDamage(position: number, damage: DamageRecord): void {
    if (this.#damagedPositions.has(position)) return;
    this.#damagedPositions.add(position);
    this.#damagedBatches += damage.batches;
    this.#settings.onEvent({ type: 'damaged_batch', position, damage });
  }

  /** Dropping begins one segment before `maxBytes`, so that appends need not wait for it. */
  #headroomBytes(): number {
    return this.#settings.segmentBytes;
  }

  #admits(boundBytes: number): boolean {
    if (this.#space.low || !this.#gathering.hasRoomFor(boundBytes)) return false;
    const { bytes, released, segments } = this.#retention;
    const pendingBytes = this.#gathering.recordBytes + this.#inFlight.recordBytes + boundBytes;
    const fits = bytes + pendingBytes <= this.#settings.maxBytes;
    if (!fits && this.#retention.canDrop(pendingBytes)) {
      void this.#retention.drop(pendingBytes);
      return false;
    }
    // With nothing left to wait for, a record goes in whatever its length.
    const isSpent = segments.length <= 1 && released === this.#nextPosition - 1;
    this.#setFull(!fits && !isSpent);
    return !this.#isFull;
  }

  #setFull(isFull: boolean): void {
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    const { bytes, released } = this.#retention;
    this.#settings.onEvent({ type: isFull ? 'full_start' : 'full_end', bytes, releasedPosition: released });
  }

  #admitWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#admits(next.boundBytes)) return;
      this.#waiting.shift();
      this.#encode(next);
    }
  }

  #encode(append: Waiting): void {
    try {
      this.#gathering.add(this.#nextPosition, append.record, append.boundBytes, append);
    } catch (error) {
      append.reject(TickLogError.from(error, 'bad_record', `can't encode a ${append.record.kind} record`));
      return;
    }
    this.#nextPosition++;
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#gathering.records > 0) await this.#writeGroup();
    } catch (error) {
      this.#fail(TickLogError.from(error, 'io_failed', `can't write in ${this.#settings.dir}`));
    }
    this.#isWriting = false;
  }

  async #writeGroup(): Promise<void> {
    const group = this.#gathering;
    this.#gathering = this.#inFlight;
    this.#inFlight = group;
    const { records, recordBytes: bytes, lastPosition } = group;
    const startedAtMs = performance.now();
    const written = this.#writer.write(group);
    this.#admitWaiting();
    await written;
    this.#lastPosition = lastPosition;
    group.resolveAll();
    this.#settings.onEvent({ type: 'flushed', records, bytes, tookMs: performance.now() - startedAtMs });
    this.#space.afterWrite(bytes);
    void this.#retention.drop(this.#headroomBytes());
    this.#admitWaiting();
  }

  #fail(error: TickLogError): void {
    this.#failure = error;
    this.#inFlight.rejectAll(error);
    this.#gathering.rejectAll(error);
    for (const append of this.#waiting.splice(0)) append.reject(error);
    if (error.severity === 'fatal') this.#settings.onEvent({ type: 'broken', error });
  }
}

function closedError(): TickLogError {
  return new TickLogError('closed', 'tick log: closed');
}
