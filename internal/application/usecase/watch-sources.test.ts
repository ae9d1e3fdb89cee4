import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTickLog } from '../../adapter/out/memory/memory-tick-log.ts';
import { TickBatch } from '../../domain/model/tick-batch.ts';
import { FakeFeeds, ManualClock, newState, noteHappenings, T0 } from './fakes.test-kit.ts';
import { IngestTicks } from './ingest-ticks.ts';
import { SymbolDirectory } from './symbol-directory.ts';
import { WatchSources } from './watch-sources.ts';

const STALE_AFTER_MS = 10_000;

async function setUp() {
  const [clock, state, log] = [new ManualClock(), newState(), new MemoryTickLog()];
  const symbols = new SymbolDirectory([], ['BTC'], 4);
  const ingest = new IngestTicks({
    ...{ log, state, symbols, happenings: noteHappenings(), nowMs: clock.nowMs },
    commit: async () => undefined,
    onFatal: (cause) => assert.fail(String(cause)),
  });
  await ingest.append({ kind: 'mode', mode: 'live', epoch: 1, atMs: clock.ms, switched: false });
  ingest.addSymbol('BTC');
  const source = ingest.openSource('live', 'one');
  /** By how much somebody has set the wall clock back. */
  const setBack = { byMs: 0 };
  const watch = new WatchSources({
    state,
    feeds: new FakeFeeds(),
    ingest,
    nowMs: clock.nowMs,
    elapsedMs: () => clock.ms + setBack.byMs,
    staleAfterMs: STALE_AFTER_MS,
  });
  const ticks = (count: number, atMs = clock.ms) => {
    const batch = new TickBatch(count);
    batch.reset(source, 1, clock.ms);
    for (let k = 0; k < count; k++) batch.push(0, 5, atMs);
    return ingest.accept(batch);
  };
  const step = async () => {
    watch.step();
    await new Promise(setImmediate);
  };
  const states = () => {
    const book = state.sources[source]!;
    return book.candlesInMemory(book.instruments[0]!, 60_000).map((minute) => minute.state);
  };
  return { clock, setBack, state, log, source, watch, ticks, step, states };
}

test('the minutes of a silent source are closed by the clock, once, when they are over and it would be known as stale', async () => {
  const { clock, log, ticks, step, states } = await setUp();
  await ticks(3);
  const logged = () => log.stats().lastPosition;
  clock.ms = T0 + STALE_AFTER_MS + 2_000;
  await step();
  clock.ms = T0 + 61_999;
  const before = logged();
  await step();
  assert.deepEqual([states(), logged()], [['forming'], before]);
  clock.ms = T0 + 62_000;
  await step();
  assert.deepEqual([states(), logged()], [['final'], before + 1]);
  clock.ms = T0 + 600_000;
  for (let steps = 0; steps < 3; steps++) await step();
  assert.equal(logged(), before + 2, 'the five minutes around it');
});

test('while the log has no room one closing of a source waits, not one more each second', async () => {
  const { clock, log, ticks, step } = await setUp();
  await ticks(1);
  clock.ms = T0 + 62_000;
  const { append } = log;
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  log.append = async (record) => {
    asked++;
    await gate.promise;
    return append.call(log, record);
  };
  for (let steps = 0; steps < 5; steps++) await step();
  assert.equal(asked, 1);
  gate.resolve();
  await new Promise(setImmediate);
  clock.ms = T0 + 600_000;
  await step();
  assert.equal(asked, 2, 'the next, once the first is done');
});

test('a wall clock that is set back or ahead changes nothing of what is silent', async () => {
  const { clock, setBack, ticks, step, states } = await setUp();
  const old = T0 - 86_400_000;
  await ticks(1, old);
  await step();
  clock.ms -= 3_600_000;
  setBack.byMs = 3_600_000 + STALE_AFTER_MS + 1_999;
  await step();
  assert.deepEqual(states(), ['forming']);
  setBack.byMs += 2;
  await step();
  assert.deepEqual(states(), ['final'], 'silent for as long as it takes, although the clock says otherwise');
  await ticks(1, old + 60_000);
  await step();
  clock.ms += 7_200_000;
  setBack.byMs -= 7_200_000;
  await step();
  assert.deepEqual(states(), ['final', 'forming']);
});

test('a process that did not run for longer than that takes no feed for silent before it has read on', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { clock, watch, ticks, states } = await setUp();
  await ticks(1);
  watch.start();
  const second = async (ms: number) => {
    clock.ms += ms;
    t.mock.timers.tick(1_000);
    await new Promise(setImmediate);
  };
  for (let k = 0; k < 3; k++) await second(1_000);
  await second(90_000);
  assert.deepEqual(states(), ['forming']);
  for (let k = 0; k < 12; k++) await second(1_000);
  assert.deepEqual(states(), ['forming']);
  await second(1_000);
  assert.deepEqual(states(), ['final'], 'silent since it runs again');
  watch.stop();
});

test('a source with ticks closes its minutes itself', async () => {
  const { clock, ticks, step, states } = await setUp();
  await ticks(1);
  clock.ms = T0 + 90_000;
  await ticks(1, T0 + 1_000);
  await step();
  assert.deepEqual(states(), ['forming'], 'its data are late, but they come');
});

test('a feed of old data finds its next minutes open after a silence', async () => {
  const { clock, state, source, ticks, step, states } = await setUp();
  const old = T0 - 86_400_000;
  await ticks(1, old);
  clock.ms += 3_600_000;
  await step();
  assert.deepEqual(states(), ['final']);
  await ticks(1, old + 60_000);
  assert.deepEqual(states(), ['final', 'forming']);
  assert.equal(state.sources[source]!.instruments[0]!.minutes[1]!.revision, 0);
});

test('the rate is a mean over the last five seconds', async () => {
  const { state, source, watch, ticks, step } = await setUp();
  const rate = () => watch.ticksPerSecond(state.sources[source]!);
  assert.equal(rate(), 0);
  await step();
  assert.equal(rate(), 0);
  for (let second = 0; second < 5; second++) {
    await ticks(10);
    await step();
    assert.equal(rate(), 10);
  }
  await step();
  assert.equal(rate(), 8);
});

test('stop ends the timer, also one that never started', async () => {
  const { watch } = await setUp();
  watch.stop();
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  watch.start();
  assert.equal(timers(), before + 1);
  watch.stop();
  assert.equal(timers(), before);
});
