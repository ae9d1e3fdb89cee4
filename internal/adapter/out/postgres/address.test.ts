import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from './address.ts';

test('an address has a user, a password, servers and a database', () => {
  const address = parseAddress(
    'postgres://us%40er:p%2Fw%3F@db.example:6543/market?application_name=x&options=-c%20a%3Db&connect_timeout=5&channel_binding=require',
  );
  assert.deepEqual(address, {
    servers: [{ host: 'db.example', port: 6543 }],
    user: 'us@er',
    password: 'p/w?',
    database: 'market',
    tls: null,
    primaryOnly: false,
    parameters: { application_name: 'x', options: '-c a=b' },
    label: 'db.example:6543/market',
  });
});

test('several servers, IPv6, a Unix socket, and what is left out', () => {
  const url = 'postgresql://u@one:1,two,[::1]:3/db';
  const { servers, primaryOnly, label } = parseAddress(url);
  assert.deepEqual(servers, [
    { host: 'one', port: 1 },
    { host: 'two', port: 5432 },
    { host: '::1', port: 3 },
  ]);
  assert.deepEqual([primaryOnly, label], [true, 'one:1,two:5432,::1:3/db']);
  const { servers: local, database } = parseAddress('postgres://me@%2Fvar%2Frun%2Fpostgresql');
  assert.deepEqual([local, database], [[{ host: '/var/run/postgresql', port: 5432 }], 'me']);
});

test('sslmode as libpq has it', () => {
  const tls = (mode: string) => parseAddress(`postgres://u@h/d?sslmode=${mode}`).tls;
  assert.deepEqual(['disable', 'prefer', 'require', 'verify-ca', 'verify-full'].map(tls), [
    null,
    'prefer',
    { rejectUnauthorized: false, anyName: true },
    { rejectUnauthorized: true, anyName: true },
    { rejectUnauthorized: true, anyName: false },
  ]);
  assert.throws(() => tls('sometimes'), { code: 'bad_address', message: /sslmode sometimes/ });
  assert.throws(() => parseAddress('postgres://u@h/d?sslmode=require&sslrootcert=/none'), { code: 'bad_address' });
});

test('what is no address is refused without being shown', () => {
  for (const text of [
    'http://a:secret@b/c',
    'postgres://',
    'postgres://a:secret@/c',
    'postgres://u:secret@h:port/d',
    'postgres://u:se@secret@h/d',
    'postgres://u:100%secret@h/d',
    'postgres://u:secret@h/100%d',
    'postgres://u:secret@100%h/d',
    'secret',
  ]) {
    assert.throws(
      () => parseAddress(text),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'bad_address', text);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  }
});
