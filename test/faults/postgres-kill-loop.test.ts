import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { drawBelow, seededDraw } from '../../cmd/testgen/seeded-random.ts';
import { assertBalanced } from '../harness/candle-check.ts';
import { PostgresMarket, untilCommitted } from '../harness/postgres-market.ts';
import { startPostgres } from '../harness/postgres-server.ts';

const KILLS = 8;
const KILLS_MIN = 5;
const LOOP_MAX_MS = 10_000;

/** Writes what it says it wrote, also when it is killed. */
const server = await startPostgres({ after }, { timescale: false, fsync: true });

const FAULTS =
  'split:0.001,crlf,blank,reorder,duplicate,garbage,schema,badutf8,long:0.0001,unknown,zero,infinite,quantity,seconds,future,late,disconnect:0.2';

test('kill -9 of the process, and every third time of PostgreSQL too: every accepted tick is in exactly one candle', async (t) => {
  await killLoop(t);
});

async function killLoop(t: TestContext): Promise<void> {
  await server.createDatabase('killed');
  const market = await PostgresMarket.open(t, {
    ...{ server, database: 'killed', ticksPerSecond: 3_000, seed: 7, withQuantity: true, faults: FAULTS },
    environment: { MARKETFLOW_TICK_LOG_SEGMENT_BYTES: '1MiB' },
  });
  const draw = seededDraw('kill loop over PostgreSQL');
  const startedAtMs = performance.now();
  let kills = 0;
  while (kills < KILLS && (kills < KILLS_MIN || performance.now() - startedAtMs < LOOP_MAX_MS)) {
    const service = market.spawn();
    if (draw() < 0.15) await sleep(100 + drawBelow(draw, 500));
    else {
      await service.listening();
      if (draw() < 0.3) assertBalanced(await service.audit());
      await sleep(drawBelow(draw, 700));
    }
    const serverToo = kills % 3 === 2;
    if (serverToo) await server.kill();
    assert.deepEqual(await service.kill(), { code: null, signal: 'SIGKILL' }, service.stderr);
    if (serverToo) await server.start();
    kills++;
  }
  const last = await market.start();
  await untilCommitted(last);
  const { oracle, candles } = await market.settle(last);
  assert.ok(oracle.counted > 5_000, `only ${oracle.counted} ticks were counted`);
  const tookMs = Math.round(performance.now() - startedAtMs);
  t.diagnostic(`${kills} kills, ${oracle.counted} ticks counted, ${candles} candles, ${tookMs} ms`);
}
