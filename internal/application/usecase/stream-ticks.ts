import type { TopicMessage } from '../port/in/market-stream.ts';
import { TICK_FIELDS } from '../port/in/market-stream.ts';
import type { TickBuffer, TickTap } from './stream-tap.ts';
import { type Cursor, Topic, type Turn } from './stream-topic.ts';

/** Messages are kept for so long for those who come back. */
export const REPLAY_MS = 30_000;
/** Of one topic, and of all together. */
const TOPIC_REPLAY_BYTES = 1024 * 1024;
const REPLAY_BYTES = 16 * 1024 * 1024;
/** What a message takes beside its ticks. */
const MESSAGE_BYTES = 400;

interface Kept {
  readonly message: TopicMessage;
  readonly bytes: number;
  readonly atMs: number;
  /** `Topic.total` before and after it. */
  readonly totalBefore: number;
  readonly totalAfter: number;
}

/** Every counted tick of one pair. What was sent last is kept, so that a short cut or a short sleep costs no tick. */
export class TickTopic extends Topic {
  private readonly tap: TickTap;
  private readonly buffer: TickBuffer;
  /** Sequences without a gap, the last one is `seq`. */
  private kept: Kept[] = [];
  private keptBytes = 0;

  constructor(name: string, origin: number, tap: TickTap, exchange: string, symbol: string) {
    super(name, origin);
    this.tap = tap;
    this.buffer = tap.open(exchange, symbol);
  }

  poll({ nowMs, isSweep }: Turn): TopicMessage | null {
    if (isSweep) this.trim(nowMs);
    const taken = this.buffer.take();
    if (taken === null) return null;
    this.seq++;
    const message = this.message('update', { channel: 'ticks', ticks: taken.ticks }, 0, taken.lost);
    const totalBefore = this.total;
    this.total += taken.lost + taken.ticks.count;
    const bytes = MESSAGE_BYTES + taken.ticks.count * TICK_FIELDS * 8;
    this.kept.push({ message, bytes, atMs: nowMs, totalBefore, totalAfter: this.total });
    this.keptBytes += bytes;
    this.trim(nowMs);
    return message;
  }

  next(cursor: Cursor): TopicMessage | null {
    if (cursor.needs === 'nothing') {
      if (cursor.seq === this.seq) return null;
      const next = this.after(cursor.seq);
      if (next !== undefined) {
        cursor.seq++;
        cursor.total = next.totalAfter;
        return next.message;
      }
    }
    // The ticks in between are gone: the client starts anew, and is told how many it did not get.
    const isGap = cursor.needs === 'nothing';
    const dropped = isGap ? this.seq - cursor.seq : 0;
    const lost = isGap ? this.total - cursor.total : 0;
    const refusedResume = cursor.needs === 'refused';
    cursor.needs = 'nothing';
    cursor.seq = this.seq;
    cursor.total = this.total;
    const none = { count: 0, values: new Float64Array(0) };
    return { ...this.message('snapshot', { channel: 'ticks', ticks: none }, dropped, lost), refusedResume };
  }

  resume(cursor: Cursor, seq: number): boolean {
    if (seq < this.origin || seq > this.seq) return false;
    const next = this.after(seq);
    if (next === undefined && seq !== this.seq) return false;
    cursor.seq = seq;
    cursor.total = next === undefined ? this.total : next.totalBefore;
    return true;
  }

  override restart(origin: number): void {
    super.restart(origin);
    this.kept = [];
    this.keptBytes = 0;
  }

  override release(): void {
    this.tap.close(this.buffer);
  }

  private after(seq: number): Kept | undefined {
    return this.kept[this.kept.length - (this.seq - seq)];
  }

  private trim(nowMs: number): void {
    const limitBytes = Math.min(TOPIC_REPLAY_BYTES, REPLAY_BYTES / this.tap.size);
    let n = 0;
    for (const { bytes, atMs } of this.kept) {
      if (this.keptBytes <= limitBytes && atMs >= nowMs - REPLAY_MS) break;
      this.keptBytes -= bytes;
      n++;
    }
    if (n > 0) this.kept.splice(0, n);
  }
}
