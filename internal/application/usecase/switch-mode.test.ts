import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTickLog } from '../../adapter/out/memory/memory-tick-log.ts';
import type { Mode } from '../../domain/model/mode.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import { FakeFeeds, ManualClock, newState, noteHappenings } from './fakes.test-kit.ts';
import { IngestTicks } from './ingest-ticks.ts';
import { SwitchMode } from './switch-mode.ts';
import { SymbolDirectory } from './symbol-directory.ts';

function setUp(state: MarketState = newState(), log = new MemoryTickLog()) {
  const clock = new ManualClock();
  const feeds = new FakeFeeds();
  const happened: string[] = [];
  const happenings = noteHappenings(happened);
  const ingest = new IngestTicks({
    ...{ log, state, happenings, nowMs: clock.nowMs, symbols: new SymbolDirectory([], [], 4) },
    commit: async () => undefined,
    onFatal: (cause) => assert.fail(String(cause)),
  });
  const mode = new SwitchMode({ state, feeds, ingest, happenings, nowMs: clock.nowMs });
  return { clock, feeds, happened, ingest, mode, state, log };
}

async function startIn(mode: SwitchMode, setting: Mode): Promise<void> {
  await mode.decide(setting);
  await mode.start();
}

test('a switch stops the feeds, logs the new mode and starts the others; only then it is done', async () => {
  const { clock, feeds, happened, mode } = setUp();
  await startIn(mode, 'test');
  clock.ms += 5;
  const stopped = Promise.withResolvers<void>();
  feeds.stopping = () => stopped.promise;
  const switching = mode.switchTo('live');
  await new Promise(setImmediate);
  assert.deepEqual([mode.current().mode, mode.current().epoch], ['test', 1], 'not before the old feeds have ended');
  stopped.resolve();
  assert.deepEqual(await switching, { mode: 'live', epoch: 2, sinceMs: clock.ms, switched: true });
  assert.deepEqual(feeds.calls, ['start test 1', 'stop', 'start live 2']);
  assert.deepEqual(happened, ['modeSwitched(live, 2, 0)']);
});

test('the mode in force again changes nothing', async () => {
  const { feeds, mode, log } = setUp();
  await startIn(mode, 'test');
  const before = [log.stats().lastPosition, feeds.calls.length];
  const state = await mode.switchTo('test');
  assert.deepEqual([state.epoch, state.switched], [1, false]);
  assert.deepEqual([log.stats().lastPosition, feeds.calls.length], before);
});

test('switches at the same time are served one by one, in their order', async () => {
  const { feeds, mode } = setUp();
  await startIn(mode, 'test');
  feeds.stopping = () => new Promise((resolve) => setTimeout(resolve, 2));
  const wanted = Array.from({ length: 20 }, (_, k) => (k % 3 === 2 ? 'test' : 'live'));
  const states = await Promise.all(wanted.map((one) => mode.switchTo(one)));
  assert.deepEqual(
    states.map((state) => state.mode),
    wanted,
  );
  const epochs = states.map((state) => state.epoch);
  assert.deepEqual(
    epochs,
    epochs.toSorted((a, b) => a - b),
  );
  for (let k = 1; k < wanted.length; k++)
    assert.equal(epochs[k]! - epochs[k - 1]!, wanted[k] === wanted[k - 1] ? 0 : 1);
  // Never two starts without a stop between them.
  assert.deepEqual(
    feeds.calls.map((call) => call.split(' ')[0]),
    feeds.calls.map((_, k) => (k % 2 === 0 ? 'start' : 'stop')),
  );
  assert.deepEqual(feeds.running, { mode: wanted.at(-1), epoch: epochs.at(-1) });
});

test('after a restart a mode that somebody switched to wins over the setting; one that was only set does not', async () => {
  const first = setUp();
  await startIn(first.mode, 'test');
  const second = setUp(first.state, first.log);
  await startIn(second.mode, 'live');
  assert.deepEqual(
    [second.mode.current().mode, second.mode.current().epoch, second.mode.current().switched],
    ['live', 2, false],
  );
  await second.mode.switchTo('test');
  const third = setUp(second.state, second.log);
  await startIn(third.mode, 'live');
  assert.deepEqual([third.mode.current().mode, third.mode.current().epoch], ['test', 3]);
  assert.deepEqual(third.feeds.calls, ['start test 3'], 'a restart in the same mode is no switch: the epoch stays');
});

test('a restart ends the feeds that were up: what was missed meanwhile is a gap', async () => {
  const first = setUp();
  await startIn(first.mode, 'live');
  const source = first.ingest.openSource('live', 'one');
  await first.ingest.feedChanged(source, 1, true, first.clock.ms);
  assert.equal(first.state.sources[source]!.isFeedUp, true);
  const second = setUp(first.state, first.log);
  await startIn(second.mode, 'live');
  assert.equal(first.state.sources[source]!.isFeedUp, false);
});

test('after stop no feed is started any more; a switch that comes then is remembered for the next start', async () => {
  const { feeds, mode } = setUp();
  await startIn(mode, 'test');
  await mode.stop(100);
  const state = await mode.switchTo('live');
  assert.deepEqual([state.mode, state.switched], ['live', true]);
  assert.equal(feeds.running, null);
});

/** A log whose writes take until they are let through. */
class SlowLog extends MemoryTickLog {
  readonly written = Promise.withResolvers<void>();

  override async append(record: Parameters<MemoryTickLog['append']>[0]): Promise<number> {
    await this.written.promise;
    return super.append(record);
  }
}

test('a switch that comes before the mode of the start is in the log waits: no epoch twice, no feed started twice', async () => {
  const log = new SlowLog();
  const { feeds, mode } = setUp(newState(), log);
  const starting = startIn(mode, 'test');
  const switching = [mode.switchTo('live'), mode.switchTo('live'), mode.switchTo('test')];
  await new Promise(setImmediate);
  assert.deepEqual(feeds.calls, []);
  log.written.resolve();
  await starting;
  const epochs = (await Promise.all(switching)).map(({ epoch }) => epoch);
  assert.deepEqual(epochs, [2, 2, 3]);
  assert.deepEqual(feeds.calls, ['start test 1', 'stop', 'start live 2', 'stop', 'start test 3']);
});

test('while the log has no room for the mode of the start, switches are refused at once', async () => {
  const log = new SlowLog();
  const { feeds, mode, ingest } = setUp(newState(), log);
  const starting = startIn(mode, 'test');
  Object.defineProperty(ingest, 'waitsFor', { value: 'low_disk', configurable: true });
  await assert.rejects(mode.switchTo('live'), { code: 'unavailable', message: /low_disk/ });
  Object.defineProperty(ingest, 'waitsFor', { value: null });
  log.written.resolve();
  await starting;
  assert.deepEqual(feeds.calls, ['start test 1']);
});
