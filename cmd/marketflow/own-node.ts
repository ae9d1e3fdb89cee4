import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from './node-flags.ts';

/** Set by the build of the single executable, which brings its own flags and code cache. */
declare const MARKETFLOW_DECODE_THREAD: string | undefined;

/**
 * However the program was called, it runs on a Node with its flags and with the folder of compiled code, types stripped,
 * beside the installed packages: where this Node was started without them, another takes its place in the same process,
 * and this does not return. With both from the start, what strips types is never loaded: 129 MiB resident where the program as
 * it was called took 161, for 40 ms more. Where that folder can't be written Node goes on without.
 */
export function takeOwnNode(): void {
  if (typeof MARKETFLOW_DECODE_THREAD === 'string') return;
  const { argv, env, execArgv, execPath, execve } = process;
  const hasFlags = NODE_FLAGS.every((flag) => execArgv.includes(flag));
  if (hasFlags && env['NODE_COMPILE_CACHE'] !== undefined) return;
  const cache = fileURLToPath(new URL('../../node_modules/.cache/marketflow', import.meta.url));
  // Whoever started this with a channel, as `make dev` does, would lose it.
  if (execve === undefined || process.channel !== undefined) enableCompileCache(cache);
  else {
    const flags = [...execArgv, ...NODE_FLAGS];
    execve.call(process, execPath, [execPath, ...flags, ...argv.slice(1)], { NODE_COMPILE_CACHE: cache, ...env });
  }
}
