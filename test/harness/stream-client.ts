import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { atEnd, type CleanUp } from './clean-up.ts';
import { waitUntil } from './wait.ts';

/** A message of the service, as it came. */
export interface StreamText {
  readonly type: string;
  readonly topic?: string;
  readonly seq?: number;
  readonly dropped?: number;
  readonly lost?: number;
  readonly resumed?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: a test names the fields that it looks at
  readonly data?: any;
  readonly id?: string;
  readonly code?: string;
  readonly topics?: readonly string[];
  readonly mode?: string;
  readonly epoch?: number;
}

/** A WebSocket client that checks what the protocol promises of sequences, for every message. */
export class StreamTestClient {
  readonly messages: StreamText[] = [];
  /** Last sequence of each topic. */
  readonly seen = new Map<string, number>();
  readonly ws: WebSocket;
  closed: { readonly code: number; readonly reason: string } | null = null;
  onMessage: (message: StreamText) => void = () => undefined;
  private broken: unknown = null;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data) => {
      const message = JSON.parse(String(data)) as StreamText;
      this.messages.push(message);
      try {
        this.check(message);
      } catch (error) {
        this.broken ??= error;
      }
      this.onMessage(message);
    });
    ws.on('error', () => undefined);
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
  }

  /** `url`: that of the service. */
  static async connect(cleanUp: CleanUp, url: string): Promise<StreamTestClient> {
    const client = new StreamTestClient(new WebSocket(`${url.replace('http', 'ws')}/v1/stream`));
    atEnd(cleanUp, () => client.cut());
    await once(client.ws, 'open');
    return client;
  }

  send(message: object | string): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(
    channel: string,
    exchanges: readonly string[],
    symbols: readonly string[],
    resume: Readonly<Record<string, number>> = {},
  ): void {
    this.send({ op: 'subscribe', id: channel, channel, exchanges, symbols, resume });
  }

  /** Resolves with the first message, from the `first` on, that is as wanted. */
  async next(what: string, isIt: (message: StreamText) => boolean, first = 0): Promise<StreamText> {
    let found: StreamText | undefined;
    await waitUntil(
      what,
      () => {
        found = this.messages.slice(first).find(isIt);
        if (found === undefined && this.closed !== null)
          throw new Error(`${what}: closed with ${JSON.stringify(this.closed)}`);
        return found !== undefined;
      },
      20_000,
    );
    assert.ok(found !== undefined);
    return found;
  }

  async closing(): Promise<{ readonly code: number; readonly reason: string }> {
    await waitUntil('the close', () => this.closed !== null, 20_000);
    assert.ok(this.closed !== null);
    return this.closed;
  }

  /** Messages of a topic. */
  of(topic: string): StreamText[] {
    return this.messages.filter((message) => message.topic === topic);
  }

  /** Fails if a sequence was not as promised. */
  assertSequences(): void {
    if (this.broken !== null) throw this.broken;
  }

  /** Without a close frame, as a network does it. */
  cut(): void {
    this.ws.terminate();
  }

  private check({ type, topic, seq, dropped = 0 }: StreamText): void {
    if (type === 'mode') this.seen.clear();
    if (topic === undefined || seq === undefined) return;
    if (type === 'update') assert.equal(seq, (this.seen.get(topic) ?? Number.NaN) + 1 + dropped, topic);
    this.seen.set(topic, seq);
  }
}
