#!/usr/bin/env node
import { cacheCompiledCode } from './compile-cache.ts';

// Before anything large is loaded, so the rest is imported later. No top-level await: the single executable is a CommonJS
// bundle.
cacheCompiledCode();
void import('./command.ts').then(({ main }) => main());
