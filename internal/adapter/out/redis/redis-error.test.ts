import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineError } from '../../../../pkg/concurrency/deadline.ts';
import { RedisError } from './redis-error.ts';

/** As Redis 7 and ioredis 6 say them. */
const SAID: readonly (readonly [string, string])[] = [
  [
    "READONLY You can't write against a read only replica. script: 0123456789012345678901234567890123456789, on @user_script:66.",
    'readonly',
  ],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'out_of_memory'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'wrong_type'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'authentication'],
  ['NOAUTH Authentication required.', 'authentication'],
  ["NOPERM this user has no permissions to run the 'eval' command", 'authentication'],
  ['ERR max number of clients reached', 'too_many_clients'],
  ['LOADING Redis is loading the dataset in memory', 'loading'],
  ['CLUSTERDOWN Hash slot not served', 'cluster_down'],
  ['Command timed out', 'timeout'],
  ['connect ETIMEDOUT', 'timeout'],
  ['connect ECONNREFUSED 127.0.0.1:6379', 'unavailable'],
  ["Stream isn't writeable and enableOfflineQueue options is false", 'unavailable'],
  ['Connection is closed.', 'unavailable'],
  ['All sentinels are unreachable. Retrying from scratch after 10ms.', 'unavailable'],
  ['ERR unknown command', 'internal'],
];

test('every failure has a code and one readable line', () => {
  for (const [text, code] of SAID) {
    const error = RedisError.from(new Error(text));
    assert.equal(error.code, code, text);
    assert.equal(error.severity, 'retry');
    assert.match(error.message, /^Redis /);
    assert.doesNotMatch(error.message, /script:|\n/);
    assert.equal(RedisError.from(error), error);
  }
  assert.equal(RedisError.from(new DeadlineError('Redis', 500)).code, 'timeout');
  assert.equal(RedisError.from('odd').code, 'internal');
  assert.equal(RedisError.from(Object.assign(new Error('write failed'), { errno: -5 })).code, 'unavailable');
  const refused = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: new Error('NOAUTH no') });
  assert.match(RedisError.from(refused).message, /NOAUTH no/);
  assert.equal(new RedisError('closed', null).severity, 'fatal');
});
