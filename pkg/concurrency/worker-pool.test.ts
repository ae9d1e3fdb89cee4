import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from './backoff.ts';
import { sleep } from './deadline.ts';
import type { PoolWorker } from './pool-worker.ts';
import { WorkerPool, type WorkerPoolOptions } from './worker-pool.ts';

/** A worker whose tasks end, and that dies, when the test says so. */
class FakeWorker implements PoolWorker<string, string, string> {
  readonly log: string[] = [];
  readonly running: { task: string; resolve: (result: string) => void; reject: (cause: unknown) => void }[] = [];
  isClosed = false;
  #onExit: ((cause: unknown) => void) | undefined;

  run(task: string): Promise<string> {
    this.log.push(task);
    return new Promise((resolve, reject) => this.running.push({ task, resolve, reject }));
  }

  broadcast(message: string): void {
    this.log.push(`told ${message}`);
  }

  onExit(listener: (cause: unknown) => void): void {
    this.#onExit = listener;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  async finish(index = 0): Promise<void> {
    const [done] = this.running.splice(index, 1);
    done!.resolve(`${done!.task}!`);
    await turn();
  }

  async die(): Promise<void> {
    for (const { reject } of this.running.splice(0)) reject(new Error('died'));
    this.#onExit?.(new Error('died'));
    await turn();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function poolOf(options: Partial<WorkerPoolOptions<string, string, string>> = {}) {
  const workers: FakeWorker[] = [];
  const results: string[] = [];
  const pool = new WorkerPool<string, string, string>({
    workers: 2,
    spawn: () => {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    },
    backoff: new Backoff({ minMs: 0, maxMs: 0, random: () => 0 }),
    onPoisoned: (task, cause) => `${task} poisoned: ${(cause as Error).message}`,
    ...options,
  });
  const run = (...tasks: string[]) => {
    for (const task of tasks) pool.run(task, (result) => void results.push(result));
  };
  return { pool, workers, results, run };
}

test('a task goes to the least loaded worker, up to its bound', async () => {
  const { pool, workers, results, run } = poolOf();
  run('a', 'b', 'c', 'd');
  assert.deepEqual(
    workers.map(({ log }) => log),
    [
      ['a', 'c'],
      ['b', 'd'],
    ],
  );
  assert.equal(pool.hasRoom, false);
  assert.throws(() => run('e'), RangeError);
  await workers[1]!.finish();
  run('e');
  assert.equal(workers[1]!.log.at(-1), 'e');
  assert.deepEqual(results, ['b!']);
  assert.equal(pool.unfinished, 4);
});

test('room is told after the result, once the worker is free', async () => {
  const told: string[] = [];
  const { workers, results, run, pool } = poolOf({
    workers: 1,
    perWorker: 1,
    onRoom: () => void told.push(`${results.length} results, room ${pool.hasRoom}`),
  });
  run('a');
  await workers[0]!.finish();
  assert.deepEqual(told, ['1 results, room true']);
});

test('an inline worker has settled before run returns', () => {
  const results: number[] = [];
  const pool = new WorkerPool<number, number>({
    workers: 1,
    spawn: () => ({ run: (n: number) => n * 2, close: async () => undefined }),
    backoff: new Backoff({ minMs: 0, maxMs: 0, random: () => 0 }),
    onPoisoned: () => assert.fail('nothing fails here'),
    onRoom: () => assert.fail('the caller knows'),
  });
  for (let n = 0; n < 3; n++) {
    pool.run(n, (result) => void results.push(result));
    assert.equal(results.length, n + 1);
  }
  assert.deepEqual(results, [0, 2, 4]);
  assert.equal(pool.unfinished, 0);
});

test('a throw inline is tried once more, in the same turn, then the result is made up', () => {
  const calls: string[] = [];
  const results: string[] = [];
  const pool = new WorkerPool<string, string>({
    workers: 1,
    spawn: () => ({
      run: (task: string) => {
        calls.push(task);
        if (task === 'bad' || (task === 'shaky' && calls.filter((call) => call === task).length === 1)) {
          throw new Error('no');
        }
        return task;
      },
      close: async () => undefined,
    }),
    backoff: new Backoff({ minMs: 0, maxMs: 0, random: () => 0 }),
    onPoisoned: (task, cause) => `${task}: ${(cause as Error).message}`,
  });
  for (const task of ['bad', 'shaky', 'good']) pool.run(task, (result) => void results.push(result));
  assert.deepEqual(calls, ['bad', 'bad', 'shaky', 'shaky', 'good']);
  assert.deepEqual(results, ['bad: no', 'shaky', 'good']);
});

test('a settle that throws is the caller’s bug and not a failed attempt', () => {
  const run = mock.fn((task: string) => task);
  const pool = new WorkerPool<string, string>({
    workers: 1,
    spawn: () => ({ run, close: async () => undefined }),
    backoff: new Backoff({ minMs: 0, maxMs: 0, random: () => 0 }),
    onPoisoned: () => assert.fail('not poisoned'),
  });
  const settle = () => {
    throw new Error('bug');
  };
  assert.throws(() => pool.run('a', settle), { message: 'bug' });
  assert.equal(run.mock.callCount(), 1);
  assert.equal(pool.unfinished, 0);
});

test('a dead worker’s tasks run again, each alone on its worker, before anything new', async () => {
  const { pool, workers, results, run } = poolOf({
    backoff: new Backoff({ minMs: 300, maxMs: 300, random: () => 0.9 }),
  });
  run('a', 'b', 'c');
  await workers[0]!.die();
  assert.equal(pool.hasRoom, false, 'a retry waits');
  await workers[1]!.finish();
  assert.deepEqual(workers[1]!.log, ['b', 'a']);
  while (workers.length < 3) await sleep(5);
  assert.deepEqual(workers[2]!.log, ['c']);
  assert.equal(pool.hasRoom, false, 'second attempts have their worker to themselves');
  await workers[1]!.finish();
  await workers[2]!.finish();
  assert.deepEqual(results, ['b!', 'a!', 'c!']);
  assert.equal(pool.hasRoom, true);
});

test('a task that kills two workers is poisoned, its neighbour is not', async () => {
  const { workers, results, run } = poolOf({ workers: 1 });
  run('poison', 'neighbour');
  await workers[0]!.die();
  await sleep(5);
  assert.deepEqual(workers[1]!.log, ['poison']);
  await workers[1]!.die();
  assert.deepEqual(results, ['poison poisoned: died']);
  await sleep(5);
  await workers[2]!.finish();
  assert.deepEqual(results, ['poison poisoned: died', 'neighbour!']);
});

test('a rejected task is tried once more; the worker stays', async () => {
  const { pool, workers, results, run } = poolOf({ workers: 1 });
  run('a');
  for (let attempt = 0; attempt < 2; attempt++) {
    workers[0]!.running.shift()!.reject(new Error('odd'));
    await turn();
  }
  assert.deepEqual(results, ['a poisoned: odd']);
  assert.deepEqual([pool.liveWorkers, workers.length], [1, 1]);
});

test('an outcome that comes after its worker’s death does not count', async () => {
  const { workers, results, run } = poolOf({ workers: 1 });
  run('a');
  const [late] = workers[0]!.running.splice(0);
  await workers[0]!.die();
  late!.resolve('late');
  await sleep(5);
  await workers[1]!.finish();
  assert.deepEqual(results, ['a!']);
});

test('a new worker hears the newest broadcast before its first task', async () => {
  const { pool, workers, run } = poolOf({ workers: 1 });
  pool.broadcast('one');
  run('a');
  pool.broadcast('two');
  await workers[0]!.die();
  await sleep(5);
  assert.deepEqual(workers[0]!.log, ['told one', 'a', 'told two']);
  assert.deepEqual(workers[1]!.log, ['told two', 'a']);
});

test('a welcome takes the place of the newest broadcast, for the first workers too', async () => {
  let known = 'nothing';
  const { pool, workers } = poolOf({ workers: 1, welcome: () => `all: ${known}` });
  known = 'x';
  pool.broadcast('+x');
  await workers[0]!.die();
  await sleep(5);
  assert.deepEqual(workers[0]!.log, ['told all: nothing', 'told +x']);
  assert.deepEqual(workers[1]!.log, ['told all: x']);
});

test('respawns wait for the backoff, which a worker that lived long resets', async () => {
  let clockMs = 0;
  const waitsMs: number[] = [];
  const { workers } = poolOf({
    workers: 1,
    backoff: new Backoff({ minMs: 1, maxMs: 4, random: () => 1 - Number.EPSILON }),
    stableMs: 1_000,
    nowMs: () => clockMs,
    onWorkerLost: (_, respawnInMs) => void waitsMs.push(Math.round(respawnInMs)),
  });
  for (const livedMs of [0, 999, 10, 10, 1_000, 10]) {
    clockMs += livedMs;
    await workers.at(-1)!.die();
    await sleep(10);
  }
  assert.deepEqual(waitsMs, [1, 2, 4, 4, 1, 2]);
});

test('a worker that can’t be made again is tried again', async () => {
  let spawned = 0;
  const lost: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  const last = new FakeWorker();
  const first = new FakeWorker();
  const pool = new WorkerPool<string, string, string>({
    workers: 1,
    spawn: () => {
      spawned++;
      if (spawned === 1) return first;
      if (spawned < 4) throw new Error(`spawn ${spawned}`);
      return last;
    },
    backoff: new Backoff({ minMs: 0, maxMs: 0, random: () => 0 }),
    onPoisoned: () => 'poisoned',
    onWorkerLost: (cause) => void lost.push((cause as Error).message),
  });
  pool.run('a', resolve);
  await first.die();
  while (pool.liveWorkers === 0) await sleep(1);
  await last.finish();
  assert.equal(await promise, 'a!');
  assert.deepEqual(lost, ['died', 'spawn 2', 'spawn 3']);
});

test('close lets what runs end, then closes the workers, once', async () => {
  const { pool, workers, results, run } = poolOf();
  run('a', 'b');
  const closing = Promise.all([pool.close(60_000), pool.close(60_000)]);
  assert.equal(pool.hasRoom, false);
  assert.throws(() => run('c'), RangeError);
  await workers[0]!.finish();
  assert.equal(workers[0]!.isClosed, false);
  await workers[1]!.finish();
  await closing;
  assert.deepEqual(results, ['a!', 'b!']);
  assert.ok(workers.every(({ isClosed }) => isClosed));
});

test('what is unfinished when the time is up gets a made-up result, also without any worker', async () => {
  const { pool, workers, results, run } = poolOf({
    workers: 1,
    backoff: new Backoff({ minMs: 60_000, maxMs: 60_000, random: () => 0.5 }),
  });
  run('a', 'b');
  await workers[0]!.die();
  await pool.close(5);
  assert.deepEqual(results, ['a poisoned: the worker pool was closed', 'b poisoned: the worker pool was closed']);
  assert.equal(pool.unfinished, 0);
  assert.equal(workers.length, 1);
});

test('whatever dies or fails: each task settles once, none beside a second attempt', async () => {
  const step = fc.record({
    action: fc.constantFrom('run', 'run', 'run', 'finish', 'finish', 'reject', 'die', 'respawn'),
    pick: fc.nat({ max: 99 }),
  });
  const shape = fc.record({ workers: fc.integer({ min: 1, max: 3 }), perWorker: fc.integer({ min: 1, max: 3 }) });
  await fc.assert(
    fc.asyncProperty(shape, fc.array(step, { maxLength: 60 }), async (options, steps) => {
      const { pool, workers, results, run } = poolOf(options);
      const dead = new Set<FakeWorker>();
      let issued = 0;
      const act = async (action: string, pick: number) => {
        const live = workers.filter((worker) => !dead.has(worker));
        const worker = live[pick % Math.max(1, live.length)];
        if (action === 'run' && pool.hasRoom) run(`${issued++}`);
        if (action === 'respawn') await sleep(2);
        if (worker === undefined) return;
        if (action === 'finish' && worker.running.length > 0) await worker.finish(pick % worker.running.length);
        if (action === 'reject' && worker.running.length > 0) worker.running.shift()!.reject(new Error('no'));
        if (action === 'die') {
          dead.add(worker);
          await worker.die();
        }
        await turn();
      };
      for (const { action, pick } of steps) {
        await act(action, pick);
        assert.ok(workers.every((worker) => worker.running.length <= options.perWorker));
        assert.equal(pool.unfinished, issued - results.length);
      }
      for (let round = 0; pool.unfinished > 0; round++) {
        assert.ok(round < 1_000, 'it ends');
        await act('respawn', 0);
        for (let index = 0; index < workers.length; index++) await act('finish', index);
      }
      const settled = results.map((result) => Number.parseInt(result, 10)).sort((a, b) => a - b);
      assert.deepEqual(
        settled,
        Array.from({ length: issued }, (_, n) => n),
      );
      await pool.close();
    }),
    { numRuns: 60 },
  );
});
