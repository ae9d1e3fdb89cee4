import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PostgresStoreError } from './store-error.ts';

/** What the server said, as the driver gives it. */
function fromServer(code: string, message = 'no'): Error {
  return Object.assign(new Error(message), { severity: 'ERROR', code });
}

/** SQLSTATE → code and severity. */
const OF_SERVER = {
  '08006': 'unreachable retry',
  '08P01': 'unreachable retry',
  '25006': 'read_only retry',
  '25P03': 'timeout retry',
  '28000': 'authentication fatal',
  '28P01': 'authentication fatal',
  '3D000': 'no_database fatal',
  '3F000': 'wrong_schema fatal',
  '40001': 'conflict retry',
  '40P01': 'conflict retry',
  '42501': 'rights fatal',
  '42703': 'wrong_schema fatal',
  '42883': 'wrong_schema fatal',
  '42P01': 'wrong_schema fatal',
  '53000': 'no_resources retry',
  '53100': 'no_resources retry',
  '53200': 'no_resources retry',
  '53300': 'no_resources retry',
  '55P03': 'busy retry',
  '57014': 'timeout retry',
  '57P01': 'unreachable retry',
  '57P02': 'unreachable retry',
  '57P03': 'unreachable retry',
  '58030': 'io retry',
  '22003': 'internal fatal',
  '23505': 'internal fatal',
  '42601': 'internal fatal',
  XX000: 'internal fatal',
} as const;

const OF_SYSTEM = {
  ECONNREFUSED: 'unreachable retry',
  ECONNRESET: 'unreachable retry',
  ENOTFOUND: 'unreachable retry',
  CONNECTION_CLOSED: 'unreachable retry',
  CONNECTION_DESTROYED: 'unreachable retry',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate fatal',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate fatal',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate fatal',
  SASL_SIGNATURE_MISMATCH: 'authentication fatal',
  ESOMETHING: 'internal fatal',
} as const;

test('failures of the server are sorted by SQLSTATE', () => {
  for (const [state, wanted] of Object.entries(OF_SERVER)) {
    const { code, severity, sqlState, message } = PostgresStoreError.from(fromServer(state), 'db:5432/x');
    assert.deepEqual([`${code} ${severity}`, sqlState, message], [wanted, state, `db:5432/x: no (${state})`]);
  }
});

test('failures of the connection are sorted by their code, and one with none is ours', () => {
  for (const [system, wanted] of Object.entries(OF_SYSTEM)) {
    const error = PostgresStoreError.from(Object.assign(new Error('no'), { code: system }), 'db');
    assert.deepEqual([`${error.code} ${error.severity}`, error.sqlState], [wanted, null], system);
  }
  assert.equal(PostgresStoreError.from(new TypeError('x'), 'db').code, 'internal');
  const both = new AggregateError(
    [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')],
    '',
  );
  const refused = PostgresStoreError.from(Object.assign(both, { code: 'ECONNREFUSED' }), 'db');
  assert.deepEqual(
    [refused.code, refused.message],
    ['unreachable', 'db: connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1'],
  );
});

test('an error of ours stays what it is, and carries nothing of the query', () => {
  const ours = new PostgresStoreError('fenced', 'gone');
  assert.equal(PostgresStoreError.from(ours, 'db'), ours);
  const ofDriver = Object.assign(fromServer('53100'), { query: 'INSERT', parameters: ['{1,2,3}'] });
  const cause = PostgresStoreError.from(ofDriver, 'db').cause as object;
  assert.deepEqual(Object.keys(cause), ['message', 'code']);
});
