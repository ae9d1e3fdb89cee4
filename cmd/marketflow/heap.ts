import { setFlagsFromString } from 'node:v8';

/**
 * Loading the program makes V8 grow its young generation to 32 MiB and keep it, though a default run uses 2 MiB of it.
 * Without growth at start-up the process takes 136 MB instead of 160 (`make bench`, resident memory).
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** After start-up: V8's default, so that the young generation can follow a load. */
export function letHeapGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
