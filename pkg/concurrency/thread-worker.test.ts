import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Backoff } from './backoff.ts';
import { sleep } from './deadline.ts';
import type { FixtureResult, FixtureTask } from './thread-worker.fixture.ts';
import { type ThreadExitError, ThreadWorker } from './thread-worker.ts';
import { WorkerPool } from './worker-pool.ts';

function spawnThread(): Worker {
  return new Worker(new URL('./thread-worker.fixture.ts', import.meta.url));
}

function newWorker(t: TestContext) {
  const worker = new ThreadWorker<FixtureTask, FixtureResult, string>(spawnThread);
  t.after(() => worker.close());
  return worker;
}

function task(n: number, act: FixtureTask['act'] = 'double'): FixtureTask {
  return { n, act, cell: new Int32Array(new SharedArrayBuffer(4)) };
}

function newPool(t: TestContext, workers: number, onRoom?: () => void) {
  const causes: { code?: string }[] = [];
  const threads: Worker[] = [];
  const pool = new WorkerPool<FixtureTask, FixtureResult, string>({
    workers,
    spawn: () => {
      const thread = spawnThread();
      threads.push(thread);
      return new ThreadWorker(() => thread);
    },
    backoff: new Backoff({ minMs: 5, maxMs: 20, random: () => 0.5 }),
    onPoisoned: (_, cause) => {
      causes.push(cause as { code?: string });
      return { n: -1, told: [] };
    },
    onRoom: () => onRoom?.(),
  });
  t.after(() => pool.close(0));
  const run = (given: FixtureTask) => new Promise<FixtureResult>((resolve) => pool.run(given, resolve));
  return { pool, run, threads, causes };
}

test('answers each task; shared memory is the same on both sides', async (t) => {
  const worker = newWorker(t);
  const tasks = [1, 2, 3].map((n) => task(n));
  const results = await Promise.all(tasks.map((each) => worker.run(each)));
  assert.deepEqual(
    results.map(({ n }) => n),
    [2, 4, 6],
  );
  assert.ok(tasks.every(({ cell }) => Atomics.load(cell, 0) === 1));
});

test('broadcasts arrive in order with the tasks', async (t) => {
  const worker = newWorker(t);
  const answers: Promise<FixtureResult>[] = [];
  for (const message of ['a', 'b', 'c']) {
    answers.push(worker.run(task(0, 'told')));
    worker.broadcast(message);
  }
  const told = (await Promise.all(answers)).map((answer) => answer.told.join(''));
  assert.deepEqual(told, ['', 'a', 'ab']);
});

test('a task that throws is rejected with what it threw, and the thread lives on', async (t) => {
  const worker = newWorker(t);
  await assert.rejects(worker.run(task(7, 'throw')), { message: 'task 7 threw' });
  assert.equal((await worker.run(task(1))).n, 2);
});

test('a thread that ends rejects all that is outstanding and tells it once', async (t) => {
  const worker = newWorker(t);
  const exits: unknown[] = [];
  worker.onExit((cause) => void exits.push(cause));
  const outcomes = await Promise.allSettled([worker.run(task(1)), worker.run(task(2, 'exit')), worker.run(task(3))]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected'],
  );
  assert.equal(exits.length, 1);
  assert.equal((exits[0] as ThreadExitError).code, 'thread_exit');
  assert.equal((exits[0] as ThreadExitError).exitCode, 3);
  await assert.rejects(worker.run(task(4)), { code: 'thread_exit' });
});

test('an uncaught error is the cause of the exit', async (t) => {
  const worker = newWorker(t);
  worker.broadcast('crash');
  await assert.rejects(worker.run(task(1)), (error: ThreadExitError) => {
    assert.equal(error.code, 'thread_exit');
    assert.equal((error.cause as Error).message, 'crashed by a broadcast');
    return true;
  });
});

test('an answer that can’t be cloned ends the thread, not the caller', async (t) => {
  const worker = newWorker(t);
  await assert.rejects(worker.run(task(1, 'crash')), { code: 'thread_exit' });
});

test('a task that can’t be cloned is its own failure', async (t) => {
  const worker = newWorker(t);
  const broken = { ...task(1), by: () => undefined };
  await assert.rejects(async () => worker.run(broken), { name: 'DataCloneError' });
  assert.equal((await worker.run(task(2))).n, 4);
});

test('threads that crash, exit and are terminated under load: each task settles once with its own result', async (t) => {
  const TASKS = 400;
  const acts = new Map<number, FixtureTask['act']>([
    [40, 'crash-once'],
    [100, 'exit-once'],
    [160, 'exit-once'],
    [220, 'exit'],
    [280, 'throw'],
  ]);
  const poisoned = [220, 280];
  const settled = new Map<number, number[]>();
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  let next = 0;
  const pump = () => {
    // The thread that is terminated must not hold a second attempt that an earlier death caused.
    const goal = settled.size < 300 ? 300 : TASKS;
    while (next < goal && pool.hasRoom) {
      const n = next++;
      pool.run(task(n, acts.get(n)), (result) => {
        settled.set(n, [...(settled.get(n) ?? []), result.n]);
        if (n === 340) void threads.at(-1)?.terminate();
        if (settled.size === TASKS) finish();
      });
    }
  };
  const { pool, threads, causes } = newPool(t, 3, pump);
  pump();
  await finished;
  for (let n = 0; n < TASKS; n++) assert.deepEqual(settled.get(n), [poisoned.includes(n) ? -1 : n * 2], `task ${n}`);
  assert.equal(causes.length, poisoned.length);
  // One for each death by 40, 100, 160 and, twice, 220, beside the three at the start.
  while (pool.liveWorkers < 3) await sleep(2);
  assert.ok(threads.length >= 3 + 5, `${threads.length} threads`);
});

test('a thread terminated while it hangs: the task runs again, then is poisoned; the next thread is told the newest', async (t) => {
  const { pool, run, threads, causes } = newPool(t, 1);
  pool.broadcast('old');
  pool.broadcast('new');
  const hanging = task(1, 'hang');
  const result = run(hanging);
  for (let attempt = 0; attempt < 2; attempt++) {
    while (Atomics.load(hanging.cell, 0) === 0) await sleep(2);
    Atomics.store(hanging.cell, 0, 0);
    await threads.at(-1)!.terminate();
  }
  assert.equal((await result).n, -1);
  assert.equal(causes[0]?.code, 'thread_exit');
  while (!pool.hasRoom) await sleep(2);
  assert.deepEqual(await run(task(4, 'told')), { n: 8, told: ['new'] });
});

test('closing ends a thread that hangs', async (t) => {
  const { pool, run, causes } = newPool(t, 1);
  const result = run(task(1, 'hang'));
  await pool.close(50);
  assert.equal((await result).n, -1);
  assert.equal(causes[0]?.code, 'pool_closed');
});
