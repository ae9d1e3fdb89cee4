import type { StreamLimits } from '../../../../application/port/in/market-stream.ts';
import { candlePage, tickPage } from '../candle-schemas.ts';
import { type JsonSchema, jsonSchema, latestPrice } from '../schemas.ts';
import { healthReport } from '../system-schemas.ts';
import { pingMessage, subscribeMessage, unsubscribeMessage } from './client-message.ts';

/** One kind of message, as the document and the page show it. */
export interface DocumentedMessage {
  readonly name: string;
  readonly from: 'client' | 'server';
  readonly summary: string;
  readonly payload: JsonSchema;
  readonly example: object;
}

const TEXT: JsonSchema = { type: 'string' };
const WHOLE: JsonSchema = { type: 'integer' };
const TOPIC: JsonSchema = {
  type: 'string',
  description: 'latest:exchange1:BTCUSDT, candles:1m:…, ticks:…, or health.',
};
const SEQ: JsonSchema = {
  type: 'integer',
  description:
    'Of this topic, the same for all clients; rises by 1 with each update. Never used again after a restart.',
};
const ID: JsonSchema = { type: 'string', description: 'That of the message which this answers, if it had one.' };
const MODE: JsonSchema = { type: 'string', enum: ['live', 'test'] };
const TOPICS: JsonSchema = { type: 'array', items: TEXT };

const DATA: Readonly<Record<string, JsonSchema>> = {
  latest: { anyOf: [withoutId(latestPrice), { type: 'null' }], description: 'Null: no tick yet.' },
  candles: propertyOf(candlePage, 'candles', 'Ascending. Each replaces what is known of the same openTime.'),
  ticks: propertyOf(tickPage, 'ticks', 'Every counted tick in the order of its exchange; empty in a snapshot.'),
  health: {
    type: 'object',
    description: 'About once a second.',
    properties: {
      status: { type: 'string', enum: ['ok', 'degraded', 'down'] },
      ticksPerSecond: { type: 'number', description: 'Of all sources, mean over the last five seconds.' },
      sources: propertyOf(healthReport, 'sources', 'As in GET /health.'),
    },
    required: ['status', 'ticksPerSecond', 'sources'],
  },
};

const TOPIC_PROPERTIES: Readonly<Record<string, JsonSchema>> = {
  topic: TOPIC,
  seq: SEQ,
  data: { anyOf: Object.values(DATA), description: 'By channel: latest, candles, ticks, health.' },
};

const DROPPED: Readonly<Record<string, JsonSchema>> = {
  dropped: {
    type: 'integer',
    description:
      'Updates since the last message that this client was too slow for, or too long away; data holds what still counts of them. Absent: 0.',
  },
  lost: {
    type: 'integer',
    description: 'Of ticks: how many came since the last message and are in none. Absent: 0.',
  },
};

const TOPIC_EXAMPLE = { topic: 'latest:exchange1:BTCUSDT', seq: 1_740_411_234_567_001 };
const LATEST_EXAMPLE = {
  exchange: 'exchange1',
  symbol: 'BTCUSDT',
  price: 67_321.5,
  timestamp: 1_740_411_234_567,
  receivedAt: 1_740_411_234_570,
  ageMs: 3,
  status: 'live',
};

export function documentedMessages(limits: StreamLimits): readonly DocumentedMessage[] {
  const names = { exchanges: ['exchange1'], symbols: ['BTCUSDT'] };
  const server = 'server' as const;
  const client = 'client' as const;
  return [
    {
      ...{ name: 'subscribe', from: client, payload: jsonSchema(subscribeMessage) },
      summary: 'Begin topics: a snapshot of each comes first, or, with resume, what followed the sequence given.',
      example: { op: 'subscribe', id: 'prices', channel: 'latest', ...names },
    },
    {
      ...{ name: 'unsubscribe', from: client, payload: jsonSchema(unsubscribeMessage) },
      summary: 'End topics. With a * it ends all topics that match, and the wildcard of the same lists.',
      example: { op: 'unsubscribe', id: 'prices', channel: 'latest', ...names },
    },
    {
      ...{ name: 'ping', from: client, payload: jsonSchema(pingMessage), example: { op: 'ping' } },
      summary: 'For clients that cannot send ping frames.',
    },
    {
      ...{ name: 'welcome', from: server, summary: 'The first message.' },
      payload: object('welcome', {
        session: { type: 'string', description: 'Names the connection.' },
        mode: MODE,
        epoch: WHOLE,
        limits: object(null, Object.fromEntries(Object.keys(limits).map((name) => [name, WHOLE]))),
      }),
      example: { type: 'welcome', session: '0f7c…', mode: 'test', epoch: 1, limits },
    },
    {
      ...{ name: 'subscribed', from: server, payload: object('subscribed', { topics: TOPICS }, { id: ID }) },
      summary: 'Answers subscribe, before the first message of any of the topics.',
      example: { type: 'subscribed', topics: ['latest:exchange1:BTCUSDT'], id: 'prices' },
    },
    {
      ...{ name: 'unsubscribed', from: server, payload: object('unsubscribed', { topics: TOPICS }, { id: ID }) },
      summary: 'Answers unsubscribe: nothing comes of these topics any more.',
      example: { type: 'unsubscribed', topics: ['latest:exchange1:BTCUSDT'], id: 'prices' },
    },
    {
      ...{ name: 'snapshot', from: server, summary: 'The state in full, in place of all that was known of the topic.' },
      payload: object('snapshot', TOPIC_PROPERTIES, {
        ...DROPPED,
        resumed: { const: false, description: 'A resume was asked for and is not possible.' },
      }),
      example: { type: 'snapshot', ...TOPIC_EXAMPLE, data: LATEST_EXAMPLE },
    },
    {
      ...{ name: 'update', from: server, payload: object('update', TOPIC_PROPERTIES, DROPPED) },
      summary: 'What has changed. seq = that of the message before + 1 + dropped.',
      example: { type: 'update', ...TOPIC_EXAMPLE, seq: TOPIC_EXAMPLE.seq + 3, dropped: 2, data: LATEST_EXAMPLE },
    },
    {
      ...{ name: 'resumed', from: server, payload: object('resumed', { topic: TOPIC, seq: SEQ }) },
      summary: 'Goes on from the sequence that was given; what followed it comes now.',
      example: { type: 'resumed', ...TOPIC_EXAMPLE },
    },
    {
      ...{ name: 'mode', from: server, payload: object('mode', { mode: MODE, epoch: WHOLE }) },
      summary: 'The mode was switched: what is known is of the other one. A snapshot of every topic follows.',
      example: { type: 'mode', mode: 'live', epoch: 2 },
    },
    {
      ...{ name: 'error', from: server, summary: 'A message was refused, and nothing of it was done.' },
      payload: object(
        'error',
        { code: { type: 'string', enum: Object.keys(ERROR_CODES) }, detail: TEXT },
        { id: { ...ID } },
      ),
      example: { type: 'error', code: 'unknown_symbol', detail: 'symbol "NOPE" is not known', id: 'prices' },
    },
    {
      ...{ name: 'pong', from: server, payload: object('pong', {}), example: { type: 'pong' } },
      summary: 'Answers ping.',
    },
  ];
}

export const ERROR_CODES = {
  bad_message: 'Not JSON, or not one of the messages here. After 10 refusals the connection is closed.',
  rate_limited: 'More than 20 messages a second, pings included. Counts as a refusal too.',
  unknown_channel: 'No such channel, or an interval that is not kept.',
  unknown_exchange: 'The mode in force has no such exchange.',
  unknown_symbol: 'The symbol is not known.',
  too_many_topics: 'With these, the client would have more topics than limits.topics.',
  too_many_wildcards: 'The client has limits.wildcards selections with * already.',
} as const;

export function asyncApiDocument(version: string, limits: StreamLimits): object {
  const messages = documentedMessages(limits);
  const references = (from: 'client' | 'server') =>
    messages.filter((one) => one.from === from).map(({ name }) => ({ $ref: `#/channels/stream/messages/${name}` }));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'MarketFlow streams',
      version,
      description: 'GET /v1/stream: JSON text frames. GET /v1/stream/sse has the same messages as server-sent events.',
    },
    channels: {
      stream: {
        address: '/v1/stream',
        messages: Object.fromEntries(messages.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: 'GET' } },
      },
    },
    operations: {
      ask: { action: 'receive', channel: { $ref: '#/channels/stream' }, messages: references('client') },
      tell: { action: 'send', channel: { $ref: '#/channels/stream' }, messages: references('server') },
    },
    components: {
      messages: Object.fromEntries(
        messages.map(({ name, summary, payload, example }) => [
          name,
          { name, summary, contentType: 'application/json', payload, examples: [{ payload: example }] },
        ]),
      ),
    },
  };
}

/** `type` null: an object inside a message. */
function object(
  type: string | null,
  required: Readonly<Record<string, JsonSchema>>,
  optional: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  const properties = { ...(type === null ? {} : { type: { const: type } }), ...required };
  return { type: 'object', properties: { ...properties, ...optional }, required: Object.keys(properties) };
}

function withoutId({ $id: _, ...schema }: JsonSchema): JsonSchema {
  return schema;
}

function propertyOf(schema: JsonSchema, name: string, description: string): JsonSchema {
  const { [name]: property } = schema['properties'] as Readonly<Record<string, JsonSchema>>;
  return { ...property, description };
}
