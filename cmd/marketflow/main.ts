#!/usr/bin/env node
import { takeOwnNode } from './own-node.ts';

// Before anything large is loaded, so the rest is imported later. No top-level await: the single executable is a CommonJS
// bundle.
takeOwnNode();

/** A signal that comes while the rest is loaded is obeyed when it is. */
let isStopAsked = false;
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    isStopAsked = true;
  });
}

void import('./command.ts').then(({ main }) => main(() => isStopAsked));
