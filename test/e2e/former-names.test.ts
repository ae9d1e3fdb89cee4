import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFolder } from '../harness/data-folder.ts';
import { LineFeed, lineOf, sourcesOf } from '../harness/line-feed.ts';
import { startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

interface Named {
  readonly exchange: string;
  readonly symbol: string;
}

test('after a restart with an exchange and a symbol fewer, all that prices are answered for is listed, with its status', async (t) => {
  const feeds = { exchange1: await LineFeed.listen(t), exchange2: await LineFeed.listen(t) };
  const dataDir = makeFolder(t);
  const mode = { MARKETFLOW_MODE: 'live' };
  const environment = { ...mode, MARKETFLOW_LIVE_SOURCES: sourcesOf(feeds), MARKETFLOW_SYMBOLS: 'BTCUSDT,OLDUSDT' };
  const before = await startService(t, { dataDir, environment });
  for (const feed of Object.values(feeds)) {
    await feed.connected();
    const timestamp = Date.now();
    await feed.sendLines(['BTCUSDT', 'OLDUSDT'].map((symbol) => lineOf({ symbol, price: 5, timestamp })));
  }
  await waitUntil('ticks are counted', async () => (await before.audit()).counted === 4);
  await before.stop();

  const fewer = { MARKETFLOW_LIVE_SOURCES: sourcesOf({ exchange2: feeds.exchange2 }), MARKETFLOW_SYMBOLS: 'BTCUSDT' };
  const service = await startService(t, { dataDir, environment: { ...mode, ...fewer } });
  await feeds.exchange2.connected(2);
  await feeds.exchange2.sendLines([lineOf({ symbol: 'BTCUSDT', price: 5, timestamp: Date.now() })]);
  for (const path of ['exchange1/BTCUSDT', 'exchange1/OLDUSDT', 'OLDUSDT']) {
    assert.equal((await service.get(`/prices/latest/${path}`)).status, 200, path);
  }
  const exchanges = async () => (await service.get('/v1/exchanges')).json().exchanges;
  await waitUntil('the one that is left is live', async () => (await exchanges())[0].state === 'live');
  const listed = (await exchanges()).map((info: Record<string, unknown>) => [
    ...[info['exchange'], info['state'], info['address'], info['symbols']],
  ]);
  const symbols = ['BTCUSDT', 'OLDUSDT'];
  assert.deepEqual(listed, [
    ['exchange2', 'live', `tcp://127.0.0.1:${feeds.exchange2.port}`, symbols],
    ['exchange1', 'down', null, symbols],
  ]);
  const known = (await service.get('/v1/symbols')).json().symbols;
  assert.deepEqual(
    known.map(({ symbol }: Named) => symbol),
    symbols,
  );
  assert.deepEqual(
    known[1].exchanges.map(({ exchange }: Named) => exchange),
    ['exchange1', 'exchange2'],
  );
});
