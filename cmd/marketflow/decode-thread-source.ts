import { Worker } from 'node:worker_threads';
import type { DecodeThreadData } from '../../internal/adapter/in/exchange/decode-thread.ts';

/** Set by the build of the single executable: the thread's code, bundled. */
declare const MARKETFLOW_DECODE_THREAD: string | undefined;

/** Starts a decoding thread: from its source file, or in the single executable from the code inside it. */
export function spawnDecodeThread(data: DecodeThreadData): Worker {
  if (typeof MARKETFLOW_DECODE_THREAD === 'string') {
    return new Worker(MARKETFLOW_DECODE_THREAD, { eval: true, workerData: data });
  }
  return new Worker(new URL('../../internal/adapter/in/exchange/decode-thread.ts', import.meta.url), {
    workerData: data,
  });
}
