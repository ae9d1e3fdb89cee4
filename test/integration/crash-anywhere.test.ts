import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SqliteCandleStore } from '../../internal/adapter/out/sqlite/sqlite-candle-store.ts';
import { WalTickLog } from '../../internal/adapter/out/wal/wal-tick-log.ts';
import type { LogRecord } from '../../internal/domain/model/log-record.ts';
import { TickBatch } from '../../internal/domain/model/tick-batch.ts';
import { MarketState } from '../../internal/domain/service/market-state.ts';

const START_MS = 1_790_000_000_000;
const STEPS = 120;
const OPTIONS = {
  ...{ latenessMs: 120_000, slackMs: 2_000, secondsRetentionMs: 86_400_000 },
  intervalsMs: [1_000, 60_000, 300_000, 3_600_000],
};

/** A fixed stream of records: 3 symbols, minutes that pass in a few steps, a gap, late ticks, ids that come twice. */
function record(step: number): LogRecord {
  if (step === 0) return { kind: 'mode', mode: 'live', epoch: 1, atMs: START_MS, switched: false };
  if (step === 1) return { kind: 'source', id: 0, mode: 'live', exchange: 'exchange1' };
  if (step < 5) return { kind: 'symbol', id: step - 2, name: `S${step - 2}USDT` };
  if (step === 60 || step === 61)
    return { kind: 'feed', source: 0, epoch: 1, up: step === 61, atMs: START_MS + step * 7_000 };
  const batch = new TickBatch(40);
  batch.reset(0, 1, START_MS + step * 7_000);
  for (let k = 0; k < 30; k++) {
    const eventAtMs = START_MS + step * 7_000 + ((k * 7_919) % 6_000) - (k === 13 ? 300_000 : 0);
    batch.push(k % 3, 100 + ((step * 31 + k * 17) % 97) / 10, eventAtMs, k % 5, step * 30 + k - (k === 20 ? 39 : 0));
  }
  return { kind: 'ticks', batch };
}

async function open(dir: string): Promise<{ log: WalTickLog; store: SqliteCandleStore; state: MarketState }> {
  const store = await SqliteCandleStore.open({ path: join(dir, 'marketflow.db') });
  const state = new MarketState(OPTIONS);
  const checkpoint = await store.load();
  if (checkpoint !== null) state.restore(checkpoint);
  const log = await WalTickLog.open({
    dir: join(dir, 'ticklog'),
    durability: 'os',
    nowMs: Date.now,
    afterPosition: state.position,
  });
  for await (const entry of log.read(state.position)) state.apply(entry.record, entry.position);
  return { log, store, state };
}

/** All that the state would write, from its beginning, in a form that compares. */
function everything(state: MarketState): unknown {
  return state.knownSources().map((source) => ({
    ...source.snapshot(),
    evictedCount: source.countInCandles(),
    pairs: source.instruments.map((instrument) => instrument && [instrument.lastPrice, instrument.lastAtMs]),
    candles: source.instruments.flatMap((instrument) =>
      OPTIONS.intervalsMs.flatMap((intervalMs) =>
        instrument === undefined
          ? []
          : source
              .candlesInMemory(instrument, intervalMs)
              // Seconds that no tick can reach leave memory at a commit, and come back with the rest of their minute.
              .filter(({ openMs }) => openMs + intervalMs > source.watermarkMs - OPTIONS.latenessMs)
              .map((row) => ({ ...row, position: 0 })),
      ),
    ),
  }));
}

test('a process that dies after any record, with commits anywhere, goes on as if it had not', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'marketflow-integration-'));
  try {
    let crashes = 0;
    for (const commitEvery of [1, 7, 1_000]) {
      const home = join(dir, `every-${commitEvery}`);
      mkdirSync(home);
      let running = await open(home);
      for (let step = 0; step < STEPS; step++) {
        const next = record(step);
        const position = await running.log.append(next);
        running.state.apply(next, position);
        if (step % commitEvery === 0) {
          const delta = running.state.delta();
          assert.ok(delta);
          await running.store.commit(delta);
          running.state.committed(delta);
        }
        if (step % 9 !== 0) continue;
        // The folder as it is at this moment is what a killed process leaves behind.
        crashes++;
        const after = join(dir, `after-${crashes}`);
        cpSync(home, after, { recursive: true });
        const recovered = await open(after);
        assert.deepEqual(everything(recovered.state), everything(running.state), `after record ${step}`);
        await running.log.close();
        await running.store.close();
        running = recovered;
        rmSync(home, { recursive: true, force: true });
        cpSync(after, home, { recursive: true });
        await running.log.close();
        await running.store.close();
        running = await open(home);
      }
      const { frames, counted, rejected } = running.state.sources[0]?.snapshot() ?? assert.fail('no source');
      assert.equal(frames, counted + rejected.reduce((sum, count) => sum + count, 0));
      assert.equal(running.state.sources[0]?.countInCandles(), counted);
      assert.ok(rejected.filter((count) => count > 0).length === 2, 'the stream has late ticks and duplicates');
      await running.log.close();
      await running.store.close();
    }
    assert.ok(crashes > 30);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
