import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { drawBelow, seededDraw } from '../../cmd/testgen/seeded-random.ts';
import { assertAuditEqual, assertBalanced, assertCandlesEqual, rejectedOf } from '../harness/candle-check.ts';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder, readAllCandles } from '../harness/data-folder.ts';
import { EXCHANGES, startEmulators } from '../harness/emulators.ts';
import { LogOracle } from '../harness/log-oracle.ts';
import { SentRecord } from '../harness/sent-record.ts';
import { Service } from '../harness/service.ts';
import { readTickLog } from '../harness/tick-log-files.ts';
import { untilQuiet } from '../harness/wait.ts';

const TICKS_PER_SECOND = 6_700;
const KILLS = 30;
/** A seed stops early on a slow machine; three seeds make thirty kills even then. */
const KILLS_MIN = 10;
const LOOP_MAX_MS = 22_000;

interface Plan {
  readonly seed: number;
  readonly withQuantity: boolean;
  readonly faults: string | null;
}

const PLANS: readonly Plan[] = [
  { seed: 1, withQuantity: false, faults: null },
  { seed: 2, withQuantity: true, faults: null },
  {
    seed: 3,
    withQuantity: true,
    faults:
      'split:0.001,crlf,blank,reorder,duplicate,garbage,schema,badutf8,long:0.0001,unknown,zero,infinite,quantity,seconds,future,late,disconnect:0.2',
  },
];

for (const plan of PLANS) {
  test(`kill -9 at any moment: every accepted tick is in exactly one candle or rejection (seed ${plan.seed})`, (t) =>
    killLoop(t, plan));
}

async function killLoop(t: TestContext, plan: Plan): Promise<void> {
  const sent = new SentRecord();
  const { emulators, sources } = await startEmulators(t, {
    ...plan,
    ticksPerSecond: TICKS_PER_SECOND,
    onSent: sent.onSent,
  });
  const dataDir = makeFolder(t);
  const options = {
    dataDir,
    environment: {
      MARKETFLOW_MODE: 'live',
      MARKETFLOW_LIVE_SOURCES: sources,
      MARKETFLOW_FEEDS_BACKOFF_MIN: '10ms',
      MARKETFLOW_FEEDS_BACKOFF_MAX: '50ms',
      MARKETFLOW_CANDLES_FLUSH_INTERVAL: '200ms',
      MARKETFLOW_TICK_LOG_SEGMENT_BYTES: '1MiB',
    },
  };
  let running: Service | null = null;
  atEnd(t, () => running?.kill());

  const draw = seededDraw(`kill loop ${plan.seed}`);
  const startedAtMs = performance.now();
  let kills = 0;
  while (kills < KILLS && (kills < KILLS_MIN || performance.now() - startedAtMs < LOOP_MAX_MS)) {
    running = new Service(options);
    if (draw() < 0.15) await sleep(100 + drawBelow(draw, 500));
    else {
      await running.listening();
      if (draw() < 0.3) assertBalanced(await running.audit());
      await sleep(drawBelow(draw, 700));
    }
    assert.deepEqual(await running.kill(), { code: null, signal: 'SIGKILL' }, running.stderr);
    kills++;
  }

  running = new Service(options);
  await running.listening();
  await sleep(500);
  await Promise.all(emulators.map((emulator) => emulator.close()));
  const last = running;
  await untilQuiet(async () => (await last.audit()).received);
  const audit = await running.audit();
  assert.deepEqual(await running.stop(), { code: 0, signal: null }, running.stdout);

  const oracle = new LogOracle((tick) => sent.claim(tick));
  const sentTicks = sent.tickCount;
  await readTickLog(dataDir, oracle.take);
  assert.equal(oracle.damagedBatches, 0);
  const candles = assertCandlesEqual(readAllCandles(dataDir), oracle);
  assertAuditEqual(audit, oracle);
  assert.ok(oracle.counted > 10_000, `only ${oracle.counted} ticks were counted`);
  if (plan.faults === null) {
    const received = EXCHANGES.map((exchange) => oracle.framesSinceUp.get(exchange));
    const lastSent = EXCHANGES.map((exchange, i) =>
      sent.frames.get(`${exchange} ${emulators[i]?.counters.connections}`),
    );
    assert.deepEqual(received, lastSent, 'what the connections that were not killed brought');
  } else {
    const expected = ['duplicate', 'late', 'bad_json', 'bad_schema', 'bad_utf8', 'unknown_symbol', 'future'];
    for (const reason of expected) assert.ok((rejectedOf(audit)[reason] ?? 0) > 0, `no ${reason} among the rejections`);
  }
  const tookMs = Math.round(performance.now() - startedAtMs);
  t.diagnostic(
    `${kills} kills, ${oracle.counted} ticks counted of ${sentTicks} sent, ${candles} candles, ${tookMs} ms`,
  );
}
