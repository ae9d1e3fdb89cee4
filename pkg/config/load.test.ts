import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Layer } from './layer.ts';
import { loadSettings } from './load.ts';
import type { Origin } from './problem.ts';
import { choice, decimal, duration, integer, size, text } from './setting.ts';

const TABLE = {
  mode: choice(['live', 'test'], 'test'),
  port: integer(0, 65_535, 8_080),
  rate: decimal(0.1, 10, 1),
  wait: duration('1s', '1m', '5s'),
  room: size('1KiB', '1MiB', '64KiB'),
  'db.url': text((value) => value.startsWith('pg:'), 'is not a URL', 'a pg: URL', 'pg:'),
};
const FILE: Origin = { kind: 'file', path: 'c.yaml', line: 3 };
const ENV: Origin = { kind: 'env', name: 'APP_X' };
const FLAG: Origin = { kind: 'flag', name: '--x' };

function layer(origin: Origin, values: Readonly<Record<string, unknown>>): Layer {
  return { given: Object.entries(values).map(([key, value]) => ({ key, value, origin })), problems: [] };
}

function faults(layers: readonly Layer[], rules: Parameters<typeof loadSettings<typeof TABLE>>[2] = []): string[] {
  const loaded = loadSettings(TABLE, layers, rules);
  assert.ok(!loaded.ok);
  return loaded.problems.map(({ message }) => message);
}

test('flags win over the environment, it over the file, it over defaults; each value tells its origin', () => {
  const layers = [
    layer(FILE, { mode: 'live', port: 1, wait: '2s', rate: 2 }),
    layer(ENV, { port: '2', wait: '3s' }),
    layer(FLAG, { port: '3' }),
  ];
  const loaded = loadSettings(TABLE, layers, []);
  assert.ok(loaded.ok);
  assert.deepEqual(loaded.values, { mode: 'live', port: 3, rate: 2, wait: 3_000, room: 65_536, 'db.url': 'pg:' });
  assert.deepEqual(loaded.effective, [
    { key: 'mode', shown: 'live', origin: FILE },
    { key: 'port', shown: 3, origin: FLAG },
    { key: 'rate', shown: 2, origin: FILE },
    { key: 'wait', shown: '3s', origin: ENV },
    { key: 'room', shown: '64KiB', origin: { kind: 'default' } },
    { key: 'db.url', shown: '(hidden)', origin: { kind: 'default' } },
  ]);
});

test('all problems of all layers at once: key, origin, problem, rule; no secret', () => {
  const values = { mode: 'foo', port: 'abc', rate: 0, wait: '2h', room: true, 'db.url': 'me:hunter2' };
  const spoilt: Layer = { given: [], problems: [{ key: 'x', message: 'x is unknown' }] };
  assert.deepEqual(faults([spoilt, layer(ENV, values)]), [
    'x is unknown',
    'mode (env APP_X): "foo" is not known: must be one of live, test',
    'port (env APP_X): "abc" is not a whole number: must be a whole number from 0 to 65535',
    'rate (env APP_X): 0 is too small: must be a number from 0.1 to 10',
    'wait (env APP_X): "2h" is too large: must be a duration from 1s to 1m, in whole ms, s, m, h or d',
    'room (env APP_X): true is not a size: must be a size from 1KiB to 1MiB, in whole B, KiB, MiB, GiB or TiB',
    'db.url (env APP_X): (hidden) is not a URL: must be a pg: URL',
  ]);
});

test('values of another type than the key, whatever they are, are problems and not faults', () => {
  const odd = [
    null,
    undefined,
    true,
    [],
    {},
    [1],
    { a: 1 },
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    ' ',
    '0x10',
    1.5,
  ];
  for (const value of odd) assert.equal(faults([layer(FILE, { port: value })]).length, 1, String(value));
});

test('a wrong value that a later layer replaces does no harm', () => {
  assert.ok(loadSettings(TABLE, [layer(FILE, { port: 'abc' }), layer(ENV, { port: '1' })], []).ok);
});

test('a rule about several keys tells where each comes from, and is asked only when all are valid', () => {
  const rules = [
    {
      keys: ['port', 'rate'] as const,
      broken: ({ port, rate }: { port: number; rate: number }) => (port > rate ? 'bad: must be good' : null),
    },
  ];
  assert.deepEqual(faults([layer(ENV, { port: '9' })], rules), ['port (env APP_X), rate (default): bad: must be good']);
  assert.deepEqual(faults([layer(ENV, { port: 'x' })], rules).length, 1);
});

test('a message stays short and on one line', () => {
  const [message] = faults([layer(ENV, { mode: `a\n\u001b[31m${'x'.repeat(10_000)}` })]);
  assert.match(message!, /^[ -~…]{1,200}$/);
});
