import { createHook } from 'node:async_hooks';

const kept: object[] = [];

/**
 * Holds one of the objects that `process.nextTick` queues, so that the garbage collector never forgets their shape. If a
 * collection finds that queue empty, V8 makes a new shape for the next of them, takes the place in Node that makes them
 * for one of many shapes, and each costs several times as much from then on.
 */
export function keepNextTickShape(): void {
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === 'TickObject') kept.push(resource);
    },
  });
  hook.enable();
  process.nextTick(() => undefined);
  hook.disable();
}
