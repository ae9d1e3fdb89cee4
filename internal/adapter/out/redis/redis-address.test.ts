import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisAddress } from './redis-address.ts';

const PLAIN = {
  ...{ kind: 'server', isTls: false, username: null, password: null, database: 0, masterName: '' },
  ...{ sentinelUsername: null, sentinelPassword: null, caFile: null },
};
const at = (host: string, port: number) => ({ host, port });

test('a URL says server, login, database and TLS', () => {
  assert.deepEqual(parseRedisAddress('redis://h'), { ...PLAIN, endpoints: [at('h', 6_379)] });
  assert.deepEqual(parseRedisAddress('rediss://me:p%40s%3As@10.0.0.1:7000/12?ca=/etc/ca.pem'), {
    ...{ ...PLAIN, isTls: true, username: 'me', password: 'p@s:s', database: 12, caFile: '/etc/ca.pem' },
    endpoints: [at('10.0.0.1', 7_000)],
  });
  assert.deepEqual(parseRedisAddress('redis://:p:w@[::1]:7000/'), {
    ...PLAIN,
    password: 'p:w',
    endpoints: [at('::1', 7_000)],
  });
  assert.deepEqual(parseRedisAddress('redis://[::1]'), { ...PLAIN, endpoints: [at('::1', 6_379)] });
});

test('Sentinels have a master and logins of their own, a cluster has nodes', () => {
  assert.deepEqual(parseRedisAddress('redis+sentinel://:pw@a,b:7001/main/3?sentinelPassword=s%26t'), {
    ...{ ...PLAIN, kind: 'sentinel', password: 'pw', database: 3, masterName: 'main', sentinelPassword: 's&t' },
    endpoints: [at('a', 26_379), at('b', 7_001)],
  });
  assert.deepEqual(parseRedisAddress('rediss+cluster://u:pw@a:1,[::1]:2,c'), {
    ...{ ...PLAIN, kind: 'cluster', isTls: true, username: 'u', password: 'pw' },
    endpoints: [at('a', 1), at('::1', 2), at('c', 6_379)],
  });
});

test('anything else is no address', () => {
  for (const url of [
    ...[
      '',
      'h:6379',
      'http://h',
      'redis://',
      'redis://:6379',
      'redis://h:0',
      'redis://h:70000',
      'redis://a,b',
      'redis+x://h',
    ],
    ...['redis://h/x', 'redis://h/-1', 'redis://h/1/2', 'redis://h?db=1', 'redis://u:%zz@h', 'redis://h h'],
    ...['redis+sentinel://a,b', 'redis+sentinel://a,b/', 'redis+sentinel://a/m/x', 'redis+sentinel://a,,b/m'],
    ...['redis+cluster://a,b/1', 'redis+cluster://a b'],
  ])
    assert.equal(parseRedisAddress(url), null, url);
});
