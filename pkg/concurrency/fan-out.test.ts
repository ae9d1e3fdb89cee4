import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FanOut, type FanOutOptions, type Ticket } from './fan-out.ts';

/** A consumer with `places`, whose tasks end when the test says so. */
function fanOutTo(places: number, options: Partial<FanOutOptions<string>> = {}) {
  const out: Ticket<string>[] = [];
  const order: string[] = [];
  const fanOut = new FanOut<string>({
    queueMaxItems: 4,
    ...options,
    hasRoom: () => out.length < places,
    dispatch: (ticket) => {
      out.push(ticket);
      order.push(ticket.task);
    },
  });
  const finish = (index = 0) => {
    out.splice(index, 1)[0]!.done();
    fanOut.pump();
  };
  return { fanOut, out, order, finish };
}

const ignorePressure = () => undefined;

test('a task goes out within the offer, with the next number of its lane', () => {
  const { fanOut, out } = fanOutTo(9);
  const [a, b] = [fanOut.addLane(ignorePressure), fanOut.addLane(ignorePressure)];
  for (const task of ['a0', 'a1']) assert.equal(a.offer(task), true);
  b.offer('b0');
  assert.notEqual(a.id, b.id);
  assert.deepEqual(
    out.map(({ laneId, seq, task }) => [laneId, seq, task]),
    [
      [a.id, 0, 'a0'],
      [a.id, 1, 'a1'],
      [b.id, 0, 'b0'],
    ],
  );
});

test('a consumer that finishes at once never fills a queue, nor the stack', () => {
  let finished = 0;
  const fanOut = new FanOut<number>({
    queueMaxItems: 2,
    hasRoom: () => true,
    dispatch: (ticket) => {
      finished++;
      if (ticket.task > 0) assert.equal(lane.offer(ticket.task - 1), true);
      ticket.done();
    },
  });
  const lane = fanOut.addLane(() => assert.fail('there was no pressure'));
  lane.offer(100_000);
  assert.equal(finished, 100_001);
  assert.equal(lane.inFlight + lane.queuedItems, 0);
});

test('a lane has no more than its tasks in flight until one is done, once', () => {
  const { fanOut, out } = fanOutTo(99, { maxInFlightPerLane: 2 });
  const lane = fanOut.addLane(ignorePressure);
  for (const task of ['0', '1', '2', '3']) lane.offer(task);
  assert.deepEqual([lane.inFlight, lane.queuedItems, fanOut.inFlight, fanOut.queuedItems], [2, 2, 2, 2]);
  out[0]!.done();
  out[0]!.done();
  assert.deepEqual([lane.inFlight, lane.queuedItems, out.length], [2, 1, 3]);
});

test('a flooding lane does not make another wait for more than one task of each lane', () => {
  const { fanOut, order, finish } = fanOutTo(1, { queueMaxItems: 1_000, maxInFlightPerLane: 5 });
  const floods = ['x', 'y', 'z'].map((name) => ({ name, lane: fanOut.addLane(ignorePressure) }));
  const slow = fanOut.addLane(ignorePressure);
  for (let n = 0; n < 300; n++) for (const { name, lane } of floods) lane.offer(name);
  for (let n = 0; n < 50; n++) {
    for (let skipped = 0; skipped < n % 7; skipped++) finish();
    const before = order.length;
    slow.offer('slow');
    while (order.indexOf('slow', before) < 0) finish();
    assert.ok(order.indexOf('slow', before) - before <= floods.length, `${order.slice(before)}`);
  }
});

test('lanes with work get equal shares', () => {
  const { fanOut, order, finish } = fanOutTo(3, { queueMaxItems: 100 });
  for (const name of ['a', 'b', 'c']) {
    const lane = fanOut.addLane(ignorePressure);
    for (let n = 0; n < 100; n++) lane.offer(name);
  }
  for (let n = 0; n < 90; n++) finish();
  for (const name of ['a', 'b', 'c']) {
    const share = order.filter((task) => task === name).length;
    assert.ok(Math.abs(share - 31) <= 2, `${name}: ${share}`);
  }
});

test('whatever happens: bounds hold, pressure tells the truth, each lane goes out in order and whole', () => {
  const step = fc.record({
    lane: fc.nat({ max: 2 }),
    action: fc.constantFrom('offer', 'offer', 'finish'),
    pick: fc.nat(),
  });
  const limits = fc.record({
    places: fc.integer({ min: 1, max: 6 }),
    queueMaxItems: fc.integer({ min: 1, max: 5 }),
    maxInFlightPerLane: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 200 }), ({ places, ...options }, steps) => {
      const { fanOut, out, order, finish } = fanOutTo(places, options);
      const lanes = [0, 1, 2].map((n) => {
        const state = { name: n, offered: 0, isPaused: false };
        const lane = fanOut.addLane((isAtBound) => {
          assert.notEqual(isAtBound, state.isPaused, 'told twice');
          state.isPaused = isAtBound;
        });
        return { lane, state };
      });
      for (const { lane: n, action, pick } of steps) {
        const { lane, state } = lanes[n]!;
        if (action === 'offer' && !state.isPaused) {
          assert.equal(lane.offer(`${n}:${state.offered++}`), true, 'an unpaused lane has room');
        } else if (action === 'finish' && out.length > 0) finish(pick % out.length);
        assert.ok(out.length <= places);
        for (const { lane: each, state: known } of lanes) {
          assert.ok(each.inFlight <= options.maxInFlightPerLane && each.queuedItems <= options.queueMaxItems);
          if (each.queuedItems === options.queueMaxItems) assert.equal(known.isPaused, true);
          if (each.queuedItems === 0) assert.equal(known.isPaused, false);
          assert.equal(each.isAtBound, known.isPaused);
        }
      }
      while (out.length > 0) finish();
      for (const { state } of lanes) {
        const mine = order.filter((task) => task.startsWith(`${state.name}:`));
        assert.deepEqual(
          mine,
          Array.from({ length: state.offered }, (_, seq) => `${state.name}:${seq}`),
        );
      }
    }),
  );
});

test('a full lane refuses and the task stays outside', () => {
  const { fanOut } = fanOutTo(0, { queueMaxItems: 2 });
  const told: boolean[] = [];
  const lane = fanOut.addLane((isAtBound) => void told.push(isAtBound));
  assert.deepEqual(
    ['0', '1', '2', '3'].map((task) => lane.offer(task)),
    [true, true, false, false],
  );
  assert.deepEqual(told, [true]);
});

test('a closed lane sends what it has and then is drained', async () => {
  const { fanOut, order, finish } = fanOutTo(1);
  const lane = fanOut.addLane(ignorePressure);
  for (const task of ['0', '1', '2']) lane.offer(task);
  lane.close();
  assert.equal(lane.offer('3'), false);
  let isDrained = false;
  const drained = lane.drained().then(() => {
    isDrained = true;
  });
  for (let n = 0; n < 3; n++) {
    await Promise.resolve();
    assert.equal(isDrained, false);
    finish();
  }
  await drained;
  assert.deepEqual(order, ['0', '1', '2']);
  await lane.drained();
});

test('a removed lane gives back what waited; its tickets stay good; the others go on in turn', async () => {
  const { fanOut, out, order, finish } = fanOutTo(1);
  const [a, b, c] = [0, 1, 2].map(() => fanOut.addLane(ignorePressure)) as [Lane, Lane, Lane];
  for (const task of ['a0', 'a1']) a.offer(task);
  for (const task of ['b0', 'b1']) b.offer(task);
  for (const task of ['c0', 'c1']) c.offer(task);
  assert.deepEqual(a.remove(), ['a1']);
  assert.deepEqual(a.remove(), []);
  assert.equal(fanOut.laneCount, 2);
  assert.equal(a.inFlight, 1);
  const drained = a.drained();
  while (out.length > 0) finish();
  await drained;
  assert.deepEqual(order, ['a0', 'b0', 'c0', 'b1', 'c1']);
});

test('limits that make no sense are refused', () => {
  for (const options of [
    { queueMaxItems: 0 },
    { maxInFlightPerLane: 0 },
    { resumeAtItems: 4 },
    { resumeAtItems: -1 },
  ]) {
    assert.throws(() => fanOutTo(1, options), RangeError);
  }
});

type Lane = ReturnType<FanOut<string>['addLane']>;
