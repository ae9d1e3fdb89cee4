import { after } from 'node:test';
import { PostgresCandleStore } from '../../internal/adapter/out/postgres/postgres-candle-store.ts';
import { startPostgres } from '../harness/postgres-server.ts';
import { candleStoreContract, type StoreUnderTest } from './candle-store.contract.ts';

const server = await startPostgres({ after });

async function create(options: { readonly withTimescale: boolean }): Promise<StoreUnderTest> {
  const url = await server.createDatabase(undefined);
  const open = () =>
    PostgresCandleStore.open({
      url,
      schema: 'public',
      poolSize: 2,
      log: { id: 'contract', isEmpty: true },
      compressAfterMs: 7 * 86_400_000,
      retentionMs: null,
      nowMs: Date.now,
      useTimescale: options.withTimescale,
    });
  let store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await open();
      return store;
    },
    dispose: () => store.close(),
  };
}

candleStoreContract(`PostgreSQL ${server.version}`, () => create({ withTimescale: false }));

if (server.hasTimescale) candleStoreContract('TimescaleDB', () => create({ withTimescale: true }));
else process.stdout.write('# TimescaleDB is not installed beside this PostgreSQL: its contract run is left out\n');
