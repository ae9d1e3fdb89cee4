/**
 * Subscribers of the fan-out benchmark, in a process of their own: `URL COUNT CHANNEL`. They answer pings and count
 * frames without looking into them; the first also measures how old each tick is. After a line on stdin it prints
 * what came since the line before.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { quantile } from './figures.ts';

const [url = '', count = '1', channel = 'ticks'] = process.argv.slice(2);
const { hostname, port, host } = new URL(url);
const OPCODE_TEXT = 1;
const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const OPCODE_PONG = 10;

let messages = 0;
let closes = 0;
const delaysMs: number[] = [];

/** A client's frame of up to 125 bytes; masked with zeros, which is a mask too. */
function frameOf(opcode: number, payload: Buffer): Buffer {
  const head =
    payload.length < 126 ? [payload.length | 0x80] : [126 | 0x80, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...head, 0, 0, 0, 0]), payload]);
}

function measure(payload: Buffer): void {
  const { type, data } = JSON.parse(payload.toString()) as { type: string; data: { timestamp: number }[] };
  if (type !== 'update') return;
  const nowMs = Date.now();
  for (const { timestamp } of [data].flat()) delaysMs.push(nowMs - timestamp);
}

class Subscriber {
  private readonly socket: Socket;
  private readonly measures: boolean;
  private rest: Buffer = Buffer.alloc(0);
  private isOpen = false;

  constructor(socket: Socket, measures: boolean) {
    this.socket = socket;
    this.measures = measures;
    socket.on('data', (bytes) => this.take(bytes as Buffer));
    socket.on('error', () => undefined);
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    socket.write(
      `GET /v1/stream HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`,
    );
    const request = { op: 'subscribe', channel, exchanges: ['probe'], symbols: ['BTCUSDT'] };
    socket.write(frameOf(OPCODE_TEXT, Buffer.from(JSON.stringify(request))));
  }

  private take(bytes: Buffer): void {
    let input = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    if (!this.isOpen) {
      const end = input.indexOf('\r\n\r\n');
      this.isOpen = end >= 0;
      input = this.isOpen ? input.subarray(end + 4) : input;
    }
    let at = 0;
    while (this.isOpen && at + 2 <= input.length) {
      const short = (input[at + 1] ?? 0) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (at + head > input.length) break;
      const size =
        short < 126 ? short : short === 126 ? input.readUInt16BE(at + 2) : Number(input.readBigUInt64BE(at + 2));
      if (at + head + size > input.length) break;
      this.frame((input[at] ?? 0) & 0x0f, input.subarray(at + head, at + head + size));
      at += head + size;
    }
    this.rest = Buffer.from(input.subarray(at));
  }

  private frame(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE_PING) this.socket.write(frameOf(OPCODE_PONG, payload));
    else if (opcode === OPCODE_CLOSE) closes++;
    else {
      messages++;
      if (this.measures) measure(payload);
    }
  }
}

for (let i = 0; i < Number(count); i++) {
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  await once(socket, 'connect');
  new Subscriber(socket, i === 0);
}
process.stdout.write('connected\n');
createInterface({ input: process.stdin }).on('line', () => {
  const report = {
    messages,
    closes,
    p50: quantile(delaysMs, 0.5),
    p99: quantile(delaysMs, 0.99),
    ticks: delaysMs.length,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  messages = 0;
  delaysMs.length = 0;
});
