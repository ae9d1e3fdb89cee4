import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const ROOT = normalize(new URL('..', import.meta.url).pathname);

/** Source and tests stand beside each other; rules are for what runs in production. */
const TEST_FILE = /\.(test|test-kit|contract|arbitrary|fixture)\.ts$|\/(fixture|test-server)\.ts$/;

/** A file longer than this has swallowed the design. Only ever lower it. */
const MAX_LINES = 400;

interface Source {
  /** From the project's root, e.g. `internal/domain/model/mode.ts`. */
  readonly path: string;
  readonly text: string;
}

function filesUnder(folder: string): Source[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => join(folder, name))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

const everything = ['internal', 'pkg', 'cmd'].flatMap(filesUnder);
const sources = everything.filter(({ path }) => !TEST_FILE.test(path));

/** What a file imports: paths from the root for files of ours, else the package's name. */
function importsOf({ path, text }: Source): string[] {
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\s(?:[^;'"]*?\sfrom\s)?['"]([^'"]+)['"]/gm),
    ...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/new URL\(\s*['"](\.[^'"]+\.ts)['"]/g),
  ].map((match) => match[1]!);
  return specifiers.map((specifier) => (specifier.startsWith('.') ? join(dirname(path), specifier) : specifier));
}

const pathOf = ({ path }: Source): string => path;

/** Comments and strings may say what they like. */
const codeOf = (text: string): string =>
  text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\/\/.*$/gm, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''");

/** Every import of the files under `folder` that `isAllowed` does not know, as `file → import`. */
function strayImports(folder: string, isAllowed: (imported: string, path: string) => boolean): string[] {
  return sources
    .filter(({ path }) => path.startsWith(`${folder}/`))
    .flatMap((source) =>
      importsOf(source)
        .filter((imported) => !isAllowed(imported, source.path))
        .map((imported) => `${source.path} → ${imported}`),
    );
}

const isUnder = (path: string, ...folders: string[]): boolean =>
  folders.some((folder) => path.startsWith(`${folder}/`));
const isOurs = (imported: string): boolean => isUnder(imported, 'internal', 'pkg', 'cmd', 'test');

/** `internal/adapter/out/sqlite`, `internal/adapter/in/http`, …: the folder of one technology. */
const adapterOf = (path: string): string => path.split('/').slice(0, 4).join('/');

test('the rules see the code: there are files in every layer, and imports in them', () => {
  for (const folder of [
    'internal/domain',
    'internal/application',
    'internal/adapter/in',
    'internal/adapter/out',
    'pkg',
    'cmd',
  ]) {
    const found = sources.filter(({ path }) => isUnder(path, folder));
    assert.ok(found.length > 2, folder);
    assert.ok(
      found.some((source) => importsOf(source).length > 0),
      folder,
    );
  }
  const probe = {
    path: 'internal/a/b.ts',
    text: "import type { X } from '../c.ts';\nexport { y } from 'z';\nimport {\n  a,\n} from 'm';\n",
  };
  assert.deepEqual(importsOf(probe), ['internal/c.ts', 'z', 'm']);
});

test('the domain imports nothing from outside the domain', () => {
  assert.deepEqual(
    strayImports('internal/domain', (imported) => isUnder(imported, 'internal/domain')),
    [],
  );
});

test('the application imports the domain, its own files and pkg', () => {
  const stray = strayImports('internal/application', (imported) =>
    isUnder(imported, 'internal/domain', 'internal/application', 'pkg'),
  );
  assert.deepEqual(stray, []);
});

test('ports do not know use cases', () => {
  assert.deepEqual(
    strayImports('internal/application/port', (imported) => !isUnder(imported, 'internal/application/usecase')),
    [],
  );
});

test('an adapter imports ports, the domain, pkg and packages: no use case, no other adapter, no cmd', () => {
  const stray = strayImports('internal/adapter', (imported, path) =>
    isOurs(imported) ? isUnder(imported, 'internal/application/port', 'internal/domain', 'pkg', adapterOf(path)) : true,
  );
  assert.deepEqual(stray, []);
});

test('pkg knows nothing of internal or cmd', () => {
  assert.deepEqual(
    strayImports('pkg', (imported) => !isUnder(imported, 'internal', 'cmd', 'test')),
    [],
  );
});

test('only cmd knows adapters', () => {
  const knowing = sources.filter((source) =>
    importsOf(source).some((imported) => isUnder(imported, 'internal/adapter')),
  );
  const folders = new Set(knowing.map(({ path }) => path.split('/').slice(0, 2).join('/')));
  assert.deepEqual(
    [...folders].filter((folder) => !folder.startsWith('cmd/') && folder !== 'internal/adapter'),
    [],
  );
});

const isPure = ({ path }: Source): boolean =>
  isUnder(path, 'internal/domain') || (isUnder(path, 'internal/adapter/in/exchange') && /\/decode\.ts$/.test(path));

test('domain and decoders are pure: no clock, no chance, no process, no timer, no input or output', () => {
  const banned =
    /\b(Date|Math\.random|process|console|performance|setTimeout|setInterval|setImmediate|queueMicrotask|fetch|globalThis|crypto|require|await|Atomics)\b(?!:)/;
  const pure = sources.filter(isPure);
  assert.ok(pure.some(({ path }) => path.endsWith('line-json/decode.ts')));
  const calls = pure.flatMap(({ path, text }) => {
    const found = banned.exec(codeOf(text));
    return found === null ? [] : [`${path}: ${found[0]}`];
  });
  assert.deepEqual(calls, []);
  const imports = pure.flatMap((source) =>
    importsOf(source)
      .filter((imported) => !isOurs(imported))
      .filter((imported) => !(imported === 'node:buffer' && /import \{ isUtf8 \} from 'node:buffer'/.test(source.text)))
      .map((imported) => `${source.path} → ${imported}`),
  );
  assert.deepEqual(imports, []);
});

test(`no source file is over ${MAX_LINES} lines`, () => {
  const long = sources.filter(({ text }) => text.split('\n').length > MAX_LINES).map(pathOf);
  assert.deepEqual(long, []);
});

test('every venue has the files of every other: reading one lets you open any file of another', () => {
  const folder = join(ROOT, 'internal/adapter/in/exchange');
  const venues = readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory());
  const withDescriptor = venues.filter((name) => existsSync(join(folder, name, 'descriptor.ts')));
  for (const venue of withDescriptor) {
    const files = readdirSync(join(folder, venue));
    for (const name of ['wire.ts', 'decode.ts', 'decode.test.ts'])
      assert.ok(files.includes(name), `${venue} has no ${name}`);
  }
  for (const venue of venues) {
    const files = readdirSync(join(folder, venue));
    assert.deepEqual(
      ['wire.ts', 'decode.ts', 'decode.test.ts'].filter((name) => !files.includes(name)),
      [],
      venue,
    );
  }
});

test('the engine that owns sockets holds no venue’s name', () => {
  const engine = sources.filter(({ path }) => dirname(path) === 'internal/adapter/in/exchange');
  const named = engine.filter(({ text }) => /binance|bybit|coinbase|kraken|okx/i.test(codeOf(text))).map(pathOf);
  assert.deepEqual(named, []);
});

test('types are not switched off', () => {
  const isOff = ({ text }: Source) =>
    /@ts-(ignore|nocheck|expect-error)/.test(text) || /(:\s*|<|\bas )any\b(\[\]|\s*[;,)>=])/.test(codeOf(text));
  assert.deepEqual(everything.filter(isOff).map(pathOf), []);
});

test('no folder or file is a drawer for anything', () => {
  const drawer = /(^|\/)(utils?|helpers?|common|shared|misc|index)(\/|\.ts$)/;
  assert.deepEqual(everything.filter(({ path }) => drawer.test(path)).map(pathOf), []);
});
