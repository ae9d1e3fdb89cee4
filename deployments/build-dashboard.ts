/** Makes build/dashboard/: the page's script and style under names with a hash, each also as gzip and Brotli, and manifest.json. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'esbuild';

const page = 'internal/adapter/in/http/dashboard/page';
const out = 'build/dashboard';
const result = await build({
  entryPoints: [`${page}/main.tsx`, `${page}/style.css`],
  outdir: out,
  entryNames: '[name]-[hash]',
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: ['chrome111', 'firefox115', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  // Its code for developers is half a megabyte.
  conditions: ['production'],
  minify: true,
  legalComments: 'eof',
  charset: 'utf8',
  logLevel: 'warning',
  write: false,
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await Promise.all(
  result.outputFiles.map(async ({ path, contents }) => {
    const file = join(out, basename(path));
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: contents.byteLength };
    writeFileSync(file, contents);
    writeFileSync(`${file}.br`, await promisify(brotliCompress)(contents, { params }));
    writeFileSync(`${file}.gz`, await promisify(gzip)(contents, { level: 9 }));
  }),
);
const nameOf = (extension: string): string =>
  basename(result.outputFiles.find(({ path }) => path.endsWith(extension))?.path ?? '');
// Last: whoever finds it finds all.
writeFileSync(join(out, 'manifest.json'), JSON.stringify({ script: nameOf('.js'), style: nameOf('.css') }));
