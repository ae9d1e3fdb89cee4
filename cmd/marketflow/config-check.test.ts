import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { readConfigFile } from '../../pkg/config/file-layer.ts';
import { hideSecrets } from '../../pkg/config/secrets.ts';
import { checkConfig, findWarnings } from './config-check.ts';
import { readSettings, readSettingsFile, SETTING_KEYS } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-check-'));
const configFile = join(folder, 'marketflow.yaml');
after(() => rmSync(folder, { recursive: true }));

function load(content: string, environment: Readonly<Record<string, string>> = {}) {
  writeFileSync(configFile, content);
  return readSettings({ file: readConfigFile(configFile, SETTING_KEYS), environment, flags: [] });
}

test('shows every setting with its origin', () => {
  const content = 'mode: live\nsymbols: [A, B]\ntest: { sources: { Gen: generator } }\n';
  const { exitCode, stdout, stderr } = checkConfig(load(content, { MARKETFLOW_SERVER_PORT: '0' }));
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.match(stdout, /^mode: live {2}# file .*marketflow\.yaml line 1$/m);
  assert.match(stdout, /^symbols: A,B {2}# file .* line 2$/m);
  assert.match(stdout, /^server:\n {2}host: 127\.0\.0\.1 {2}# default\n {2}port: 0 {2}# env MARKETFLOW_SERVER_PORT$/m);
  assert.match(stdout, /^test:\n {2}sources: gen=generator {2}# file/m);
  assert.match(stdout, /^ {2}lateness: 2m {2}# default$/m);
});

test('what it prints is a file for the same settings', () => {
  const environment = {
    MARKETFLOW_SYMBOLS: '*',
    MARKETFLOW_DATA_DIR: '# odd: "name"\n!',
    MARKETFLOW_LIVE_SOURCES: 'a=tcp://[::1]:9,b=generator',
    MARKETFLOW_TICK_LOG_KIND: 'memory',
    MARKETFLOW_SERVER_HOST: '::',
    MARKETFLOW_GENERATOR_RATE: '0.5',
  };
  const original = load('', environment);
  const again = load(checkConfig(original).stdout);
  assert.ok(original.ok && again.ok);
  assert.deepEqual(again.settings, original.settings);
});

test('any data folder is printed so that it is read as the same', () => {
  const odd = fc.constantFrom(
    'true',
    'null',
    '1e5',
    '0x10',
    '.inf',
    '1',
    '...',
    '---',
    '~',
    'a:',
    'a: b',
    'a #b',
    '[a',
    '*a',
  );
  const path = fc.oneof(
    odd,
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.stringMatching(/^[-\w./:=,[\]#&*!|>'"%@\x60 ]+$/),
  );
  fc.assert(
    fc.property(
      path.filter((name) => name.trim() !== '' && !name.includes('\0') && hideSecrets(name) === name),
      (dataDir) => {
        const again = load(checkConfig(load('', { MARKETFLOW_DATA_DIR: dataDir })).stdout);
        assert.equal(again.ok && again.settings.dataDir, dataDir);
      },
    ),
    { numRuns: 200 },
  );
});

test('the file is read when there is one', async () => {
  load('mode: live\n');
  const layer = await readSettingsFile(configFile);
  assert.deepEqual(
    layer?.given.map(({ key, value }) => [key, value]),
    [['mode', 'live']],
  );
  assert.equal(await readSettingsFile(null), null);
});

test('every problem is one line on stderr, and the code is 78', () => {
  const result = checkConfig(load('mode: foo\nserver: { prot: 1 }\n', { MARKETFLOW_SERVER_PORT: 'abc' }));
  assert.equal(result.exitCode, 78);
  assert.equal(result.stdout, '');
  const lines = result.stderr.trimEnd().replaceAll(configFile, 'FILE').split('\n');
  assert.deepEqual(lines, [
    'marketflow: server.prot (file FILE line 2): is not a setting (did you mean server.port?): must be a known key or absent',
    'marketflow: mode (file FILE line 1): "foo" is not known: must be one of live, test',
    'marketflow: server.port (env MARKETFLOW_SERVER_PORT): "abc" is not a whole number: must be a whole number from 0 to 65535',
  ]);
});

test('defaults are not suspicious', () => {
  const loaded = load('');
  assert.ok(loaded.ok);
  assert.deepEqual(findWarnings(loaded.settings), []);
});

test('suspicious settings are told and explained', () => {
  const suspicious: readonly (readonly [string, string])[] = [
    ['server: { host: 0.0.0.0 }', 'server.host'],
    ['dataDir: ~/data', 'dataDir'],
    ['tickLog: { kind: memory }', 'tickLog.kind'],
    ['tickLog: { kind: memory, durability: sync }', 'tickLog.kind,tickLog.durability'],
    ['candles: { lateness: 1s }', 'candles.lateness'],
    ['live: { sources: { a: generator } }', 'live.sources'],
    ['symbols: "*"', 'candles.intervals'],
    ['test: { sources: { a: "tcp://h:1", b: "tcp://h:1" } }', 'test.sources'],
  ];
  for (const [content, keys] of suspicious) {
    const loaded = load(content);
    assert.ok(loaded.ok, content);
    const warnings = findWarnings(loaded.settings);
    assert.equal(warnings.map(({ key }) => key).join(), keys);
    for (const { key, message, explanation } of warnings) {
      assert.ok(checkConfig(loaded).stdout.includes(`# warning: ${key} ${message}: ${explanation}\n`));
    }
  }
});
