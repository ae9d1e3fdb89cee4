import type {
  StreamErrorCode,
  StreamMessage,
  StreamSession,
  StreamSink,
  SubscribeRequest,
  TopicSelection,
} from '../port/in/market-stream.ts';
import type { StreamHub } from './stream-hub.ts';
import { type Pair, type Selection, topicName } from './stream-selection.ts';
import type { Cursor } from './stream-topic.ts';

interface Wildcard {
  readonly id: string | null;
  readonly selection: Selection;
  /** Pairs of the hub's list that it has been matched with. */
  seenPairs: number;
}

/** One client: where it is in its topics, and which of them have to wait until it has read more. */
export class StreamClient implements StreamSession {
  readonly sink: StreamSink;
  /** Since when topics have been waiting; null = none does. */
  slowSinceMs: number | null = null;
  private readonly hub: StreamHub;
  private readonly cursors = new Map<string, Cursor>();
  private readonly wildcards = new Map<string, Wildcard>();
  /** Oldest first. */
  private readonly behind = new Set<Cursor>();
  private isClosed = false;

  constructor(hub: StreamHub, sink: StreamSink) {
    this.hub = hub;
    this.sink = sink;
  }

  get isBehind(): boolean {
    return this.behind.size > 0;
  }

  /** True if it has a wildcard for ticks: pairs that are new have to be told at once. */
  get wantsNewTicks(): boolean {
    return [...this.wildcards.values()].some(({ selection }) => selection.channel.kind === 'ticks');
  }

  subscribe(request: SubscribeRequest): boolean {
    if (this.isClosed) return false;
    const { id } = request;
    const selected = this.hub.select(request);
    if (!selected.ok) return this.refuse(id, selected.code, selected.detail);
    const { selection } = selected;
    const { limits } = this.hub;
    const isNewWildcard = selection.isWildcard && !this.wildcards.has(selection.key);
    if (isNewWildcard && this.wildcards.size >= limits.wildcards) {
      return this.refuse(id, 'too_many_wildcards', `a client has at most ${limits.wildcards} selections with *`);
    }
    const pairs = selection.isWildcard ? this.hub.pairsOf(selection, 0) : selection.pairs;
    const places: readonly (Pair | null)[] = selection.channel.kind === 'health' ? [null] : pairs;
    const names = places.map((pair) => topicName(selection.channelName, pair));
    const added = names.filter((name) => !this.cursors.has(name)).length;
    if (!this.hasRoom(added)) return this.refuse(id, 'too_many_topics', this.roomDetail(added));
    if (selection.isWildcard) {
      this.wildcards.set(selection.key, { id, selection, seenPairs: this.hub.pairCount });
      this.hub.wildcardsChanged();
    }
    this.send({ type: 'subscribed', id, topics: names });
    for (const [i, name] of names.entries()) this.attach(selection, places[i] ?? null, request.resume.get(name));
    this.pump();
    return true;
  }

  unsubscribe(id: string | null, request: TopicSelection): void {
    if (this.isClosed) return;
    const selected = this.hub.select(request);
    if (!selected.ok) {
      this.refuse(id, selected.code, selected.detail);
      return;
    }
    const { selection } = selected;
    if (this.wildcards.delete(selection.key)) this.hub.wildcardsChanged();
    const places = selection.channel.kind === 'health' ? [null] : selection.pairs;
    const named = places.map((pair) => topicName(selection.channelName, pair));
    const gone = (selection.isWildcard ? [...this.cursors.keys()] : named).filter((name) => {
      const cursor = this.cursors.get(name);
      return cursor !== undefined && (!selection.isWildcard || this.hub.isOf(cursor.topic, selection));
    });
    for (const name of gone) this.detach(name);
    this.send({ type: 'unsubscribed', id, topics: gone });
  }

  drained(): void {
    this.pump();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const name of [...this.cursors.keys()]) this.detach(name);
    const hadWildcards = this.wildcards.size > 0;
    this.wildcards.clear();
    this.hub.left(this);
    if (hadWildcards) this.hub.wildcardsChanged();
  }

  send(message: StreamMessage): void {
    if (!this.isClosed) this.sink.send(message);
  }

  /** The sink is full: the topic waits, and says later what holds then. */
  fallBehind(cursor: Cursor): void {
    cursor.isBehind = true;
    this.behind.add(cursor);
    this.slowSinceMs ??= this.hub.nowMs();
  }

  /** Sends what waits while there is room. */
  pump(): void {
    for (const cursor of this.behind) {
      if (this.isClosed) return;
      if (this.sink.isFull) {
        this.slowSinceMs ??= this.hub.nowMs();
        return;
      }
      const message = cursor.topic.next(cursor);
      this.behind.delete(cursor);
      cursor.isBehind = message !== null;
      if (message === null) continue;
      // To the end of the list: no topic waits for another one's backlog.
      this.behind.add(cursor);
      this.hub.countSent(message);
      this.sink.send(message);
    }
    this.slowSinceMs = null;
  }

  /** Adds topics of pairs that have appeared since. */
  expandWildcards(): void {
    for (const wildcard of this.wildcards.values()) {
      const { selection, seenPairs, id } = wildcard;
      if (seenPairs === this.hub.pairCount) continue;
      const pairs = this.hub.pairsOf(selection, seenPairs);
      wildcard.seenPairs = this.hub.pairCount;
      const added = pairs.filter((pair) => !this.cursors.has(topicName(selection.channelName, pair)));
      if (!this.hasRoom(added.length)) {
        this.refuse(id, 'too_many_topics', this.roomDetail(added.length));
        continue;
      }
      for (const pair of added) this.attach(selection, pair, undefined);
    }
    this.pump();
  }

  /** Everything that it knew is over. Pairs of wildcards have to be found anew. */
  restart(message: StreamMessage): void {
    this.send(message);
    for (const wildcard of this.wildcards.values()) wildcard.seenPairs = 0;
    for (const [name, cursor] of this.cursors) {
      if (cursor.isNamed) this.wantSnapshot(cursor, 'snapshot');
      else this.detach(name);
    }
  }

  private attach(selection: Selection, pair: Pair | null, resumeSeq: number | undefined): void {
    const topic = this.hub.topic(selection, pair);
    const known = this.cursors.get(topic.name);
    const cursor: Cursor = known ?? {
      ...{ topic, client: this, seq: topic.seq, total: topic.total },
      ...{ isNamed: false, needs: 'snapshot', isBehind: true },
    };
    if (!selection.isWildcard) cursor.isNamed = true;
    if (known === undefined) {
      this.cursors.set(topic.name, cursor);
      topic.members.add(cursor);
      topic.idleSinceMs = null;
    }
    if (resumeSeq !== undefined && topic.resume(cursor, resumeSeq)) {
      cursor.needs = 'nothing';
      cursor.isBehind = true;
      this.behind.add(cursor);
      this.send({ type: 'resumed', topic: topic.name, seq: resumeSeq });
    } else {
      this.wantSnapshot(cursor, resumeSeq === undefined ? 'snapshot' : 'refused');
    }
  }

  private wantSnapshot(cursor: Cursor, needs: 'snapshot' | 'refused'): void {
    cursor.needs = needs;
    cursor.isBehind = true;
    this.behind.add(cursor);
  }

  private detach(name: string): void {
    const cursor = this.cursors.get(name);
    if (cursor === undefined) return;
    this.cursors.delete(name);
    this.behind.delete(cursor);
    cursor.topic.members.delete(cursor);
    if (cursor.topic.members.size === 0) cursor.topic.idleSinceMs = this.hub.nowMs();
  }

  private hasRoom(added: number): boolean {
    return this.cursors.size + added <= this.hub.limits.topics && this.hub.hasRoom(added);
  }

  private roomDetail(added: number): string {
    return `${added} more topics are too many: a client has at most ${this.hub.limits.topics}`;
  }

  private refuse(id: string | null, code: StreamErrorCode, detail: string): false {
    this.send({ type: 'error', id, code, detail });
    return false;
  }
}
