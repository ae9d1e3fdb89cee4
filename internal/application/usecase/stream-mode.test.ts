import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latestOf, pricesOf, StreamRig } from './stream.test-kit.ts';

test('a switch of the mode: told at once, then snapshots of the other mode; nothing of the old one comes later', () => {
  const rig = new StreamRig();
  rig.prices([5]);
  const sink = rig.connect();
  sink.subscribe('latest', ['one', 'two']);
  sink.subscribe('ticks');
  sink.subscribe('candles:1m', ['*'], ['*']);
  rig.turn();
  const before = new Map(sink.seen);
  sink.take();
  rig.prices([6]);
  rig.switchTo('test');
  const messages = sink.take();
  const at = messages.findIndex(({ type }) => type === 'mode');
  assert.deepEqual(messages[at], { type: 'mode', mode: 'test', epoch: 2 });
  const after = messages.slice(at + 1).filter((message) => 'data' in message);
  assert.deepEqual(new Set(after.map(({ type }) => type)), new Set(['snapshot']));
  const named = [...before.keys()].filter((topic) => !topic.startsWith('candles'));
  assert.deepEqual(new Set(after.map(({ topic }) => topic)), new Set(named));
  assert.equal(latestOf(after.find(({ topic }) => topic === 'latest:one:A')), null);
  for (const { topic, seq } of after) assert.ok(seq > before.get(topic)! + 1, topic);
  rig.ticks([{ symbol: 0, price: 7, atMs: rig.clock.ms }], { epoch: 1 });
  rig.turn();
  assert.deepEqual(sink.take(), []);
  rig.prices([8], 0, 2);
  rig.turn();
  const updates = sink.takeTopics();
  assert.deepEqual(pricesOf(updates), [8]);
  assert.equal(latestOf(updates.find(({ topic }) => topic === 'latest:one:A')), 8);
});

test('nothing of the other mode comes before the switch is told', () => {
  const rig = new StreamRig();
  rig.switchTo('test');
  rig.prices([100], 0, 2);
  rig.switchTo('live');
  rig.prices([5]);
  const sink = rig.connect();
  sink.subscribe('latest');
  sink.subscribe('candles:1m');
  // Of this pair there is nothing in the mode in force.
  rig.switchTo('test');
  rig.prices([101], 1, 2);
  rig.switchTo('live');
  sink.subscribe('latest', ['one'], ['B']);
  sink.subscribe('candles:1m', ['one'], ['B']);
  rig.turn();
  sink.take();
  rig.prices([6]);
  rig.switchTo('test');
  const messages = sink.take();
  const before = messages.slice(
    0,
    messages.findIndex(({ type }) => type === 'mode'),
  );
  const closes = before.flatMap((message) =>
    'data' in message && message.data.channel === 'candles' ? message.data.candles.map(({ close }) => close) : [],
  );
  assert.deepEqual(closes, [6]);
  assert.deepEqual(
    before.filter((message) => 'data' in message && message.data.channel === 'latest'),
    [],
  );
});

test('after a switch * is the pairs of the mode in force', () => {
  const rig = new StreamRig();
  rig.prices([5]);
  rig.prices([5], 1, 1);
  const sink = rig.connect();
  sink.subscribe('latest', ['*'], ['*']);
  rig.switchTo('test');
  rig.prices([6], 2, 2);
  rig.turn(300);
  sink.take();
  const later = rig.connect();
  later.subscribe('latest', ['*'], ['*']);
  assert.deepEqual(
    later.takeTopics().map(({ topic }) => topic),
    ['latest:one:C'],
  );
  assert.ok(sink.seen.has('latest:one:C'));
});

test('pairs of the mode before take no place from those of the mode in force', () => {
  const rig = new StreamRig({ topics: 3 });
  for (const symbol of [0, 1]) rig.prices([5], symbol);
  const sink = rig.connect();
  sink.subscribe('latest', ['*'], ['*']);
  sink.subscribe('latest', ['one'], ['A']);
  sink.take();
  rig.switchTo('test');
  for (const symbol of [2, 3]) rig.prices([6], symbol, 2);
  rig.turn(300);
  const messages = sink.take();
  assert.deepEqual(
    messages.filter(({ type }) => type === 'error'),
    [],
  );
  assert.deepEqual(
    messages.flatMap((message) => ('data' in message ? [[message.topic, latestOf(message)]] : [])),
    [
      ['latest:one:A', null],
      ['latest:one:C', 6],
      ['latest:one:D', 6],
    ],
  );
  rig.switchTo('live');
  assert.deepEqual(
    sink.takeTopics().map(({ topic }) => topic),
    ['latest:one:A', 'latest:one:B'],
  );
});
