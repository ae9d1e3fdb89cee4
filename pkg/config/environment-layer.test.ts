import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEnvironment } from './environment-layer.ts';
import { environmentName } from './environment-name.ts';

const NAMES = { prefix: 'APP', isForeign: (name: string) => name === 'APP_FOREIGN' };
const KEYS = ['server.port', 'tickLog.maxBytes'];

test('names follow from keys', () => {
  assert.equal(environmentName('APP', 'mode'), 'APP_MODE');
  assert.equal(environmentName('APP', 'server.port'), 'APP_SERVER_PORT');
  assert.equal(environmentName('APP', 'tickLog.maxBytes'), 'APP_TICK_LOG_MAX_BYTES');
});

test('known names give values; empty and blank ones, foreign ones and other prefixes give nothing', () => {
  const layer = readEnvironment(
    {
      APP_SERVER_PORT: '1',
      APP_TICK_LOG_MAX_BYTES: ' ',
      APP_FOREIGN: 'x',
      APPLE: 'x',
      APP_GONE: undefined,
      APP_NEW: '',
    },
    NAMES,
    KEYS,
  );
  assert.deepEqual(layer, {
    given: [{ key: 'server.port', value: '1', origin: { kind: 'env', name: 'APP_SERVER_PORT' } }],
    problems: [],
  });
});

test('every unknown name is a problem, with a suggestion and without its value', () => {
  const { problems } = readEnvironment({ APP_SERVER_PROT: 'hunter2', APP_PORT: '1', APP_ZZZ: '1' }, NAMES, KEYS);
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      'APP_PORT (env APP_PORT): is not a setting (did you mean APP_SERVER_PORT?): must be a known variable or absent',
      'APP_SERVER_PROT (env APP_SERVER_PROT): is not a setting (did you mean APP_SERVER_PORT?): must be a known variable or absent',
      'APP_ZZZ (env APP_ZZZ): is not a setting: must be a known variable or absent',
    ],
  );
});
