import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latestOf, pricesOf, StreamRig } from './stream.test-kit.ts';

test('a subscription is confirmed, starts with a snapshot, and goes on with updates in sequence', () => {
  const rig = new StreamRig();
  rig.prices([5]);
  const sink = rig.connect();
  assert.equal(sink.subscribe('latest', ['ONE'], ['a']), true);
  const [welcome, subscribed, snapshot] = sink.take();
  assert.deepEqual(welcome, {
    ...{ type: 'welcome', session: 'session', mode: 'live', epoch: 1, limits: rig.hub.limits },
  });
  assert.deepEqual(subscribed, { type: 'subscribed', id: 'x', topics: ['latest:one:A'] });
  assert.ok(snapshot?.type === 'snapshot');
  assert.equal(latestOf(snapshot), 5);
  rig.turn();
  assert.deepEqual(sink.take(), [], 'nothing has changed');
  rig.prices([6, 7]);
  rig.prices([8]);
  rig.turn();
  rig.prices([9]);
  rig.turn();
  const updates = sink.takeTopics();
  assert.deepEqual(updates.map(latestOf), [8, 9], 'one update a turn');
  assert.deepEqual(
    updates.map(({ seq }) => seq - snapshot.seq),
    [1, 2],
  );
});

test('one message is made for all who are there', () => {
  const rig = new StreamRig();
  const sinks = [rig.connect(), rig.connect()];
  for (const sink of sinks) sink.subscribe('ticks');
  for (const sink of sinks) sink.take();
  rig.prices([1, 2]);
  rig.turn();
  const [first, second] = sinks.map((sink) => sink.take());
  assert.equal(first!.length, 1);
  assert.equal(first![0], second![0]);
});

test('ticks are those that counted: no late, double or stale one, no other pair or mode', () => {
  const rig = new StreamRig();
  const sink = rig.connect();
  sink.subscribe('ticks', ['one', 'two'], ['A']);
  const atMs = rig.clock.ms;
  const one = (price: number, tradeId: number, at = atMs) => ({ symbol: 0, price, atMs: at, tradeId, quantity: 2 });
  rig.ticks([one(1, 1), one(2, 1), one(3, 2, atMs - 500_000), { ...one(4, 1), symbol: 1 }, one(5, 3)]);
  rig.ticks([one(6, 4)], { epoch: 0 });
  rig.ticks([one(7, 1)], { source: 1 });
  rig.turn();
  const updates = sink.takeTopics().filter(({ type }) => type === 'update');
  assert.deepEqual(
    updates.map((update) => [update.topic, pricesOf([update])]),
    [
      ['ticks:one:A', [1, 5]],
      ['ticks:two:A', [7]],
    ],
  );
  const { data } = updates[0]!;
  assert.ok(data.channel === 'ticks');
  assert.deepEqual([...data.ticks.values.slice(0, 5)], [1, 2, 1, atMs, rig.clock.ms - 20]);
});

test('without a subscriber to ticks no tick is looked at', () => {
  const rig = new StreamRig();
  rig.connect().subscribe('latest', ['*'], ['*']);
  const columns = new Proxy({} as never, { get: (_, name) => assert.fail(`batch.${String(name)} was read`) });
  rig.tap.folded({ kind: 'ticks', batch: columns });
});

test('whether a new pair is wanted is asked once, however often others begin and end', () => {
  const rig = new StreamRig();
  const sink = rig.connect();
  sink.subscribe('ticks', ['*'], ['A']);
  let asked = 0;
  const { onNewPair } = rig.tap;
  rig.tap.onNewPair = (exchange, symbol) => {
    asked++;
    onNewPair(exchange, symbol);
  };
  const round = () => {
    for (const source of [0, 1]) rig.prices([5], 1, source);
    rig.prices([6], 0, 1);
    rig.turn();
  };
  round();
  assert.equal(asked, 3);
  for (let i = 0; i < 3; i++) {
    sink.subscribe('ticks', ['one'], ['B']);
    round();
    sink.session.unsubscribe(null, { channel: 'ticks', exchanges: ['one'], symbols: ['B'] });
    rig.turn(31_000);
    round();
  }
  // That of the pair whose topic was over, each time.
  assert.equal(asked, 6);
  assert.equal(pricesOf(sink.takeTopics().filter(({ topic }) => topic === 'ticks:one:B')).length, 3);
});

test('candles: a snapshot, then those that changed, closed and revised ones included', () => {
  const rig = new StreamRig();
  rig.prices([5]);
  const sink = rig.connect();
  sink.subscribe('candles:1m');
  const states = () =>
    sink.takeTopics().map(({ type, data }) => {
      assert.ok(data.channel === 'candles');
      return [type, ...data.candles.map(({ state, count, revision }) => `${state} ${count} ${revision}`)];
    });
  assert.deepEqual(states(), [['snapshot', 'forming 1 0']]);
  rig.prices([6]);
  rig.turn();
  assert.deepEqual(states(), [['update', 'forming 2 0']]);
  rig.clock.ms += 65_000;
  rig.prices([7]);
  rig.turn();
  assert.deepEqual(states(), [['update', 'final 2 0', 'forming 1 0']]);
  rig.ticks([{ symbol: 0, price: 6.5, atMs: rig.clock.ms - 65_020 }]);
  rig.turn();
  assert.deepEqual(states(), [['update', 'revised 3 1']]);
  // A tick of another pair closes the minute of this one.
  rig.clock.ms += 65_000;
  rig.prices([1], 1);
  rig.turn(300);
  assert.deepEqual(states(), [['update', 'final 1 0']]);
});

test('latest tells that a feed is not well, without a tick', () => {
  const rig = new StreamRig();
  rig.prices([5]);
  const sink = rig.connect();
  sink.subscribe('latest');
  rig.turn(300);
  sink.take();
  rig.feeds.state = 'stale';
  rig.turn(300);
  const [update] = sink.takeTopics();
  assert.ok(update?.data.channel === 'latest');
  assert.equal(update.data.latest?.status, 'stale');
});

test('health comes about once a second', () => {
  const rig = new StreamRig();
  const sink = rig.connect();
  sink.subscribe('health', [], []);
  for (let i = 0; i < 150; i++) rig.turn();
  const [snapshot, ...updates] = sink.takeTopics();
  assert.ok(snapshot?.data.channel === 'health');
  assert.deepEqual([snapshot.data.health.ticksPerSecond, snapshot.data.health.sources.length], [5, 2]);
  assert.ok(updates.length >= 3 && updates.length <= 4, `${updates.length} in three seconds`);
});

test('* is all pairs there are, and each that comes later, from its first tick on', () => {
  const rig = new StreamRig();
  rig.prices([5]);
  const sink = rig.connect();
  sink.subscribe('ticks', ['*'], ['*']);
  sink.subscribe('latest', ['*'], ['A']);
  assert.deepEqual(
    sink.takeTopics().map(({ topic }) => topic),
    ['ticks:one:A', 'latest:one:A'],
  );
  rig.prices([6, 7], 1, 1);
  rig.prices([8], 0, 1);
  rig.turn();
  rig.turn(300);
  const messages = sink.takeTopics();
  const of = (topic: string) => messages.filter((message) => message.topic === topic);
  assert.deepEqual([pricesOf(of('ticks:two:B')), pricesOf(of('ticks:two:A'))], [[6, 7], [8]]);
  assert.equal(of('ticks:two:B')[0]!.type, 'snapshot');
  assert.equal(latestOf(of('latest:two:A')[0]), 8);
  assert.deepEqual(of('latest:two:B'), []);
});

test('unsubscribe ends topics, of a wildcard too, and they do not come back', () => {
  const rig = new StreamRig();
  rig.prices([5]);
  rig.prices([5], 1);
  const sink = rig.connect();
  sink.subscribe('latest', ['*'], ['*']);
  sink.take();
  sink.session.unsubscribe('u', { channel: 'latest', exchanges: ['one'], symbols: ['A'] });
  assert.deepEqual(sink.take(), [{ type: 'unsubscribed', id: 'u', topics: ['latest:one:A'] }]);
  for (const symbol of [0, 1, 2]) rig.prices([6], symbol);
  rig.turn(300);
  assert.deepEqual(
    sink.takeTopics().map(({ topic }) => topic),
    ['latest:one:B', 'latest:one:C'],
  );
  sink.session.unsubscribe(null, { channel: 'latest', exchanges: ['*'], symbols: ['*'] });
  assert.deepEqual(sink.take(), [{ type: 'unsubscribed', id: null, topics: ['latest:one:B', 'latest:one:C'] }]);
  rig.prices([7], 3);
  rig.turn(300);
  assert.deepEqual(sink.take(), []);
});

test('what is not known is refused with a code, and nothing of it is done', () => {
  const rig = new StreamRig({ topics: 2, wildcards: 1 });
  const sink = rig.connect();
  sink.take();
  const refusal = (...[channel, exchanges, symbols]: Parameters<typeof sink.subscribe>) => {
    assert.equal(sink.subscribe(channel, exchanges, symbols), false);
    const [error, ...more] = sink.take();
    assert.deepEqual(more, []);
    assert.ok(error?.type === 'error');
    assert.equal(error.id, 'x');
    return error.code;
  };
  assert.equal(refusal('prices'), 'unknown_channel');
  assert.equal(refusal('candles:7m'), 'unknown_channel');
  assert.equal(refusal('candles:'), 'unknown_channel');
  assert.equal(refusal('latest', ['one', 'three']), 'unknown_exchange');
  assert.equal(refusal('latest', ['one'], ['A', 'NOPE']), 'unknown_symbol');
  assert.equal(refusal('latest', ['one'], ['A', 'B', 'C']), 'too_many_topics');
  assert.equal(sink.subscribe('latest', ['*']), true);
  sink.take();
  assert.equal(refusal('ticks', ['*']), 'too_many_wildcards');
  assert.equal(sink.subscribe('latest', ['*']), true, 'the same again is no second one');
  assert.equal(rig.hub.stats().topics, 0);
});

test('a wildcard that grows beyond the limit says so once for each new pair, and the rest goes on', () => {
  const rig = new StreamRig({ topics: 1 });
  rig.prices([5]);
  const sink = rig.connect();
  sink.subscribe('latest', ['*'], ['*']);
  sink.take();
  rig.prices([6], 1);
  for (let i = 0; i < 3; i++) rig.turn(300);
  const errors = sink.take().filter(({ type }) => type === 'error');
  assert.deepEqual(
    errors.map((error) => 'code' in error && error.code),
    ['too_many_topics'],
  );
  rig.prices([7]);
  rig.turn();
  assert.deepEqual(sink.takeTopics().map(latestOf), [7]);
});

test('sequences of a later life are greater, also when the clock was set back meanwhile', () => {
  const rig = new StreamRig();
  const sink = rig.connect();
  sink.subscribe('latest');
  sink.subscribe('ticks');
  rig.prices([5]);
  rig.turn();
  const before = new Map(sink.seen);
  rig.clock.ms -= 3_600_000;
  rig.switchTo('test');
  for (const [topic, seq] of sink.seen) assert.ok(seq > before.get(topic)!, topic);
  const switched = Object.fromEntries(sink.seen);
  sink.session.close();
  rig.turn(60_000);
  assert.equal(rig.hub.stats().topics, 0);
  rig.clock.ms -= 3_600_000;
  const later = rig.connect();
  for (const channel of ['latest', 'ticks']) later.subscribe(channel, ['one'], ['A'], switched);
  for (const [topic, seq] of later.seen) assert.ok(seq > switched[topic]!, topic);
  assert.ok(later.takeTopics().every(({ refusedResume }) => refusedResume));
});

test('clients are limited, all end when the process stops, and then none is let in', () => {
  const rig = new StreamRig({ clients: 2 });
  const sinks = [rig.connect(), rig.connect()];
  assert.equal(rig.hub.open(sinks[0]!), null);
  sinks[0]!.session.close();
  sinks[0] = rig.connect();
  sinks[0]!.subscribe('latest', ['*'], ['*']);
  rig.hub.close();
  assert.deepEqual(
    sinks.map(({ ended }) => ended),
    ['stopping', 'stopping'],
  );
  assert.equal(rig.hub.open(sinks[0]!), null);
  assert.deepEqual(rig.hub.stats().clients, { websocket: 0, sse: 0 });
});

test('turns are asked for while there are topics, and a topic that nobody wants goes after 30 s', () => {
  const rig = new StreamRig();
  const sink = rig.connect();
  assert.equal(rig.scheduled, 0);
  sink.subscribe('latest');
  assert.equal(rig.scheduled, 1);
  sink.session.close();
  rig.turn(29_000);
  assert.equal(rig.hub.stats().topics, 1);
  rig.turn(2_000);
  assert.equal(rig.hub.stats().topics, 0);
});
