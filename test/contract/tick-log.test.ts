import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { MemoryTickLog } from '../../internal/adapter/out/memory/memory-tick-log.ts';
import { WalTickLog } from '../../internal/adapter/out/wal/wal-tick-log.ts';
import { tickLogContract } from './tick-log.contract.ts';

const dirs: string[] = [];
after(async () => {
  for (const dir of dirs) await rm(dir, { recursive: true });
});

async function newDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tick-log-'));
  dirs.push(dir);
  return dir;
}

tickLogContract('memory', async (maxBytes) => new MemoryTickLog({ maxBytes }));
for (const durability of ['os', 'sync'] as const) {
  tickLogContract(`wal, ${durability}`, async (maxBytes) =>
    WalTickLog.open({ dir: await newDir(), durability, maxBytes, nowMs: Date.now }),
  );
}

it('a log in memory is numbered on behind the checkpoint', async () => {
  const log = new MemoryTickLog({ afterPosition: 41 });
  assert.equal(await log.append({ kind: 'finalise', source: 1, upToMs: 60_000 }), 42);
  for await (const { position, record } of log.read(41)) assert.deepEqual([position, record.kind], [42, 'finalise']);
  await log.close();
});
