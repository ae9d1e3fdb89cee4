import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep } from './deadline.ts';
import { Lifecycle, LifecycleError, type Part } from './lifecycle.ts';

const never = () => new Promise<void>(() => undefined);

function fails(message: string) {
  return () => Promise.reject(new Error(message));
}

/** Parts that write what happens to them into `log`; `changes` replace steps of a part. */
function parts(log: string[], names: string, changes: Record<string, Partial<Part>> = {}): Part[] {
  return [...names].map((name) => {
    const step = (word: string, change: (() => Promise<void> | void) | undefined) => async () => {
      log.push(`${word} ${name}`);
      await change?.();
    };
    return {
      ...changes[name],
      name,
      start: step('start', changes[name]?.start),
      stop: step('stop', changes[name]?.stop),
    };
  });
}

function failuresOf(error: unknown): string[] {
  assert.ok(error instanceof LifecycleError);
  assert.equal(error.code, 'lifecycle');
  assert.equal(error.errors.length, error.failures.length);
  return error.failures.map(({ part, step, cause }) => `${step} ${part}: ${(cause as Error).message}`);
}

test('starts in order, stops in reverse, once each', async () => {
  const log: string[] = [];
  const lifecycle = new Lifecycle(parts(log, 'abc'), 1_000);
  await Promise.all([lifecycle.start(), lifecycle.start()]);
  await Promise.all([lifecycle.stop(), lifecycle.stop()]);
  await lifecycle.stop();
  assert.deepEqual(log, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
});

test('waits for a part before it starts the next', async () => {
  const log: string[] = [];
  const slow = () => sleep(5).then(() => void log.push('a is up'));
  await new Lifecycle(parts(log, 'ab', { a: { start: slow } }), 1_000).start();
  assert.deepEqual(log, ['start a', 'a is up', 'start b']);
});

test('a failing start stops what was started, and only that', async () => {
  const log: string[] = [];
  const lifecycle = new Lifecycle(
    parts(log, 'abcd', { a: { stop: fails('stuck') }, c: { start: fails('taken') } }),
    1_000,
  );
  await assert.rejects(lifecycle.start(), (error: unknown) => {
    assert.deepEqual(failuresOf(error), ['start c: taken', 'stop a: stuck']);
    return true;
  });
  assert.deepEqual(log, ['start a', 'start b', 'start c', 'stop b', 'stop a']);
  await lifecycle.stop();
  assert.equal(log.length, 5);
});

test('a start that passes its deadline is a failure, and that part is stopped too', async () => {
  const log: string[] = [];
  const lifecycle = new Lifecycle(parts(log, 'ab', { b: { start: never, deadlineMs: 5 } }), 1_000);
  await assert.rejects(lifecycle.start(), (error: unknown) => {
    assert.deepEqual(failuresOf(error), ['start b: start of b took longer than 5 ms']);
    return true;
  });
  assert.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a']);
});

test('stop tries every part and reports all failures', async () => {
  const log: string[] = [];
  const changes = { a: { stop: fails('one') }, b: { stop: never }, c: { stop: fails('two') } };
  const lifecycle = new Lifecycle(parts(log, 'abc', changes), 5);
  await lifecycle.start();
  await assert.rejects(lifecycle.stop(), (error: unknown) => {
    assert.deepEqual(failuresOf(error), ['stop c: two', 'stop b: stop of b took longer than 5 ms', 'stop a: one']);
    return true;
  });
  assert.deepEqual(log.slice(3), ['stop c', 'stop b', 'stop a']);
});

test('a stop during the start lets the step end and starts no other', async () => {
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const lifecycle = new Lifecycle(parts(log, 'abc', { b: { start: () => gate.promise } }), 1_000);
  const starting = lifecycle.start();
  await sleep(1);
  const stopping = lifecycle.stop();
  gate.resolve();
  await Promise.all([starting, stopping]);
  assert.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a']);
});

test('stopped before it is started, it never starts; parts without steps are fine', async () => {
  const log: string[] = [];
  const lifecycle = new Lifecycle([{ name: 'bare' }, ...parts(log, 'a')], 1_000);
  await lifecycle.stop();
  await lifecycle.start();
  assert.deepEqual(log, []);
  const bare = new Lifecycle([{ name: 'bare' }], 1_000);
  await bare.start();
  await bare.stop();
});

test('a step that throws at once is a failure like any other', async () => {
  const part = {
    name: 'a',
    start() {
      throw new Error('at once');
    },
  };
  await assert.rejects(new Lifecycle([part], 1_000).start(), (error: unknown) => {
    assert.deepEqual(failuresOf(error), ['start a: at once']);
    return true;
  });
});
