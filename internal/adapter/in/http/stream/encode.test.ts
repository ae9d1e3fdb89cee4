import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamMessage, TopicData } from '../../../../application/port/in/market-stream.ts';
import { LATEST } from '../test-server.ts';
import { Encoder, encodeJson, sseEvent, textFrame } from './encode.ts';

const topic = (data: TopicData, more: object = {}): StreamMessage => ({
  ...{ type: 'update', topic: 'latest:exchange1:BTC"USDT', seq: 1_740_411_234_567_001, data },
  ...{ dropped: 0, lost: 0, refusedResume: false, ...more },
});

const decoded = (message: StreamMessage) => JSON.parse(encodeJson(message));

test('messages of topics: data by channel, and what is not so is left out', () => {
  assert.deepEqual(decoded(topic({ channel: 'latest', latest: LATEST })), {
    ...{ type: 'update', topic: 'latest:exchange1:BTC"USDT', seq: 1_740_411_234_567_001, data: LATEST },
  });
  const { dropped, lost, resumed, data } = decoded(
    topic({ channel: 'latest', latest: null }, { type: 'snapshot', dropped: 3, lost: 4, refusedResume: true }),
  );
  assert.deepEqual([dropped, lost, resumed, data], [3, 4, false, null]);
});

test('ticks: numbers to the last digit, null for what the feed does not send', () => {
  const values = new Float64Array([
    0.1 + 0.2,
    0,
    0,
    1_000,
    1_001,
    1e-7,
    Number.NaN,
    -1,
    2_000,
    2_001,
    9e21,
    5e-324,
    2 ** 53 - 1,
    3,
    4,
  ]);
  const { data } = decoded(topic({ channel: 'ticks', ticks: { count: 3, values } }));
  assert.deepEqual(data, [
    { price: 0.1 + 0.2, quantity: 0, tradeId: 0, timestamp: 1_000, receivedAt: 1_001 },
    { price: 1e-7, quantity: null, tradeId: null, timestamp: 2_000, receivedAt: 2_001 },
    { price: 9e21, quantity: 5e-324, tradeId: 2 ** 53 - 1, timestamp: 3, receivedAt: 4 },
  ]);
  assert.deepEqual(decoded(topic({ channel: 'ticks', ticks: { count: 0, values } })).data, []);
});

test('an answer names the request only if that had a name', () => {
  assert.deepEqual(decoded({ type: 'subscribed', id: null, topics: [] }), { type: 'subscribed', topics: [] });
  assert.deepEqual(decoded({ type: 'error', id: '', code: 'unknown_symbol', detail: 'x' }).id, '');
});

test('text frames: each of the three forms of the length, and bytes instead of characters', () => {
  for (const [text, head] of [
    ['', [0x81, 0]],
    ['x'.repeat(125), [0x81, 125]],
    ['x'.repeat(126), [0x81, 126, 0, 126]],
    ['é'.repeat(63), [0x81, 126, 0, 126]],
    ['x'.repeat(65_535), [0x81, 126, 255, 255]],
    ['x'.repeat(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ] as const) {
    const frame = textFrame(text);
    assert.deepEqual([...frame.subarray(0, head.length)], [...head]);
    assert.equal(frame.toString('utf8', head.length), text);
  }
});

test('events are named, and have an id where there is a sequence', () => {
  const event = sseEvent(topic({ channel: 'latest', latest: null }));
  assert.match(event, /^event: update\nid: latest:exchange1:BTC"USDT@1740411234567001\ndata: \{.*\}\n\n$/);
  assert.match(sseEvent({ type: 'mode', mode: 'live', epoch: 2 }), /^event: mode\ndata: \{.*\}\n\n$/);
});

test('a message for many is encoded once', () => {
  let times = 0;
  const encoder = new Encoder<object>((message) => {
    times++;
    return Buffer.from(JSON.stringify(message));
  });
  const [a, b] = [{ a: 1 }, { b: 2 }];
  assert.equal(encoder.bytesOf(a), encoder.bytesOf(a));
  assert.equal(String(encoder.bytesOf(b)), '{"b":2}');
  assert.equal(String(encoder.bytesOf(a)), '{"a":1}');
  assert.equal(times, 3);
});
