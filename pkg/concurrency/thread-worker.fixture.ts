import { parentPort } from 'node:worker_threads';
import { serveThread } from './thread-serve.ts';

/** What the fixture's thread is asked to do with `cell`, a word of shared memory. */
export type FixtureTask = {
  readonly n: number;
  /** `once` variants misbehave only while `cell` is 0, and set it. */
  readonly act: 'double' | 'throw' | 'crash' | 'exit' | 'hang' | 'told' | 'crash-once' | 'exit-once';
  readonly cell: Int32Array;
};

export type FixtureResult = { readonly n: number; readonly told: readonly string[] };

const told: string[] = [];

function run({ n, act, cell }: FixtureTask): FixtureResult {
  const isFirst = Atomics.exchange(cell, 0, 1) === 0;
  switch (act) {
    case 'throw':
      throw new Error(`task ${n} threw`);
    case 'hang':
      for (;;);
    case 'exit':
      process.exit(3);
      break;
    case 'exit-once':
      if (isFirst) process.exit(3);
      break;
    case 'crash':
      crash();
      break;
    case 'crash-once':
      if (isFirst) crash();
  }
  return { n: n * 2, told: act === 'told' ? told : [] };
}

/** What can't be cloned can't be answered with, so this ends as an uncaught error of the thread. */
function crash(): never {
  throw Object.assign(new Error('crashed'), { cause: () => undefined });
}

serveThread<FixtureTask, FixtureResult, string>(parentPort, {
  run,
  broadcast: (message) => {
    if (message === 'crash') throw new Error('crashed by a broadcast');
    told.push(message);
  },
});
