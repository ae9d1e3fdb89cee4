import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { DeadlineError, sleep, withDeadline } from './deadline.ts';

/** Timers of this process that keep it alive. */
function openTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

test('passes the outcome on and leaves no timer', async () => {
  const before = openTimers();
  assert.equal(await withDeadline(Promise.resolve(7), 60_000, 'seven'), 7);
  assert.equal(await withDeadline(8, 60_000, 'eight'), 8);
  await assert.rejects(withDeadline(Promise.reject(new Error('no')), 60_000, 'no'), { message: 'no' });
  assert.equal(openTimers(), before);
});

test('rejects with the name of what took too long', async () => {
  const late = withDeadline(new Promise(() => undefined), 5, 'the answer');
  await assert.rejects(late, (error: unknown) => {
    assert.ok(error instanceof DeadlineError);
    assert.equal(error.code, 'deadline');
    assert.equal(error.message, 'the answer took longer than 5 ms');
    return true;
  });
});

test('a rejection after the deadline is nobody’s', async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  const unhandled = mock.fn();
  process.on('unhandledRejection', unhandled);
  await assert.rejects(withDeadline(promise, 1, 'it'), { code: 'deadline' });
  reject(new Error('late'));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', unhandled);
  assert.equal(unhandled.mock.callCount(), 0);
});

test('sleeps', async () => {
  const startMs = performance.now();
  await sleep(20);
  assert.ok(performance.now() - startMs >= 19);
});

test('an abort ends the sleep with its reason, and its timer', async () => {
  const before = openTimers();
  const controller = new AbortController();
  const asleep = sleep(60_000, controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(asleep, { message: 'enough' });
  await assert.rejects(sleep(60_000, controller.signal), { message: 'enough' });
  assert.equal(openTimers(), before);
});

test('sleeping leaves no listener on a signal that lives on', async () => {
  const { signal } = new AbortController();
  const removed = mock.method(signal, 'removeEventListener');
  await sleep(1, signal);
  assert.equal(removed.mock.callCount(), 1);
});
