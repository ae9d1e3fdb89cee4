import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryCandleStore } from '../../internal/adapter/out/memory/memory-candle-store.ts';
import { SqliteCandleStore } from '../../internal/adapter/out/sqlite/sqlite-candle-store.ts';
import { candleStoreContract } from './candle-store.contract.ts';

candleStoreContract('memory', async () => {
  const store = new MemoryCandleStore();
  return { store, reopen: async () => store, dispose: () => store.close() };
});

candleStoreContract('sqlite', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'candle-store-'));
  const path = join(dir, 'marketflow.db');
  let store = await SqliteCandleStore.open({ path });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await SqliteCandleStore.open({ path });
      return store;
    },
    dispose: async () => {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
});
