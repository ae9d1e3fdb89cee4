#!/usr/bin/env node
import { cacheCompiledCode } from './compile-cache.ts';

/** A signal that comes while the rest is loaded is obeyed when it is. */
let isStopAsked = false;
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    isStopAsked = true;
  });
}

// Before anything large is loaded, so the rest is imported later. No top-level await: the single executable is a CommonJS
// bundle.
cacheCompiledCode();
void import('./command.ts').then(({ main }) => main(() => isStopAsked));
