import { setFlagsFromString } from 'node:v8';
import type { Settings } from './settings.ts';

/** From so many symbols on the state, and what each checkpoint copies of it, is most of the heap. */
const MANY_SYMBOLS = 200;

/**
 * Left alone, V8 lets garbage grow to several times the live heap: with 2,000 symbols at three exchanges and 20,000
 * ticks/s the process took 390 MiB after 40 s, and with this 200 (the load of `make bench`, life). It costs a fifth of the
 * requests a second of `GET /prices/latest`, so a run with few symbols, which needs no such thing, goes without.
 */
export function keepHeapTight({ symbols }: Settings): void {
  if (symbols !== '*' && symbols.length <= MANY_SYMBOLS) return;
  setFlagsFromString('--optimize-for-size');
  setFlagsFromString('--semi-space-growth-factor=1');
}
