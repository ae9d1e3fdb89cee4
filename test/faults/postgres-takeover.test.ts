import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { assertBalanced } from '../harness/candle-check.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { PostgresMarket, untilCommitted } from '../harness/postgres-market.ts';
import { startPostgres } from '../harness/postgres-server.ts';
import { spawnService } from '../harness/service.ts';
import { untilQuiet } from '../harness/wait.ts';

const server = await startPostgres({ after }, { timescale: false });

test('a process that was frozen and replaced writes nothing more, says so and ends; the other goes on from its checkpoint', async (t) => {
  await server.createDatabase('takeover');
  const market = await PostgresMarket.open(t, { server, database: 'takeover', ticksPerSecond: 2_000, seed: 3 });
  const first = await market.start();
  await untilCommitted(first);
  // In the middle of whatever it does, a transaction perhaps.
  first.signal('SIGSTOP');
  const second = await market.start(makeFolder(t));
  const taken = await second.audit();
  assert.ok(taken.counted > 0, 'it goes on from the checkpoint of the first');
  await untilCommitted(second);
  first.signal('SIGCONT');
  assert.deepEqual(await first.ended, { code: 69, signal: null });
  assert.match(first.stderr, /^marketflow: .*another process has taken over/m);

  const again = spawnService(t, { dataDir: market.dataDir, environment: market.environment });
  assert.deepEqual(await again.ended, { code: 69, signal: null });
  assert.match(
    again.stderr,
    /^marketflow: 127\.0\.0\.1:\d+\/takeover: .*tick log of another data folder: start with that folder/m,
  );

  await untilCommitted(second);
  await Promise.all(market.emulators.map((emulator) => emulator.close()));
  await untilQuiet(async () => (await second.audit()).received);
  const audit = await second.audit();
  assert.deepEqual(await second.stop(), { code: 0, signal: null });
  assertBalanced(audit);
  assert.ok(audit.counted > taken.counted);
  await market.assertCounts(audit.counted);
});

test('a password that is no longer right ends the process, which says so and not the password', async (t) => {
  await server.query("CREATE ROLE keeper LOGIN PASSWORD 'first-secret'");
  await server.query('CREATE DATABASE kept OWNER keeper');
  const url = server.urlOf('kept', 'keeper', 'first-secret');
  const market = await PostgresMarket.open(t, { server, database: 'kept', url, ticksPerSecond: 500, seed: 5 });
  const service = await market.start();
  await untilCommitted(service);
  await server.query("ALTER ROLE keeper PASSWORD 'second-secret'");
  await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper'");
  assert.deepEqual(await service.ended, { code: 69, signal: null });
  assert.match(service.stderr, /password authentication failed for user "keeper" \(28P01\)/);
  assert.doesNotMatch(service.stderr + service.stdout, /first-secret/);

  await server.query("ALTER ROLE keeper PASSWORD 'first-secret'");
  const again = await market.start();
  await untilCommitted(again);
  await market.settle(again);
});
