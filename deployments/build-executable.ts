/**
 * Makes build/marketflow: the program bundled by esbuild into one script, with the dashboard's files, inside a copy of the
 * Node that runs this.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { inject } from 'postject';
import { NODE_FLAGS } from '../cmd/marketflow/node-flags.ts';

const out = 'build';
const executable = join(out, 'marketflow');
const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minify: true,
  logLevel: 'warning',
} as const;

mkdirSync(out, { recursive: true });
await import('./build-dashboard.ts');
const dashboard = readdirSync(join(out, 'dashboard')).map((name) => [
  `dashboard/${name}`,
  join(out, 'dashboard', name),
]);
const thread = await build({ ...common, entryPoints: ['internal/adapter/in/exchange/decode-thread.ts'], write: false });
await build({
  ...common,
  entryPoints: ['cmd/marketflow/main.ts'],
  outfile: join(out, 'marketflow.cjs'),
  define: {
    MARKETFLOW_DECODE_THREAD: JSON.stringify(thread.outputFiles[0]?.text),
    // Only used where the sources lie beside the program.
    'import.meta.url': '"file:///"',
  },
});

// https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html
const blob = join(out, 'marketflow.blob');
const config = join(out, 'sea.json');
writeFileSync(
  config,
  JSON.stringify({
    main: join(out, 'marketflow.cjs'),
    output: blob,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv: NODE_FLAGS,
    assets: Object.fromEntries(dashboard),
  }),
);
execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: ['ignore', 'ignore', 'inherit'] });
rmSync(executable, { force: true });
copyFileSync(process.execPath, executable);
await inject(executable, 'NODE_SEA_BLOB', readFileSync(blob), {
  sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
});
chmodSync(executable, 0o755);
for (const part of [blob, config, join(out, 'marketflow.cjs')]) rmSync(part);
