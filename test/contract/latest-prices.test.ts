import { randomUUID } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { MemoryLatestPrices, PriceShelf } from '../../internal/adapter/out/memory/memory-latest-prices.ts';
import { connected, openCache } from '../harness/redis-cache.ts';
import { RedisServer } from '../harness/redis-server.ts';
import { latestPricesContract } from './latest-prices.contract.ts';

latestPricesContract('memory', async () => {
  const shelf = new PriceShelf();
  return {
    open: async (run) => new MemoryLatestPrices(shelf, run, Date.now),
    empty: async () => shelf.clear(),
    dispose: async () => undefined,
  };
});

describe('over a Redis of the tests', () => {
  const server = new RedisServer({});
  before(() => server.startFirst());
  after(() => server.dispose());

  latestPricesContract('redis', async () => {
    const steps: (() => Promise<void> | void)[] = [];
    const prefix = `test-${randomUUID()}`;
    return {
      open: (run) => connected(openCache({ after: (step) => steps.push(step) }, server.url, { prefix, run })),
      empty: async () => void (await server.client.flushall()),
      dispose: async () => {
        for (const step of steps) await step();
        await server.client.flushall();
      },
    };
  });
});
