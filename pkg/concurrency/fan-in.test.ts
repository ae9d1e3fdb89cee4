import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FanIn } from './fan-in.ts';

type Delivered = [laneId: number, result: string];

function fanInOf(maxInFlightPerLane: number, laneIds: number[]) {
  const delivered: Delivered[] = [];
  const fanIn = new FanIn<string>({
    maxInFlightPerLane,
    deliver: (laneId, result) => void delivered.push([laneId, result]),
  });
  for (const laneId of laneIds) fanIn.addLane(laneId);
  return { fanIn, delivered };
}

test('any order of completion within the bound: each lane in order, nothing lost or doubled', () => {
  const step = fc.record({ lane: fc.nat({ max: 3 }), pick: fc.nat({ max: 99 }), isIssue: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 300 }), (maxInFlight, steps) => {
      const lanes = [0, 1, 2, 3].map(() => ({ issued: 0, out: [] as number[], delivered: [] as number[] }));
      const fanIn = new FanIn<number>({
        maxInFlightPerLane: maxInFlight,
        deliver: (laneId, seq) => void lanes[laneId]!.delivered.push(seq),
      });
      for (const laneId of lanes.keys()) fanIn.addLane(laneId);
      const complete = (laneId: number, pick: number) => {
        const lane = lanes[laneId]!;
        const [seq] = lane.out.splice(pick % lane.out.length, 1);
        assert.equal(fanIn.accept(laneId, seq!, seq!), true);
        assert.ok(fanIn.heldItems(laneId) < maxInFlight);
      };
      for (const { lane: laneId, pick, isIssue } of steps) {
        const lane = lanes[laneId]!;
        if (isIssue && lane.issued - lane.delivered.length < maxInFlight) lane.out.push(lane.issued++);
        else if (lane.out.length > 0) complete(laneId, pick);
      }
      for (const [laneId, lane] of lanes.entries()) {
        while (lane.out.length > 0) complete(laneId, 1);
        assert.deepEqual(
          lane.delivered,
          Array.from({ length: lane.issued }, (_, seq) => seq),
        );
      }
    }),
  );
});

test('a missing result holds back its own lane only', () => {
  const { fanIn, delivered } = fanInOf(3, [7, 8]);
  fanIn.accept(7, 1, 'late');
  fanIn.accept(8, 0, 'other');
  assert.deepEqual(delivered, [[8, 'other']]);
  fanIn.accept(7, 0, 'early');
  assert.deepEqual(delivered.slice(1), [
    [7, 'early'],
    [7, 'late'],
  ]);
});

test('out of the window, or twice, is a broken contract', () => {
  const { fanIn } = fanInOf(2, [0]);
  for (const seq of [2, -1, 0.5, Number.NaN]) assert.throws(() => fanIn.accept(0, seq, 'x'), RangeError);
  fanIn.accept(0, 1, 'held');
  assert.throws(() => fanIn.accept(0, 1, 'again'), RangeError);
  fanIn.accept(0, 0, 'first');
  assert.throws(() => fanIn.accept(0, 0, 'again'), RangeError);
  assert.throws(() => fanIn.addLane(0), RangeError);
});

test('a result that comes from within deliver waits for its turn', () => {
  const log: string[] = [];
  const fanIn = new FanIn<number>({
    maxInFlightPerLane: 2,
    deliver: (laneId, result) => {
      log.push(`> ${result}`);
      if (result < 3) fanIn.accept(laneId, result + 1, result + 1);
      log.push(`< ${result}`);
    },
  });
  fanIn.addLane(0);
  fanIn.accept(0, 0, 0);
  assert.deepEqual(log, ['> 0', '< 0', '> 1', '< 1', '> 2', '< 2', '> 3', '< 3']);
});

test('a deliver that throws has had its result; the lane goes on', () => {
  const seen: number[] = [];
  const fanIn = new FanIn<number>({
    maxInFlightPerLane: 2,
    deliver: (_, result) => {
      seen.push(result);
      if (result === 0) throw new Error('no');
    },
  });
  fanIn.addLane(0);
  assert.throws(() => fanIn.accept(0, 0, 0), { message: 'no' });
  fanIn.accept(0, 1, 1);
  assert.deepEqual(seen, [0, 1]);
});

test('dropping a lane gives back what it held, in order, and refuses what comes later', () => {
  const { fanIn, delivered } = fanInOf(4, [0]);
  fanIn.accept(0, 3, 'd');
  fanIn.accept(0, 1, 'b');
  assert.deepEqual(fanIn.dropLane(0), ['b', 'd']);
  assert.equal(fanIn.accept(0, 0, 'a'), false);
  assert.equal(fanIn.heldItems(0), 0);
  assert.deepEqual(fanIn.dropLane(0), []);
  assert.deepEqual(delivered, []);
});

test('draining a lane delivers what it held, in order, and refuses what comes later', () => {
  const { fanIn, delivered } = fanInOf(4, [0]);
  fanIn.accept(0, 3, 'd');
  fanIn.accept(0, 1, 'b');
  fanIn.drainLane(0);
  assert.equal(fanIn.accept(0, 0, 'a'), false);
  assert.deepEqual(delivered, [
    [0, 'b'],
    [0, 'd'],
  ]);
});

test('a lane dropped from within deliver delivers nothing more', () => {
  const seen: string[] = [];
  const fanIn = new FanIn<string>({
    maxInFlightPerLane: 3,
    deliver: (laneId, result) => {
      seen.push(result);
      seen.push(...fanIn.dropLane(laneId).map((dropped) => `dropped ${dropped}`));
    },
  });
  fanIn.addLane(0);
  fanIn.accept(0, 1, 'b');
  fanIn.accept(0, 0, 'a');
  assert.deepEqual(seen, ['a', 'dropped b']);
});
