import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ExchangeInfo, SymbolInfo } from '../port/in/queries.ts';
import type { LatestPrices, Standing, SystemReport } from '../port/out/latest-prices.ts';
import { ReportPublished } from './report-published.ts';
import { WatchPublished } from './watch-published.ts';

const STANDING: Standing = {
  mode: { mode: 'live', epoch: 1, sinceMs: 0, switched: false },
  exchanges: { live: ['one', 'gone'], test: ['other'] },
  symbols: ['BTC'],
};

/** What a process answers that has heard `report`, and of names. */
async function reportOf(t: TestContext, report: Partial<SystemReport> | null) {
  const cache = {
    kind: 'fake',
    standing: () => Promise.resolve(STANDING),
    lastReport: () => Promise.resolve(report),
  } as Pick<LatestPrices, 'kind' | 'standing' | 'lastReport'> as LatestPrices;
  const settings = { mode: 'test', symbols: ['BTC'] } as const;
  const watch = new WatchPublished({ cache, store: null, settings, nowMs: Date.now });
  await watch.start();
  t.after(() => watch.stop());
  const process = { startedAtMs: 0, role: 'api', version: '1', unready: () => [] };
  return new ReportPublished({ watch, cache, store: null, nowMs: Date.now, ...process });
}

test('exchanges and symbols are those of the report, with what is known from before', async (t) => {
  const exchanges: ExchangeInfo[] = [
    { exchange: 'one', mode: 'live', state: 'live', address: 'tcp://one', symbols: ['BTC'], lastTickAt: 5 },
    { exchange: 'gone', mode: 'live', state: 'down', address: null, symbols: ['OLD'], lastTickAt: 4 },
  ];
  const symbols: SymbolInfo[] = [
    { symbol: 'OLD', status: 'down', exchanges: [{ exchange: 'gone', status: 'down', lastTickAt: 4 }] },
  ];
  const system = await reportOf(t, { exchanges, symbols });
  assert.deepEqual([system.exchanges(), system.symbols()], [exchanges, symbols]);
});

test('as long as there was no report, exchanges and symbols are those that can be asked for', async (t) => {
  const system = await reportOf(t, null);
  const unknown = { mode: 'live', state: 'stale', address: null, symbols: [], lastTickAt: null };
  assert.deepEqual(system.exchanges(), [
    { exchange: 'one', ...unknown },
    { exchange: 'gone', ...unknown },
  ]);
  assert.deepEqual(system.symbols(), [{ symbol: 'BTC', status: null, exchanges: [] }]);
});
