import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hideSecrets, isSecretKey } from './secrets.ts';

test('keys that end in url, password, secret or token are secret', () => {
  assert.deepEqual(['postgres.url', 'redisUrl', 'a.password', 'apiToken', 'x.clientSecret'].map(isSecretKey), [
    true,
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(['mode', 'server.host', 'tokenCount', 'live.sources'].map(isSecretKey), [
    false,
    false,
    false,
    false,
  ]);
});

test('credentials of a URL, secrets of its query and bearer tokens are hidden, the rest stays', () => {
  assert.equal(hideSecrets('at postgres://me:hunter2@db:5432/x now'), 'at postgres://(hidden)@db:5432/x now');
  assert.equal(hideSecrets('redis://:p@ss/w@h'), 'redis://(hidden)@h');
  assert.equal(hideSecrets('http://h/?a=1&token=abc&b=2'), 'http://h/?a=1&token=(hidden)&b=2');
  assert.equal(hideSecrets('Authorization: Bearer abcdef.012345'), 'Authorization: Bearer (hidden)');
  assert.equal(hideSecrets('tcp://127.0.0.1:40101 mail a@b'), 'tcp://127.0.0.1:40101 mail a@b');
});

test('no password survives, whatever its characters', () => {
  const password = fc.stringMatching(/^[A-Z0-9@:/#?&=%+!$*()~^.-]{6,20}$/);
  fc.assert(
    fc.property(password, (secret) => {
      assert.ok(!hideSecrets(`{"url":"postgres://user:${secret}@db/x"}`).includes(secret));
    }),
  );
});
