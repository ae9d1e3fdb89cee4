import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from './backoff.ts';
import { FanIn } from './fan-in.ts';
import { FanOut, type Ticket } from './fan-out.ts';
import { WorkerPool } from './worker-pool.ts';

type Work = { readonly lane: number; readonly n: number };
type Attempt = { finish: () => void; fail: () => void };

/** Fan-out, pool and fan-in wired as they are meant to be; workers end tasks when the test says so, or at once. */
function pipelineOf(workers: number, maxInFlightPerLane: number, isInline: boolean) {
  const attempts: Attempt[] = [];
  const delivered: Work[] = [];
  const fanIn = new FanIn<{ work: Work; ticket: Ticket<Work> }>({
    maxInFlightPerLane,
    deliver: (_, { work, ticket }) => {
      delivered.push(work);
      ticket.done();
    },
  });
  const pool = new WorkerPool<Work, Work>({
    workers,
    spawn: () => ({
      run: (work) => {
        if (isInline) return work;
        return new Promise((resolve, reject) =>
          attempts.push({ finish: () => resolve(work), fail: () => reject(new Error('failed')) }),
        );
      },
      close: async () => undefined,
    }),
    backoff: new Backoff({ minMs: 0, maxMs: 0, random: () => 0 }),
    onPoisoned: (work) => work,
    onRoom: () => fanOut.pump(),
  });
  const fanOut = new FanOut<Work>({
    queueMaxItems: 4,
    maxInFlightPerLane,
    hasRoom: () => pool.hasRoom,
    dispatch: (ticket) =>
      pool.run(ticket.task, (work) => void fanIn.accept(ticket.laneId, ticket.seq, { work, ticket })),
  });
  const lanes = [0, 1, 2].map(() => fanOut.addLane(() => undefined));
  for (const lane of lanes) fanIn.addLane(lane.id);
  return { fanOut, lanes, attempts, delivered };
}

test('with a worker inline, a task is delivered before the offer returns', () => {
  const { lanes, delivered } = pipelineOf(1, 5, true);
  for (let n = 0; n < 10; n++) {
    lanes[1]!.offer({ lane: 1, n });
    assert.equal(delivered.length, n + 1);
  }
});

test('whatever ends or fails when: each lane comes out in order, complete, and never stalls', async () => {
  const step = fc.record({
    action: fc.constantFrom('offer', 'offer', 'finish', 'fail'),
    lane: fc.nat({ max: 2 }),
    pick: fc.nat({ max: 99 }),
  });
  const shape = fc.record({ workers: fc.integer({ min: 1, max: 4 }), maxInFlight: fc.integer({ min: 1, max: 5 }) });
  await fc.assert(
    fc.asyncProperty(shape, fc.array(step, { maxLength: 120 }), async ({ workers, maxInFlight }, steps) => {
      const { fanOut, lanes, attempts, delivered } = pipelineOf(workers, maxInFlight, false);
      const offered = [0, 0, 0];
      for (const { action, lane, pick } of steps) {
        if (action === 'offer') {
          if (lanes[lane]!.offer({ lane, n: offered[lane]! })) offered[lane]!++;
        } else if (attempts.length > 0) {
          const [attempt] = attempts.splice(pick % attempts.length, 1);
          attempt![action]();
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      while (attempts.length > 0) {
        attempts.pop()!.finish();
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual([fanOut.inFlight, fanOut.queuedItems], [0, 0]);
      for (const [lane, count] of offered.entries()) {
        assert.deepEqual(
          delivered.filter((work) => work.lane === lane).map(({ n }) => n),
          Array.from({ length: count }, (_, n) => n),
        );
      }
    }),
    { numRuns: 200 },
  );
});
