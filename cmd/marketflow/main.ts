#!/usr/bin/env node
import { cacheCompiledCode } from './compile-cache.ts';
import { keepHeapSmall } from './heap.ts';

// Both have to come before anything large is loaded, so the rest is imported later. No top-level await: the single
// executable is a CommonJS bundle.
keepHeapSmall();
cacheCompiledCode();
void import('./command.ts').then(({ main }) => main());
