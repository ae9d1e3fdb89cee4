import type { ServerResponse } from 'node:http';
import type {
  MarketStream,
  StreamMessage,
  StreamSession,
  StreamSink,
  SubscribeRequest,
} from '../../../../application/port/in/market-stream.ts';
import { STATUS } from '../problem.ts';
import type { Encoder } from './encode.ts';

/** More than this in our own buffers, behind the kernel's, and topics wait. */
const FULL_BYTES = 64 * 1024;
const BUFFERED_MAX_BYTES = 1024 * 1024;
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = ': \n\n';
/** A client that was cut off comes back after so long. */
const RETRY = 'retry: 2000\n\n';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-accel-buffering': 'no',
} as const;

/** Why a stream of events could not begin. */
export type Refusal = Extract<StreamMessage, { type: 'error' }>;

/** One response that goes on. Nothing is written before the subscription is accepted. */
export class SseClient implements StreamSink {
  readonly transport = 'sse';
  private readonly response: ServerResponse;
  private readonly encoder: Encoder<StreamMessage>;
  private readonly begin: () => void;
  private session: StreamSession | null = null;
  private heartbeat: NodeJS.Timeout | null = null;
  private isOpen = false;
  private held: StreamMessage[] = [];
  private refusal: Refusal | null = null;

  /** `begin` is called before the first byte. */
  constructor(response: ServerResponse, encoder: Encoder<StreamMessage>, begin: () => void) {
    this.response = response;
    this.encoder = encoder;
    this.begin = begin;
  }

  get isFull(): boolean {
    return this.response.writableLength > FULL_BYTES;
  }

  /** Null: it goes. unavailable: there is no room. */
  open(stream: MarketStream, request: SubscribeRequest): Refusal | 'unavailable' | null {
    this.session = stream.open(this);
    if (this.session === null) return 'unavailable';
    if (this.session.subscribe(request)) {
      this.start();
      return null;
    }
    this.session.close();
    return this.refusal ?? 'unavailable';
  }

  send(message: StreamMessage): void {
    if (this.isOpen) this.write(this.encoder.bytesOf(message));
    else if (message.type === 'error') this.refusal = message;
    else this.held.push(message);
  }

  end(): void {
    if (this.response.writableLength > FULL_BYTES) this.response.destroy();
    else this.response.end();
  }

  private start(): void {
    const { response, session } = this;
    this.begin();
    response.writeHead(STATUS.ok, HEADERS);
    response.write(RETRY);
    response.on('drain', () => session?.drained());
    response.on('close', () => {
      if (this.heartbeat !== null) clearInterval(this.heartbeat);
      session?.close();
    });
    this.heartbeat = setInterval(() => {
      if (!this.isFull) response.write(HEARTBEAT);
    }, HEARTBEAT_MS);
    this.isOpen = true;
    for (const message of this.held) this.send(message);
    this.held = [];
  }

  private write(event: Buffer): void {
    if (this.response.writableEnded || this.response.destroyed) return;
    if (this.response.writableLength > BUFFERED_MAX_BYTES) this.response.destroy();
    else this.response.write(event);
  }
}
