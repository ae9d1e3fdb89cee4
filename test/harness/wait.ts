import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `isTrue`; rejects, naming `what`, when that takes longer than `deadlineMs`. */
export async function waitUntil(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
  pollMs = 20,
): Promise<void> {
  const endAtMs = performance.now() + deadlineMs;
  while (!(await isTrue())) {
    if (performance.now() > endAtMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(pollMs);
  }
}

/** Polls `read` until its value has been the same for `quietMs`; returns it. */
export async function untilQuiet<T>(read: () => Promise<T>, quietMs = 400, deadlineMs = 15_000): Promise<T> {
  const endAtMs = performance.now() + deadlineMs;
  let value = await read();
  let sinceMs = performance.now();
  while (performance.now() - sinceMs < quietMs) {
    if (performance.now() > endAtMs) throw new Error(`not quiet within ${deadlineMs} ms`);
    await sleep(40);
    const next = await read();
    if (next !== value) sinceMs = performance.now();
    value = next;
  }
  return value;
}
