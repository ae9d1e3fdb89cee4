import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfigFile } from './file-layer.ts';

const KEYS = ['mode', 'server.host', 'server.port', 'live.sources'];
const folder = mkdtempSync(join(tmpdir(), 'config-file-'));
const path = join(folder, 'config.yaml');
after(() => rmSync(folder, { recursive: true }));

function read(content: string | Uint8Array) {
  writeFileSync(path, content);
  return readConfigFile(path, KEYS);
}

function faults(content: string | Uint8Array): string[] {
  return read(content).problems.map(({ message }) => message.replaceAll(path, 'FILE'));
}

test('values come with their lines; empty entries and sections are not set', () => {
  const { given, problems } = read('\uFEFF# c\nmode: live\r\nserver:\n  port: 80\n  host:\nlive:\n');
  assert.deepEqual(problems, []);
  assert.deepEqual(given, [
    { key: 'mode', value: 'live', origin: { kind: 'file', path, line: 2 } },
    { key: 'server.port', value: 80, origin: { kind: 'file', path, line: 4 } },
  ]);
});

test('an empty file sets nothing', () => {
  for (const content of ['', '# comment\n', '---\n', '{}'])
    assert.deepEqual(read(content), { given: [], problems: [] });
});

test('a setting may be a mapping or a list', () => {
  const { given } = read('live: { sources: { a: generator, b: "tcp://h:1" } }\n');
  assert.deepEqual(
    given.map(({ value }) => value),
    [{ a: 'generator', b: 'tcp://h:1' }],
  );
});

test('all unknown and repeated keys at once, with suggestions and lines', () => {
  const content =
    'mode: a\nmoed: b\nserver:\n  prot: 1\n  port: 1\n  port: 2\nserver.host: h\nlive:\n  sources: {a: b, a: c}\n';
  assert.deepEqual(faults(content), [
    'server.port (file FILE line 6): stands in line 5 already: must be given once',
    'live.sources.a (file FILE line 9): stands in line 9 already: must be given once',
    'moed (file FILE line 2): is not a setting (did you mean mode?): must be a known key or absent',
    'server.prot (file FILE line 4): is not a setting (did you mean server.port?): must be a known key or absent',
    'server.host (file FILE line 7): is not a setting (write server: { host: … }, without the dot): must be a known key or absent',
  ]);
});

test('a section that is no mapping, and a top level that is none', () => {
  assert.deepEqual(faults('server: 5\n'), [
    'server (file FILE line 1): is not a mapping: must hold the keys server.host, server.port',
  ]);
  for (const content of ['- a\n', 'hello\n', '5\n']) assert.match(faults(content)[0]!, /is not a mapping at its top/);
});

test('an odd key is cut and stays on one line', () => {
  assert.match(faults(`"a\\n\\u001b[31m${'x'.repeat(500)}": 1\n`)[0]!, /^a \[31mx{60,80}… \(file FILE line 1\)[ -~]+$/);
});

test('syntax errors name the line and stay on one', () => {
  assert.match(faults('server:\n\tport: 1\n')[0]!, /^config file \(file FILE line 2\): is not valid YAML: [^\n]+$/);
  assert.match(faults('mode: "live\n')[0]!, /is not valid YAML/);
  assert.match(faults('mode: !secret x\n')[0]!, /line 1\): is not valid YAML: Unresolved tag/);
  assert.match(
    faults('mode: a\n---\nmode: b\n')[0]!,
    /line 2\): is not valid YAML: Source contains multiple documents/,
  );
});

test('a file that cannot be read is one problem', () => {
  const problem = (at: string) =>
    readConfigFile(at, KEYS).problems.map(({ message }) => message.replaceAll(folder, 'DIR'));
  assert.deepEqual(problem(join(folder, 'none.yaml')), [
    'config file (flag --config): "DIR/none.yaml" does not exist: must be a readable YAML file in UTF-8',
  ]);
  assert.deepEqual(problem(folder), ['config file (flag --config): "DIR" is a directory: must be a YAML file']);
  assert.match(problem('/dev/null')[0]!, /is not a regular file/);
  assert.match(faults('#'.repeat(1_048_577))[0]!, /is too large: must be at most 1MiB/);
  assert.match(faults(Uint8Array.of(0x6d, 0xff, 0xfe))[0]!, /is not UTF-8/);
});

test('hostile files end quickly, in few lines', () => {
  const deep = '['.repeat(1_000_000);
  const bomb = `x: &a [${'y,'.repeat(99)}]\nz: &b [${'*a,'.repeat(99)}]\nmode: [${'*b,'.repeat(99)}]\n`;
  const nonsense = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n');
  const startedAtMs = performance.now();
  for (const content of [deep, bomb, nonsense, 'mode: a\n'.repeat(20_000), 'mode: &a [*a]\n__proto__: {a: 1}\n']) {
    const told = faults(content);
    assert.ok(told.length >= 1 && told.length <= 21, `${told.length} problems`);
  }
  assert.ok(performance.now() - startedAtMs < 10_000);
});
