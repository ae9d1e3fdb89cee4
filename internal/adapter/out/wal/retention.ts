import type { WalSettings } from './options.ts';
import type { Segment } from './segment-file.ts';
import { systemCode, TickLogError } from './tick-log-error.ts';

/** A file that can't be removed is left alone this long. */
const DROP_RETRY_MS = 1000;

/**
 * The segments of the log, oldest first, and which of them may go: those whose every record is released, once they are
 * older than `retentionMs` or the log is too long. Never the active one, never one that is being read.
 */
export class Retention {
  readonly #settings: WalSettings;
  readonly #onDropped: () => void;
  readonly #segments: Segment[];
  readonly #readers = new Set<{ readonly position: number }>();
  #active: Segment | null;
  #bytes: number;
  #released: number;
  #dropping: Promise<void> | null = null;
  #failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: WalSettings, segments: Segment[], active: Segment | null, onDropped: () => void) {
    this.#settings = settings;
    this.#segments = segments;
    this.#active = active;
    this.#onDropped = onDropped;
    this.#released = settings.afterPosition;
    this.#bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }
  get active(): Segment | null {
    return this.#active;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get released(): number {
    return this.#released;
  }

  begin(segment: Segment): void {
    this.#segments.push(segment);
    this.#active = segment;
  }

  /** The active segment has grown. */
  grow(bytes: number): void {
    if (this.#active !== null) this.#active.bytes += bytes;
    this.#bytes += bytes;
  }

  release(position: number): void {
    this.#released = Math.max(this.#released, position);
  }

  /** Keeps everything from `reader.position` on until `unpin`. */
  pin(reader: { readonly position: number }): void {
    this.#readers.add(reader);
  }
  unpin(reader: { readonly position: number }): void {
    this.#readers.delete(reader);
  }

  /** True if a segment would be dropped with `incomingBytes` more in the log, or is just being dropped. */
  canDrop(incomingBytes: number): boolean {
    return this.#dropping !== null || this.#droppable(incomingBytes) !== null;
  }

  /** Drops what is due, with `incomingBytes` more in the log. Never rejects. */
  drop(incomingBytes: number): Promise<void> {
    if (this.#dropping !== null || this.#droppable(incomingBytes) === null) return this.#dropping ?? Promise.resolve();
    this.#dropping = this.#dropAll(incomingBytes).finally(() => {
      this.#dropping = null;
      this.#onDropped();
    });
    return this.#dropping;
  }

  /** Resolves when nothing is being dropped. */
  async idle(): Promise<void> {
    await this.#dropping;
  }

  #droppable(incomingBytes: number): Segment | null {
    const { nowMs, retentionMs, maxBytes } = this.#settings;
    const oldest = this.#segments[0];
    if (oldest === undefined || oldest === this.#active || oldest.lastPosition > this.#released) return null;
    for (const reader of this.#readers) if (reader.position <= oldest.lastPosition) return null;
    const now = nowMs();
    if (now - this.#failedAtMs < DROP_RETRY_MS) return null;
    const isOld = now - oldest.newestAtMs > retentionMs;
    return isOld || this.#bytes + incomingBytes > maxBytes ? oldest : null;
  }

  async #dropAll(incomingBytes: number): Promise<void> {
    const { fileOps, onEvent } = this.#settings;
    for (let oldest = this.#droppable(incomingBytes); oldest !== null; oldest = this.#droppable(incomingBytes)) {
      const { path, firstPosition, lastPosition, bytes } = oldest;
      this.#segments.shift();
      try {
        await fileOps.unlink(path);
      } catch (cause) {
        if (systemCode(cause) !== 'ENOENT') {
          const error = TickLogError.from(cause, 'io_failed', `can't remove ${path}`);
          this.#segments.unshift(oldest);
          this.#failedAtMs = this.#settings.nowMs();
          onEvent({ type: 'segment_drop_failed', firstPosition, error });
          return;
        }
      }
      this.#bytes -= bytes;
      onEvent({ type: 'segment_dropped', firstPosition, lastPosition, bytes });
    }
  }
}
