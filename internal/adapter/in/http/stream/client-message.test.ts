import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readClientMessage } from './client-message.ts';
import { MessageRate } from './message-rate.ts';

const one = { op: 'subscribe', id: 'a', channel: 'latest', exchanges: ['x'], symbols: ['A', 'B'] };

test('subscribe, unsubscribe and ping', () => {
  assert.deepEqual(readClientMessage(JSON.stringify({ ...one, resume: { 'latest:x:A': 5 } })), {
    op: 'subscribe',
    request: {
      ...{ id: 'a', channel: 'latest', exchanges: ['x'], symbols: ['A', 'B'] },
      resume: new Map([['latest:x:A', 5]]),
    },
  });
  assert.deepEqual(readClientMessage(JSON.stringify({ ...one, op: 'unsubscribe', resume: {} })), {
    ...{ op: 'unsubscribe', id: 'a' },
    selection: { channel: 'latest', exchanges: ['x'], symbols: ['A', 'B'] },
  });
  assert.equal(readClientMessage('{"op":"subscribe","channel":"health"}').op, 'subscribe');
  assert.deepEqual(readClientMessage(' {"op":"ping"} '), { op: 'ping' });
});

test('what is no message is bad, says where, and names the request if that has a proper name', () => {
  const bad = (message: unknown) => {
    const read = readClientMessage(typeof message === 'string' ? message : JSON.stringify(message));
    assert.ok(read.op === 'bad', JSON.stringify(message));
    return [read.id, read.detail.split(':')[0]];
  };
  assert.deepEqual(bad(''), [null, 'not JSON']);
  assert.deepEqual(bad({ ...one, channel: 5 }), ['a', 'channel']);
  assert.deepEqual(bad({ ...one, symbols: [] }), ['a', 'symbols']);
  assert.deepEqual(bad({ ...one, symbols: ['x'.repeat(33)] }), ['a', 'symbols.0']);
  assert.deepEqual(bad({ ...one, symbols: undefined }), ['a', 'exchanges and symbols']);
  assert.deepEqual(bad({ ...one, resume: { t: 1.5 } }), ['a', 'resume.t']);
  assert.deepEqual(bad({ ...one, id: 'x'.repeat(65) }), [null, 'id']);
  assert.equal(bad({ ...one, op: 'fly' })[0], 'a');
  assert.equal(bad({ ...one, more: 1 })[0], 'a');
  for (const message of ['null', '[]', '5', '"subscribe"', '{}', '{"op":{}}']) assert.equal(bad(message)[0], null);
});

test('no text makes it throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => readClientMessage(text).op === 'bad'));
});

test('a rate: so many at once, then so many a second; a clock that goes back gives nothing', () => {
  const rate = new MessageRate(2, 3, 0);
  const taken = (nowMs: number, tries = 10) =>
    Array.from({ length: tries }, () => rate.take(nowMs)).filter(Boolean).length;
  assert.equal(taken(0), 3);
  assert.equal(taken(499), 0);
  assert.equal(taken(1_000), 2);
  assert.equal(taken(500), 0);
  assert.equal(taken(60_000), 3);
});
