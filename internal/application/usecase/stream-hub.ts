import type { MarketState } from '../../domain/service/market-state.ts';
import type {
  MarketStream,
  StreamLimits,
  StreamSession,
  StreamSink,
  StreamStats,
  TopicMessage,
  TopicSelection,
} from '../port/in/market-stream.ts';
import type { SystemQueries } from '../port/in/queries.ts';
import type { MarketFeeds } from '../port/out/market-feeds.ts';
import { StreamClient } from './stream-client.ts';
import { CandleContent, HealthContent, LatestContent, type LatestReader } from './stream-contents.ts';
import { type Pair, PairList, type Selected, type Selection, select, topicName } from './stream-selection.ts';
import type { TickTap } from './stream-tap.ts';
import { REPLAY_MS, TickTopic } from './stream-ticks.ts';
import { StateTopic, type Topic } from './stream-topic.ts';
import type { SymbolDirectory } from './symbol-directory.ts';

/** What is rarely due is looked at this often. */
const SWEEP_MS = 250;
/** Selections with a `*` that one client may have. */
export const WILDCARDS_MAX = 32;
/** Of all clients together. */
const TOPICS_MAX = 65_536;
/** Sequences start at the time in ms times this: of a later life of a topic, or process, they are all greater. */
const SEQUENCES_PER_MS = 1_000;

export interface StreamHubParts {
  readonly state: MarketState;
  readonly feeds: MarketFeeds;
  readonly symbols: SymbolDirectory;
  readonly prices: LatestReader;
  readonly system: Pick<SystemQueries, 'health'>;
  readonly tap: TickTap;
  readonly limits: StreamLimits;
  readonly nowMs: () => number;
  /** Calls once, later. */
  readonly schedule: (call: () => void, delayMs: number) => void;
  /** A new name for a session. */
  readonly newSessionId: () => string;
}

/**
 * All topics and all clients. Every `intervalMs` one turn looks at what is subscribed to and makes one message of
 * whatever changed, for all who are there; whoever is full is passed by and gets the state as it is when there is room.
 */
export class StreamHub implements MarketStream {
  readonly limits: StreamLimits;
  readonly nowMs: () => number;
  private readonly parts: StreamHubParts;
  private readonly topics = new Map<string, Topic>();
  /** What each topic is of. */
  private readonly places = new WeakMap<Topic, { readonly channelName: string; readonly pair: Pair | null }>();
  private readonly clients = new Set<StreamClient>();
  private readonly pairs: PairList;
  private isScheduled = false;
  private isClosed = false;
  private sweptAtMs = 0;
  /** Greatest sequence of topics that are over. */
  private spentSeq = 0;
  private sent = 0;
  private dropped = 0;
  private closedSlow = 0;

  constructor(parts: StreamHubParts) {
    this.parts = parts;
    this.limits = parts.limits;
    this.nowMs = parts.nowMs;
    this.pairs = new PairList(parts.state);
    parts.tap.onMode = () => this.restart();
    parts.tap.onNewPair = () => this.expandWildcards();
  }

  open(sink: StreamSink): StreamSession | null {
    if (this.isClosed || this.clients.size >= this.limits.clients) return null;
    const client = new StreamClient(this, sink);
    this.clients.add(client);
    const { mode, epoch } = this.modeInForce();
    client.send({ type: 'welcome', session: this.parts.newSessionId(), mode, epoch, limits: this.limits });
    return client;
  }

  stats(): StreamStats {
    const clients = { websocket: 0, sse: 0 };
    for (const { sink } of this.clients) clients[sink.transport]++;
    const { sent, dropped, closedSlow } = this;
    return { clients, topics: this.topics.size, sent, dropped, ticksLost: this.parts.tap.lost, closedSlow };
  }

  close(): void {
    this.isClosed = true;
    for (const client of [...this.clients]) this.end(client, 'stopping');
  }

  /** Makes and hands out what has changed. */
  turn(): void {
    const nowMs = this.nowMs();
    const isSweep = Math.abs(nowMs - this.sweptAtMs) >= SWEEP_MS;
    this.pollAll(nowMs, isSweep);
    for (const client of this.clients) if (client.isBehind) client.pump();
    if (!isSweep) return;
    this.sweptAtMs = nowMs;
    this.expandWildcards();
    for (const client of [...this.clients]) {
      if (client.slowSinceMs === null || nowMs - client.slowSinceMs < this.limits.slowMs) continue;
      this.closedSlow++;
      this.end(client, 'slow');
    }
    for (const topic of this.topics.values()) {
      if (topic.idleSinceMs !== null && Math.abs(nowMs - topic.idleSinceMs) > REPLAY_MS) this.remove(topic);
    }
  }

  select(selection: TopicSelection): Selected {
    return select(selection, this.parts);
  }

  /** Known pairs of a selection, from the `first` of the list on. */
  pairsOf(selection: Selection, first: number): Pair[] {
    if (first === 0) this.pairs.refresh();
    return this.pairs.pairs.slice(first).filter((pair) => selection.matches(pair));
  }

  get pairCount(): number {
    return this.pairs.pairs.length;
  }

  isOf(topic: Topic, selection: Selection): boolean {
    const place = this.places.get(topic);
    return place?.channelName === selection.channelName && place.pair !== null && selection.matches(place.pair);
  }

  /** The topic as of now, made if there is none. */
  topic({ channel, channelName }: Selection, pair: Pair | null): Topic {
    const name = topicName(channelName, pair);
    const known = this.topics.get(name);
    if (known !== undefined) {
      // While nobody was there, it may not have been looked at.
      const update = known.poll({ nowMs: this.nowMs(), isSweep: false });
      if (update !== null) this.publish(known, update);
      return known;
    }
    const topic = this.newTopic(name, channel, pair);
    this.topics.set(name, topic);
    this.places.set(topic, { channelName, pair });
    this.run();
    return topic;
  }

  hasRoom(added: number): boolean {
    return this.topics.size + added <= TOPICS_MAX;
  }

  wildcardsChanged(): void {
    this.parts.tap.wantsNew = [...this.clients].some((client) => client.wantsNewTicks);
  }

  countSent({ dropped }: TopicMessage): void {
    this.sent++;
    this.dropped += dropped;
  }

  left(client: StreamClient): void {
    this.clients.delete(client);
  }

  private newTopic(name: string, channel: Selection['channel'], pair: Pair | null): Topic {
    const { state, prices, system, tap } = this.parts;
    const origin = this.newOrigin();
    if (pair === null) return new StateTopic(name, origin, new HealthContent(system));
    const { exchange, symbol } = pair;
    if (channel.kind === 'ticks') return new TickTopic(name, origin, tap, exchange, symbol);
    const content =
      channel.kind === 'candles'
        ? new CandleContent(state, exchange, symbol, channel.intervalMs)
        : new LatestContent(state, prices, exchange, symbol);
    return new StateTopic(name, origin, content);
  }

  private pollAll(nowMs: number, isSweep: boolean): void {
    const turn = { nowMs, isSweep };
    for (const topic of this.topics.values()) {
      const update = topic.poll(turn);
      if (update !== null) this.publish(topic, update);
    }
  }

  /** Hot: once for each message and client. */
  private publish(topic: Topic, message: TopicMessage): void {
    for (const cursor of topic.members) {
      if (cursor.isBehind) continue;
      const { client } = cursor;
      if (client.sink.isFull) {
        client.fallBehind(cursor);
        continue;
      }
      cursor.seq = message.seq;
      cursor.total = topic.total;
      this.sent++;
      client.sink.send(message);
    }
  }

  /** The mode has changed, in the same turn in which that was folded. */
  private restart(): void {
    if (this.topics.size > 0) this.pollAll(this.nowMs(), false);
    this.pairs.reset();
    for (const topic of this.topics.values()) {
      this.spentSeq = Math.max(this.spentSeq, topic.seq);
      topic.restart(this.newOrigin());
    }
    const { mode, epoch } = this.modeInForce();
    for (const client of this.clients) client.restart({ type: 'mode', mode, epoch });
    this.expandWildcards();
  }

  private expandWildcards(): void {
    this.pairs.refresh();
    for (const client of this.clients) client.expandWildcards();
  }

  private end(client: StreamClient, cause: 'slow' | 'stopping'): void {
    client.sink.end(cause);
    client.close();
  }

  private remove(topic: Topic): void {
    this.spentSeq = Math.max(this.spentSeq, topic.seq);
    topic.release();
    this.topics.delete(topic.name);
  }

  private newOrigin(): number {
    return Math.max(Math.floor(this.nowMs()) * SEQUENCES_PER_MS, this.spentSeq + 1);
  }

  private modeInForce() {
    return this.parts.state.mode ?? { mode: 'test' as const, epoch: 0 };
  }

  /** Turns go on while there are topics. A turn that takes long makes the next one wait as long: half of the time stays for ticks. */
  private run(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    const go = (delayMs: number): void =>
      this.parts.schedule(() => {
        if (this.topics.size === 0 || this.isClosed) {
          this.isScheduled = false;
          return;
        }
        const fromMs = this.nowMs();
        this.turn();
        const tookMs = Math.max(0, this.nowMs() - fromMs);
        go(Math.max(this.limits.intervalMs - tookMs, Math.min(tookMs, 1_000)));
      }, delayMs);
    go(this.limits.intervalMs);
  }
}
