import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEndpoint, isHost, isLoopback, parseEndpoint } from './endpoint.ts';

test('host and port, IPv6 in brackets', () => {
  assert.deepEqual(parseEndpoint('127.0.0.1:40101'), { host: '127.0.0.1', port: 40_101 });
  assert.deepEqual(parseEndpoint('feed-1.example.com:1'), { host: 'feed-1.example.com', port: 1 });
  assert.deepEqual(parseEndpoint('[::1]:65535'), { host: '::1', port: 65_535 });
  for (const text of ['127.0.0.1:40101', '[fe80::1]:9']) assert.equal(formatEndpoint(parseEndpoint(text)!), text);
});

test('anything else is no endpoint', () => {
  const wrong = ['', 'h', 'h:', ':1', 'h:0', 'h:65536', 'h:1x', '::1:5', '[::1]', '[h]:1', 'a b:1', '127.0.0.256:1'];
  for (const text of [...wrong, 'u:p@h:1', '-h:1', `${'a'.repeat(64)}:1`])
    assert.equal(parseEndpoint(text), null, text);
});

test('hosts and loopback addresses', () => {
  assert.deepEqual(['0.0.0.0', '::', 'localhost', 'a_b'].map(isHost), [true, true, true, true]);
  assert.deepEqual(['', '[::1]', '1.2.3', 'a..b', '*'].map(isHost), [false, false, false, false, false]);
  assert.deepEqual(['127.0.0.1', '127.9.9.9', '::1', 'Localhost'].map(isLoopback), [true, true, true, true]);
  assert.deepEqual(['0.0.0.0', '::', '10.0.0.1', '127.example.com'].map(isLoopback), [false, false, false, false]);
});
