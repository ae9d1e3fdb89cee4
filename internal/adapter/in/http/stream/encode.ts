import {
  type StreamMessage,
  TICK_FIELDS,
  type TickRows,
  type TopicData,
  type TopicMessage,
} from '../../../../application/port/in/market-stream.ts';

/** Said by the edge itself, beside what the stream says. */
export type EdgeMessage =
  | { readonly type: 'pong' }
  | {
      readonly type: 'error';
      readonly id: string | null;
      readonly code: 'bad_message' | 'rate_limited';
      readonly detail: string;
    };

const TEXT_FRAME = 0x81;

/** The message as JSON; ASCII but for what clients have sent. */
export function encodeJson(message: StreamMessage | EdgeMessage): string {
  switch (message.type) {
    case 'snapshot':
    case 'update':
      return topicJson(message);
    case 'subscribed':
    case 'unsubscribed':
    case 'error': {
      const { id, ...rest } = message;
      return JSON.stringify(id === null ? rest : { ...rest, id });
    }
    default:
      return JSON.stringify(message);
  }
}

function topicJson({ type, topic, seq, data, dropped, lost, refusedResume }: TopicMessage): string {
  let marks = '';
  if (dropped > 0) marks += `,"dropped":${dropped}`;
  if (lost > 0) marks += `,"lost":${lost}`;
  if (refusedResume) marks += ',"resumed":false';
  return `{"type":"${type}","topic":${JSON.stringify(topic)},"seq":${seq}${marks},"data":${dataJson(data)}}`;
}

function dataJson(data: TopicData): string {
  switch (data.channel) {
    case 'latest':
      return JSON.stringify(data.latest);
    case 'ticks':
      return ticksJson(data.ticks);
    case 'candles':
      return JSON.stringify(data.candles);
    case 'health':
      return JSON.stringify(data.health);
  }
}

/** By hand: `JSON.stringify` of objects made for it takes four times as long. */
function ticksJson({ count, values }: TickRows): string {
  let json = '[';
  for (let row = 0; row < count; row++) {
    const at = row * TICK_FIELDS;
    const quantity = values[at + 1] ?? Number.NaN;
    const tradeId = values[at + 2] ?? -1;
    json += `${row === 0 ? '' : ','}{"price":${values[at]},"quantity":${quantity >= 0 ? quantity : null},"tradeId":${tradeId >= 0 ? tradeId : null},"timestamp":${values[at + 3]},"receivedAt":${values[at + 4]}}`;
  }
  return `${json}]`;
}

/** A server's text frame, RFC 6455 section 5.2: whole, not masked, not compressed. */
export function textFrame(text: string): Buffer {
  const payloadBytes = Buffer.byteLength(text);
  const headBytes = payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headBytes + payloadBytes);
  frame[0] = TEXT_FRAME;
  if (headBytes === 2) frame[1] = payloadBytes;
  else if (headBytes === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(payloadBytes, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(payloadBytes), 2);
  }
  frame.write(text, headBytes);
  return frame;
}

/** A server-sent event; the id lets a client resume the topic of the last one. */
export function sseEvent(message: StreamMessage): string {
  const id = 'seq' in message ? `id: ${message.topic}@${message.seq}\n` : '';
  return `event: ${message.type}\n${id}data: ${encodeJson(message)}\n\n`;
}

/** Encodes a message that goes to many, one after the other, once. */
export class Encoder<T extends object> {
  private readonly encode: (message: T) => Buffer;
  private last: T | null = null;
  private bytes: Buffer = Buffer.alloc(0);

  constructor(encode: (message: T) => Buffer) {
    this.encode = encode;
  }

  bytesOf(message: T): Buffer {
    if (message === this.last) return this.bytes;
    const bytes = this.encode(message);
    this.last = message;
    this.bytes = bytes;
    return bytes;
  }
}
