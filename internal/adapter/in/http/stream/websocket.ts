import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { MarketStream, StreamMessage } from '../../../../application/port/in/market-stream.ts';
import { isOwnOrigin } from '../origin.ts';
import { type ProblemCode, rawProblem } from '../problem.ts';
import { endAndLinger, type ObserveWire } from '../wire-errors.ts';
import { Encoder, encodeJson, textFrame } from './encode.ts';
import { CLOSE, WebSocketClient } from './websocket-client.ts';

export const WEBSOCKET_PATH = '/v1/stream';
/** Of a client's message. */
const PAYLOAD_MAX_BYTES = 4 * 1024;
const CHECK_EVERY_MS = 1_000;
/** Clients have so long for their part of the close. */
const CLOSE_GRACE_MS = 500;

export interface WebSocketParts {
  readonly stream: MarketStream;
  readonly nowMs: () => number;
  readonly observeWire: ObserveWire;
  readonly observeUpgrade: () => void;
}

/** Requests for other paths, and other upgrades, are answered as if they did not ask for one. */
export function isStreamUpgrade(request: IncomingMessage): boolean {
  return pathOf(request) === WEBSOCKET_PATH && request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** `GET /v1/stream`: from the upgrade to the close. */
export class WebSocketEndpoint {
  private readonly parts: WebSocketParts;
  private readonly clients = new Set<WebSocketClient>();
  private readonly encoder = new Encoder<StreamMessage>((message) => textFrame(encodeJson(message)));
  private readonly wss = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: PAYLOAD_MAX_BYTES,
  });
  private timer: NodeJS.Timeout | null = null;

  constructor(server: Server, parts: WebSocketParts) {
    this.parts = parts;
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.upgrade(request, socket as Socket, head);
    });
    this.wss.on('wsClientError', (error, socket) => this.refuse(socket, 'bad_request', `${error.message}.`));
  }

  /** Cuts those who are still there after the grace time; the stream has told them before. */
  async close(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    const endAtMs = performance.now() + CLOSE_GRACE_MS;
    while (this.clients.size > 0 && performance.now() < endAtMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const client of this.clients) client.cut();
  }

  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const refusal = this.refusalOf(request);
    if (refusal === null) this.wss.handleUpgrade(request, socket, head, (ws) => this.admit(ws, socket));
    else this.refuse(socket, refusal);
  }

  private refusalOf(request: IncomingMessage): ProblemCode | null {
    if (request.headers.host === undefined || !isStreamUpgrade(request)) return 'bad_request';
    if (!isOwnOrigin(request)) return 'forbidden_origin';
    if (request.url !== WEBSOCKET_PATH) return 'unknown_parameter';
    return this.clients.size >= this.parts.stream.limits.clients ? 'unavailable' : null;
  }

  private admit(ws: WebSocket, socket: Socket): void {
    const client = new WebSocketClient(ws, socket, this.encoder, this.parts.nowMs);
    if (!client.open(this.parts.stream)) {
      ws.close(CLOSE.full.code, CLOSE.full.reason);
      return;
    }
    this.parts.observeUpgrade();
    this.clients.add(client);
    ws.on('close', () => this.clients.delete(client));
    this.timer ??= setInterval(() => this.checkAll(), CHECK_EVERY_MS);
  }

  private checkAll(): void {
    const nowMs = this.parts.nowMs();
    for (const client of this.clients) client.check(nowMs);
    if (this.clients.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private refuse(socket: Duplex, code: ProblemCode, detail?: string): void {
    this.parts.observeWire(code);
    endAndLinger(socket, rawProblem(code, code === 'unavailable' ? ['Retry-After: 1'] : [], detail));
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}
