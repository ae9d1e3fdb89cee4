import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type {
  MarketStream,
  StreamEnd,
  StreamMessage,
  StreamSession,
  StreamSink,
} from '../../../../application/port/in/market-stream.ts';
import { readClientMessage } from './client-message.ts';
import { type EdgeMessage, type Encoder, encodeJson, textFrame } from './encode.ts';
import { MessageRate } from './message-rate.ts';

/** RFC 6455 codes, and ours from 4000 on. */
export const CLOSE = {
  stopping: { code: 1001, reason: 'the service is stopping' },
  binary: { code: 1003, reason: 'messages are text' },
  policy: { code: 1008, reason: 'too many messages that are refused' },
  full: { code: 1013, reason: 'there are as many clients as there may be' },
  slow: { code: 4008, reason: 'too slow for what was subscribed to' },
  silent: { code: 4010, reason: 'no answer to a ping' },
} as const;

/**
 * So many bytes may be on their way, counted by pings among the messages that the client answers as it reads: a bound
 * for the kernel's buffers too, which `bufferedAmount` knows nothing of (2.5 MB a client on Linux).
 */
const WINDOW_BYTES = 128 * 1024;
const PING_EVERY_BYTES = 32 * 1024;
/** With this in our own buffers nothing more goes in; only answers to a client's own messages can fill them. */
const BUFFERED_MAX_BYTES = 1024 * 1024;
const PING_EVERY_MS = 20_000;
const PONG_WITHIN_MS = 10_000;
/** A client's own messages and pings. */
const MESSAGES_PER_SECOND = 20;
const MESSAGES_BURST = 60;
const REFUSED_MAX = 10;
/** For the client's close frame; then the connection is cut. */
const CLOSE_WITHIN_MS = 1_000;

/**
 * One WebSocket. Frames are written to the socket as they are, those of topics encoded once for all clients, and those
 * of one turn in one write: 2 µs of CPU a message where `ws.send` takes 8, with five messages a turn and 500 clients
 * reading; with one message a turn both take 9, for the write itself.
 */
export class WebSocketClient implements StreamSink {
  readonly transport = 'websocket';
  private readonly ws: WebSocket;
  private readonly socket: Socket;
  private readonly encoder: Encoder<StreamMessage>;
  private readonly nowMs: () => number;
  private readonly rate: MessageRate;
  private session: StreamSession | null = null;
  private slowMs = 0;
  private isCorked = false;
  private refused = 0;
  /** Bytes given to the socket, and how many of them the client is known to have read. */
  private sentBytes = 0;
  private readBytes = 0;
  private pingedBytes = 0;
  private pingedAtMs: number;
  /** Of the oldest ping without an answer; null = there is none. */
  private waitsSinceMs: number | null = null;

  constructor(ws: WebSocket, socket: Socket, encoder: Encoder<StreamMessage>, nowMs: () => number) {
    this.ws = ws;
    this.socket = socket;
    this.encoder = encoder;
    this.nowMs = nowMs;
    this.pingedAtMs = nowMs();
    this.rate = new MessageRate(MESSAGES_PER_SECOND, MESSAGES_BURST, nowMs());
    ws.on('message', (data, isBinary) => this.take(String(data), isBinary));
    ws.on('ping', (data) => this.answerPing(data));
    ws.on('pong', (data) => this.notePong(String(data)));
    // The close event follows.
    ws.on('error', () => undefined);
    ws.on('close', () => this.session?.close());
  }

  /** False: there is no room. */
  open(stream: MarketStream): boolean {
    this.slowMs = stream.limits.slowMs;
    this.session = stream.open(this);
    return this.session !== null;
  }

  get isFull(): boolean {
    return this.sentBytes - this.readBytes > WINDOW_BYTES;
  }

  send(message: StreamMessage): void {
    this.write(this.encoder.bytesOf(message));
  }

  end(cause: StreamEnd): void {
    this.close(CLOSE[cause]);
  }

  /** About once a second: pings who is idle, and ends who does not answer. */
  check(nowMs: number): void {
    const { isFull } = this;
    const withinMs = isFull ? Math.max(PONG_WITHIN_MS, this.slowMs) : PONG_WITHIN_MS;
    if (this.waitsSinceMs !== null && nowMs - this.waitsSinceMs > withinMs) {
      this.close(isFull ? CLOSE.slow : CLOSE.silent);
      this.session?.close();
    } else if (nowMs - this.pingedAtMs >= PING_EVERY_MS) this.ping();
  }

  cut(): void {
    this.ws.terminate();
  }

  private take(text: string, isBinary: boolean): void {
    if (isBinary) {
      this.close(CLOSE.binary);
      return;
    }
    if (!this.rate.take(this.nowMs())) {
      this.refuse({ type: 'error', id: null, code: 'rate_limited', detail: RATE_DETAIL });
      return;
    }
    const message = readClientMessage(text);
    switch (message.op) {
      case 'subscribe':
        this.session?.subscribe(message.request);
        break;
      case 'unsubscribe':
        this.session?.unsubscribe(message.id, message.selection);
        break;
      case 'ping':
        this.say({ type: 'pong' });
        break;
      case 'bad':
        this.refuse({ type: 'error', id: message.id, code: 'bad_message', detail: message.detail });
    }
  }

  private refuse(error: EdgeMessage): void {
    this.say(error);
    this.refused++;
    if (this.refused >= REFUSED_MAX) this.close(CLOSE.policy);
  }

  private say(message: EdgeMessage): void {
    this.write(textFrame(encodeJson(message)));
  }

  private write(frame: Buffer): void {
    if (this.ws.readyState !== WebSocket.OPEN) return;
    if (this.socket.writableLength > BUFFERED_MAX_BYTES) {
      this.close(CLOSE.slow);
      return;
    }
    if (!this.isCorked) {
      this.isCorked = true;
      this.socket.cork();
      process.nextTick(this.uncork);
    }
    this.socket.write(frame);
    this.sentBytes += frame.byteLength;
    if (this.sentBytes - this.pingedBytes >= PING_EVERY_BYTES) this.ping();
  }

  private readonly uncork = (): void => {
    this.isCorked = false;
    this.socket.uncork();
  };

  private ping(): void {
    if (this.ws.readyState !== WebSocket.OPEN) return;
    this.pingedBytes = this.sentBytes;
    this.pingedAtMs = this.nowMs();
    this.waitsSinceMs ??= this.pingedAtMs;
    this.ws.ping(String(this.sentBytes));
  }

  /** A client may answer the last of several pings only; pongs that answer none change nothing. */
  private notePong(payload: string): void {
    const bytes = /^\d{1,16}$/.test(payload) ? Number(payload) : -1;
    if (bytes < this.readBytes || bytes > this.pingedBytes) return;
    const wasFull = this.isFull;
    this.readBytes = bytes;
    this.waitsSinceMs = bytes === this.pingedBytes ? null : this.nowMs();
    if (wasFull && !this.isFull) this.session?.drained();
  }

  private answerPing(data: Buffer): void {
    if (!this.rate.take(this.nowMs())) {
      this.refuse({ type: 'error', id: null, code: 'rate_limited', detail: RATE_DETAIL });
    } else if (this.ws.readyState === WebSocket.OPEN) {
      this.ws.pong(data);
      this.sentBytes += data.byteLength;
    }
  }

  private close({ code, reason }: { readonly code: number; readonly reason: string }): void {
    if (this.ws.readyState !== WebSocket.OPEN) return;
    this.ws.close(code, reason);
    setTimeout(() => this.ws.terminate(), CLOSE_WITHIN_MS).unref();
  }
}

const RATE_DETAIL = `at most ${MESSAGES_PER_SECOND} messages a second, ${MESSAGES_BURST} at once`;
