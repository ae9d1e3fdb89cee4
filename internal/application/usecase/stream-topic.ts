import type { TopicData, TopicMessage } from '../port/in/market-stream.ts';
import type { StreamClient } from './stream-client.ts';

/** One look at everything that is subscribed to. */
export interface Turn {
  readonly nowMs: number;
  /** A few times a second: also what changes without a tick is looked at. */
  readonly isSweep: boolean;
}

/** Where one client is in one topic. */
export interface Cursor {
  readonly topic: Topic;
  readonly client: StreamClient;
  /** Of the last message. */
  seq: number;
  /** `Topic.total` as of `seq`. */
  total: number;
  /** Asked for by its name, and not only by a wildcard. */
  isNamed: boolean;
  /** A snapshot has to come first; refused: because what a resume asked for is not known any more. */
  needs: 'nothing' | 'snapshot' | 'refused';
  /** Waits in its client's list; a topic's updates pass it by meanwhile. */
  isBehind: boolean;
}

/** One name that clients subscribe to, with its sequence. It goes on for a while after the last one has left. */
export abstract class Topic {
  readonly name: string;
  readonly members = new Set<Cursor>();
  /** Since when nobody is there; null = somebody is. */
  idleSinceMs: number | null = null;
  /** Sequences below are of an earlier life, mode or process. */
  origin: number;
  seq: number;
  /** Ticks so far, those that could not be kept included; 0 for topics of states. */
  total = 0;

  constructor(name: string, origin: number) {
    this.name = name;
    this.origin = origin;
    this.seq = origin;
  }

  /** The next update, under the next sequence; null = nothing has changed. */
  abstract poll(turn: Turn): TopicMessage | null;
  /** What a cursor that is behind gets next; moves it. Null: it is in step. */
  abstract next(cursor: Cursor): TopicMessage | null;
  /** Puts the cursor to `seq`, if all that came after is still known. */
  abstract resume(cursor: Cursor, seq: number): boolean;

  /** Everything of the mode before is over. */
  restart(origin: number): void {
    this.origin = origin;
    this.seq = origin;
    this.total = 0;
  }

  /** Nobody can subscribe to it any more. */
  release(): void {}

  protected message(type: TopicMessage['type'], data: TopicData, dropped = 0, lost = 0): TopicMessage {
    return { type, topic: this.name, seq: this.seq, data, dropped, lost, refusedResume: false };
  }
}

/** What a topic of a state says, and from where. */
export interface StateContent {
  /** What has changed since the last call; null = nothing. */
  changes(turn: Turn): TopicData | null;
  /** The state in full. */
  snapshot(): TopicData;
  /** Update `seq` has said all up to now. */
  published(seq: number, nowMs: number): void;
  /** What has changed since update `seq`; null = not known. */
  since(seq: number): TopicData | null;
  /** The mode has changed; updates from `seq` on are of the new one. */
  restart(seq: number): void;
}

/** A topic whose newest state makes up for every update that somebody missed. */
export class StateTopic extends Topic {
  private readonly content: StateContent;

  constructor(name: string, origin: number, content: StateContent) {
    super(name, origin);
    this.content = content;
    content.restart(origin);
  }

  poll(turn: Turn): TopicMessage | null {
    const data = this.content.changes(turn);
    if (data === null) return null;
    this.seq++;
    this.content.published(this.seq, turn.nowMs);
    return this.message('update', data);
  }

  next(cursor: Cursor): TopicMessage | null {
    const missed = this.seq - cursor.seq;
    const { needs } = cursor;
    if (needs === 'nothing' && missed === 0) return null;
    cursor.needs = 'nothing';
    cursor.seq = this.seq;
    if (needs !== 'nothing') {
      return { ...this.message('snapshot', this.content.snapshot()), refusedResume: needs === 'refused' };
    }
    const data = this.content.since(this.seq - missed);
    return data === null
      ? this.message('snapshot', this.content.snapshot(), missed)
      : this.message('update', data, missed - 1);
  }

  resume(cursor: Cursor, seq: number): boolean {
    if (seq < this.origin || seq > this.seq || this.content.since(seq) === null) return false;
    cursor.seq = seq;
    return true;
  }

  override restart(origin: number): void {
    super.restart(origin);
    this.content.restart(origin);
  }
}
