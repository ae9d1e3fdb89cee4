import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { didYouMean, nearestName } from './suggestion.ts';

const KEYS = ['server.host', 'server.port', 'tickLog.maxBytes', 'mode'];

test('slips, swaps, other cases and separators find their name', () => {
  const slips = ['server.prot', 'sever.port', 'SERVER_PORT', 'tick_log.max_bytes', 'port', 'mod', 'moed'];
  const found = ['server.port', 'server.port', 'server.port', 'tickLog.maxBytes', 'server.port', 'mode', 'mode'];
  assert.deepEqual(
    slips.map((slip) => nearestName(slip, KEYS)),
    found,
  );
});

test('a word that is near nothing gets no suggestion', () => {
  assert.equal(nearestName('kafkaesque', KEYS), null);
  assert.equal(nearestName('x'.repeat(100_000), KEYS), null);
  assert.equal(didYouMean('kafkaesque', KEYS), '');
});

test('one letter left out of a longer name always finds it', () => {
  const slip = fc
    .constantFrom('server.host', 'server.port', 'tickLog.maxBytes')
    .chain((key) =>
      fc.nat(key.length - 1).map((index) => ({ key, typed: key.slice(0, index) + key.slice(index + 1) })),
    );
  fc.assert(fc.property(slip, ({ key, typed }) => assert.equal(nearestName(typed, KEYS), key)));
});
