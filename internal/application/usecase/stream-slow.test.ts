import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { TopicMessage } from '../port/in/market-stream.ts';
import { latestOf, pricesOf, StreamRig } from './stream.test-kit.ts';
import { PAIR_PENDING_MAX } from './stream-tap.ts';

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

describe('a client that does not read', () => {
  test('gets nothing more, then the newest state and how much it missed; others are not concerned', () => {
    const rig = new StreamRig();
    const [slow, well] = [rig.connect(), rig.connect()];
    for (const sink of [slow, well]) sink.subscribe('latest');
    for (const sink of [slow, well]) sink.take();
    slow.isFull = true;
    for (let price = 1; price <= 50; price++) {
      rig.prices([price]);
      rig.turn();
    }
    assert.deepEqual(slow.take(), []);
    assert.equal(well.take().length, 50);
    slow.drain();
    const [update, ...more] = slow.takeTopics();
    assert.deepEqual(more, []);
    assert.deepEqual([latestOf(update), update?.dropped], [50, 49]);
    assert.equal(rig.hub.stats().dropped, 49);
    rig.prices([51]);
    rig.turn();
    assert.deepEqual(slow.takeTopics().map(latestOf), [51]);
  });

  test('misses no candle: what closed meanwhile comes with what is forming', () => {
    const rig = new StreamRig({ slowMs: 600_000 });
    const sink = rig.connect();
    sink.subscribe('candles:1m');
    rig.prices([1]);
    rig.turn();
    sink.take();
    sink.isFull = true;
    for (let price = 2; price <= 5; price++) {
      rig.clock.ms += 20_000;
      rig.prices([price]);
      rig.turn();
    }
    sink.drain();
    const [update, ...more] = sink.takeTopics();
    assert.deepEqual(more, []);
    assert.ok(update?.type === 'update' && update.data.channel === 'candles');
    assert.equal(update.dropped, 3);
    assert.deepEqual(
      update.data.candles.map(({ close, state, count }) => [close, state, count]),
      [
        [3, 'final', 3],
        [5, 'forming', 2],
      ],
    );
  });

  test('misses no tick while they are kept, and is told how many it missed when they are not', () => {
    const rig = new StreamRig();
    const sink = rig.connect();
    sink.subscribe('ticks');
    sink.take();
    sink.isFull = true;
    for (let price = 1; price <= 100; price++) {
      rig.prices([price, price]);
      rig.turn();
    }
    sink.drain();
    const messages = sink.takeTopics();
    assert.deepEqual(new Set(pricesOf(messages)).size, 100);
    assert.equal(sum(messages.map(({ dropped, lost }) => dropped + lost)), 0);

    sink.isFull = true;
    const many = Array.from({ length: 3_000 }, (_, i) => i + 1);
    for (let i = 0; i < 20; i++) {
      rig.prices(many);
      rig.turn();
    }
    sink.drain();
    const [snapshot, ...more] = sink.takeTopics();
    assert.deepEqual(more, []);
    assert.deepEqual([snapshot?.type, snapshot?.dropped, snapshot?.lost], ['snapshot', 20, 60_000]);
    rig.prices([7]);
    rig.turn();
    const [next] = sink.takeTopics();
    assert.deepEqual([next?.type, next?.dropped, next?.lost, pricesOf([next!])], ['update', 0, 0, [7]]);
  });

  test('is told how many ticks it missed, not how many there were', () => {
    const rig = new StreamRig();
    const sink = rig.connect();
    sink.subscribe('ticks');
    for (let i = 0; i < 3; i++) {
      rig.prices([1, 2, 3]);
      rig.turn();
    }
    sink.take();
    sink.isFull = true;
    const many = Array.from({ length: 10_000 }, (_, i) => i + 1);
    for (let i = 0; i < 5; i++) {
      rig.prices(many);
      rig.turn();
    }
    sink.drain();
    assert.deepEqual(
      sink.takeTopics().map(({ type, dropped, lost }) => [type, dropped, lost]),
      [['snapshot', 5, 50_000]],
    );
  });

  test('is closed when it has been behind for ten seconds, not when it catches up in between', () => {
    const rig = new StreamRig();
    const [slow, slower] = [rig.connect(), rig.connect()];
    for (const sink of [slow, slower]) sink.subscribe('latest');
    for (const sink of [slow, slower]) sink.isFull = true;
    rig.prices([1]);
    rig.turn();
    for (let second = 0; second < 9; second++) rig.turn(1_000);
    slow.drain();
    slow.isFull = true;
    rig.prices([2]);
    for (let second = 0; second < 2; second++) rig.turn(1_000);
    assert.deepEqual([slow.ended, slower.ended], [null, 'slow']);
    assert.equal(rig.hub.stats().closedSlow, 1);
    for (let second = 0; second < 10; second++) rig.turn(1_000);
    assert.equal(slow.ended, 'slow');
    assert.deepEqual(rig.hub.stats().clients.websocket, 0);
  });

  test('that nothing changes for is not slow', () => {
    const rig = new StreamRig();
    const sink = rig.connect();
    sink.subscribe('latest');
    sink.isFull = true;
    for (let second = 0; second < 60; second++) rig.turn(1_000);
    assert.equal(sink.ended, null);
  });

  test('gets all topics in turn: the backlog of one does not hold up the others', () => {
    const rig = new StreamRig();
    const sink = rig.connect();
    sink.subscribe('ticks');
    sink.subscribe('latest');
    sink.take();
    sink.isFull = true;
    for (let price = 1; price <= 50; price++) {
      rig.prices([price]);
      rig.turn();
    }
    // Room for three messages.
    let room = 3;
    Object.defineProperty(sink, 'isFull', { get: () => room-- <= 0, set: () => undefined });
    sink.session.drained();
    assert.deepEqual(new Set(sink.takeTopics().map(({ topic }) => topic)), new Set(['ticks:one:A', 'latest:one:A']));
  });

  test('costs a fixed amount: what waits for it is one entry a topic', () => {
    const rig = new StreamRig();
    const sink = rig.connect();
    sink.subscribe('latest', ['one', 'two'], ['A', 'B', 'C']);
    sink.take();
    sink.isFull = true;
    for (let price = 1; price <= 1_000; price++) {
      for (const source of [0, 1]) for (const symbol of [0, 1, 2]) rig.prices([price], symbol, source);
      rig.turn(1);
    }
    sink.drain();
    assert.deepEqual(sink.takeTopics().map(latestOf), [1_000, 1_000, 1_000, 1_000, 1_000, 1_000]);
  });
});

test('more ticks than a turn can carry are counted as lost, for everyone alike', () => {
  const rig = new StreamRig();
  const sink = rig.connect();
  sink.subscribe('ticks');
  sink.take();
  const burst = Array.from({ length: 10_000 }, (_, i) => i + 1);
  rig.prices(burst);
  rig.prices(burst);
  rig.turn();
  const [update] = sink.takeTopics();
  assert.equal(pricesOf([update!]).length, PAIR_PENDING_MAX);
  assert.equal(update!.lost, 20_000 - PAIR_PENDING_MAX);
  assert.equal(rig.hub.stats().ticksLost, 20_000 - PAIR_PENDING_MAX);
});

describe('resume', () => {
  /** A client with two batches of ticks behind it, which then goes. */
  function cut() {
    const rig = new StreamRig({ clients: 10 });
    const sink = rig.connect();
    for (const channel of ['ticks', 'latest', 'candles:1m']) sink.subscribe(channel);
    for (const price of [1, 2]) {
      rig.prices([price]);
      rig.turn();
    }
    const resume = Object.fromEntries(sink.seen);
    sink.session.close();
    return { rig, resume };
  }

  function comeBack(rig: StreamRig, resume: Readonly<Record<string, number>>) {
    const sink = rig.connect();
    for (const channel of ['ticks', 'latest', 'candles:1m']) sink.subscribe(channel, ['one'], ['A'], resume);
    const messages = sink.take();
    const resumed = messages.flatMap((message) => (message.type === 'resumed' ? [message.topic] : []));
    return { sink, resumed, topics: messages.filter((message) => 'data' in message) };
  }

  test('goes on after a short cut, and no tick is missing or double', () => {
    const { rig, resume } = cut();
    for (const price of [3, 4, 5]) {
      rig.prices([price]);
      rig.turn();
    }
    rig.prices([6]);
    const { sink, resumed, topics } = comeBack(rig, resume);
    assert.equal(resumed.length, 3);
    rig.turn();
    const all = [...topics, ...sink.takeTopics()];
    assert.deepEqual(new Set(all.map(({ type }) => type)), new Set(['update']));
    assert.deepEqual(pricesOf(all), [3, 4, 5, 6]);
    assert.equal(latestOf(all.findLast(({ topic }) => topic === 'latest:one:A')), 6);
    const candles = all.findLast(({ topic }) => topic === 'candles:1m:one:A')?.data;
    assert.ok(candles?.channel === 'candles');
    assert.deepEqual(
      candles.candles.map(({ count }) => count),
      [6],
    );
  });

  test('where nothing has happened nothing comes', () => {
    const { rig, resume } = cut();
    const { sink, resumed, topics } = comeBack(rig, resume);
    assert.equal(resumed.length, 3);
    assert.deepEqual(pricesOf(topics), []);
    rig.prices([3]);
    rig.turn();
    assert.deepEqual(pricesOf(sink.takeTopics()), [3]);
  });

  const refused = (topics: readonly TopicMessage[]) =>
    topics.map(({ type, refusedResume }) => `${type} ${refusedResume}`);

  test('is refused with a snapshot when too much time has passed, in another mode, and after a restart', () => {
    const late = cut();
    for (let second = 0; second < 32; second++) late.rig.turn(1_000);
    const switched = cut();
    switched.rig.switchTo('test');
    const restarted = cut();
    const fresh = new StreamRig();
    // The clock of the next run is past that of the last.
    fresh.clock.ms = restarted.rig.clock.ms + 1;
    fresh.prices([1]);
    for (const { rig, resume } of [late, switched, { rig: fresh, resume: restarted.resume }]) {
      const { resumed, topics } = comeBack(rig, resume);
      assert.deepEqual(resumed, []);
      assert.deepEqual(refused(topics), ['snapshot true', 'snapshot true', 'snapshot true']);
    }
  });

  test('of ticks is refused when they are not kept any more, though others are there; what is lost later is counted', () => {
    const { rig, resume } = cut();
    rig.connect().subscribe('ticks');
    const early = { 'ticks:one:A': resume['ticks:one:A']! };
    rig.prices([3]);
    rig.turn();
    const again = comeBack(rig, early);
    assert.deepEqual(again.resumed, ['ticks:one:A']);
    again.sink.isFull = true;
    const many = Array.from({ length: 10_000 }, (_, i) => i + 1);
    for (let i = 0; i < 5; i++) {
      rig.prices(many);
      rig.turn();
    }
    assert.deepEqual(comeBack(rig, early).resumed, []);
    again.sink.drain();
    const [snapshot] = again.sink.takeTopics().filter(({ topic }) => topic === 'ticks:one:A');
    assert.equal(snapshot?.lost, 50_000);
    const { 'ticks:one:A': now } = Object.fromEntries(again.sink.seen);
    rig.turn(31_000);
    rig.prices([4]);
    rig.turn();
    for (let second = 0; second < 31; second++) rig.turn(1_000);
    assert.deepEqual(comeBack(rig, { 'ticks:one:A': now! }).resumed, []);
  });

  test('is refused for a sequence that has not come yet', () => {
    const { rig, resume } = cut();
    const ahead = Object.fromEntries(Object.entries(resume).map(([topic, seq]) => [topic, seq + 1]));
    assert.deepEqual(comeBack(rig, ahead).resumed, []);
    const absurd = Object.fromEntries(Object.keys(resume).map((topic) => [topic, Number.MAX_SAFE_INTEGER]));
    assert.deepEqual(comeBack(rig, absurd).resumed, []);
    assert.deepEqual(comeBack(rig, { 'ticks:one:A': 0 }).resumed, []);
  });
});

test('whatever a client does, every tick is delivered once or counted as lost, and the last state arrives', () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('ticks' as const), count: fc.integer({ min: 1, max: 2_000 }) }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('turn' as const), ms: fc.constantFrom(1, 20, 300, 1_000) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('full' as const, 'drain' as const, 'cut' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const rig = new StreamRig({ slowMs: 1e9 });
      const topic = 'ticks:one:A';
      let sink = rig.connect();
      for (const channel of ['ticks', 'latest']) sink.subscribe(channel);
      const messages: TopicMessage[] = [];
      let next = 0;
      let restarts = 0;
      for (const one of [...steps, { kind: 'drain' as const }, { kind: 'turn' as const, ms: 20 }]) {
        if (one.kind === 'ticks') rig.prices(Array.from({ length: one.count }, () => ++next));
        else if (one.kind === 'turn') rig.turn(one.ms);
        else if (one.kind === 'full') sink.isFull = true;
        else if (one.kind === 'drain') sink.drain();
        else {
          messages.push(...sink.takeTopics());
          sink.session.close();
          const seen = Object.fromEntries(sink.seen);
          sink = rig.connect();
          for (const channel of ['ticks', 'latest']) sink.subscribe(channel, ['one'], ['A'], seen);
        }
      }
      messages.push(...sink.takeTopics());
      restarts = messages.filter((message) => message.topic === topic && message.refusedResume).length;
      const prices = pricesOf(messages);
      for (const [i, price] of prices.entries()) assert.ok(i === 0 || price > prices[i - 1]!, 'double or out of order');
      const lost = sum(messages.map((message) => message.lost));
      // A refused resume says that it does not know how many are missing.
      if (restarts === 0) assert.equal(prices.length + lost, next);
      else assert.ok(prices.length + lost <= next);
      if (next > 0) assert.equal(latestOf(messages.findLast((message) => message.topic === 'latest:one:A')), next);
    }),
    { numRuns: 200 },
  );
});
